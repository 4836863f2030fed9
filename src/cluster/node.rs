//! This process as a node: it takes its lease, renews it, and notices when it has been replaced.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::lease::{Lease, Proof};
use super::mode::{self, Mode};
use super::watched::{Holder, WATCH, Watched, occupied, unanswered};
use super::{Settings, store};
use crate::kit::clock::{BootClock, BootTime};
use crate::kit::error::Result;
use crate::kit::supervise::Supervisor;
use crate::kit::tx::Tx;
use crate::start::StartError;

/// One process among all that ever served. After a restart the name is the same and the incarnation is higher.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// The node's name.
    pub node_id: String,
    /// The number of the process: it rises with every start of any node.
    pub incarnation: i64,
}

/// This process, which holds its lease. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    identity: Identity,
    pool: PgPool,
    clock: BootClock,
    lease: Lease,
    /// Cancelled when another server has taken this one's place.
    lost: CancellationToken,
    /// Cancelled when the lease is no longer renewed.
    renewing: CancellationToken,
}

impl Node {
    /// Takes the lease and keeps renewing it until the supervisor stops. `clock` measures for how long a renewal proves
    /// the lease.
    ///
    /// A server without Redis is the only node, whatever its name is. If the last one has not given its lease back, the
    /// lease is watched: when it is renewed, another server is alive and this start fails; when it has not changed for
    /// as long as its holder could prove it, by this process's own clock, that server is gone and this one replaces it.
    /// So a start after a crash waits for one lease, whatever the database's clock showed then or shows now. Starts and
    /// renewals exclude each other in the database: if an old server renews late while a new one finds it dead, exactly
    /// one of them gets the place, and the other one notices.
    ///
    /// # Errors
    /// If another server serves this database, or the database cannot be reached.
    pub async fn start(
        pool: PgPool,
        clock: BootClock,
        settings: &Settings,
        supervisor: &Supervisor,
    ) -> Result<Self, StartError> {
        let mut watched = Watched::new(clock.clone(), settings);
        let (incarnation, asked) = loop {
            let mut tx = Tx::begin(&pool).await.map_err(unanswered)?;
            let taken = take(&mut tx, &clock, settings, &mut watched).await?;
            tx.commit().await.map_err(unanswered)?;
            if let Some(taken) = taken {
                break taken;
            }
            tokio::select! {
                biased;
                () = supervisor.stop().cancelled() => return Err(StartError::new("stopped while waiting for another server's lease to run out")),
                () = sleep(WATCH) => {}
            }
        };
        let identity = Identity { node_id: settings.node_id.clone(), incarnation };
        let (lost, renewing) = (CancellationToken::new(), supervisor.stop().child_token());
        let (proof, proved) = Lease::proved_until(clock.clone(), asked.plus(settings.proved()));
        let node = Self(Arc::new(Inner { identity, pool, clock, lease: proved, lost, renewing }));
        let (kept, settings) = (node.clone(), settings.clone());
        let until = node.0.renewing.clone();
        supervisor.engine("lease renewal", &until, async move { kept.renew(&settings, &proof).await });
        Ok(node)
    }

    /// The name and incarnation of this process.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Notes how this server was started. It is called once, when the lease is held and before anything else is written.
    ///
    /// # Errors
    /// For `dev` if the database has served people; an outage of the store.
    pub async fn note(&self, mode: Mode) -> Result<(), StartError> {
        let Inner { pool, identity, .. } = &*self.0;
        let mut tx = Tx::begin(pool).await.map_err(unanswered)?;
        if mode == Mode::Dev {
            mode::refuse(store::has_served_people(&mut tx, Some(identity.incarnation)).await.map_err(unanswered)?)?;
        }
        store::set_mode(&mut tx, identity, mode.name()).await.map_err(unanswered)?;
        tx.commit().await.map_err(unanswered)
    }

    /// The token that is cancelled when another server has taken this one's place. From then on this process may decide
    /// nothing, and has to end.
    pub fn lost(&self) -> CancellationToken {
        self.0.lost.clone()
    }

    /// The proof that this process holds its lease. While it does not hold, nothing may be decided.
    pub fn lease(&self) -> Lease {
        self.0.lease.clone()
    }

    /// Whether this process holds its lease, goes on renewing it, and has not been replaced.
    pub fn serves(&self) -> bool {
        self.0.lease.holds() && !self.0.lost.is_cancelled() && !self.0.renewing.is_cancelled()
    }

    /// Ends the lease, so that the next server need not wait for it. It is called last, when nothing is decided or
    /// written any more.
    ///
    /// # Errors
    /// A fault or an outage of the store; the lease then runs out by itself.
    pub async fn release(&self) -> Result<()> {
        // A renewal that is under way is either dropped before its commit, or waited for by its row's lock. So none
        // comes after this.
        self.0.renewing.cancel();
        let mut tx = Tx::begin(&self.0.pool).await?;
        store::end_lease(&mut tx, &self.0.identity).await?;
        tx.commit().await
    }

    async fn renew(self, settings: &Settings, proof: &Proof) {
        let (every, lease_ms) = (Duration::from_millis(settings.renew_ms), settings.lease_ms());
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The renewal has a connection of its own, so that the lease is not lost when the pool is busy.
        let mut connection = None;
        let mut failing = false;
        let renewing = &self.0.renewing;
        while renewing.run_until_cancelled(ticks.tick()).await.is_some() {
            let renewal = timeout(every, self.renew_once(&mut connection, lease_ms));
            let Some(renewed) = renewing.run_until_cancelled(renewal).await else { return };
            let why = match renewed {
                Ok(Ok(Some(asked))) => {
                    proof.renew(asked.plus(settings.proved()));
                    if std::mem::take(&mut failing) {
                        tracing::info!("the node's lease is renewed again");
                    }
                    continue;
                }
                Ok(Ok(None)) => {
                    tracing::error!(node.id = self.0.identity.node_id, "another server has taken this one's place");
                    self.0.lost.cancel();
                    self.0.renewing.cancel();
                    return;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            // A statement may still be running on the old connection.
            connection = None;
            if !std::mem::replace(&mut failing, true) {
                tracing::warn!(
                    why,
                    "the node's lease could not be renewed: when it runs out, the rooms pause until it is renewed again"
                );
            }
        }
    }

    /// Renews the lease once. Returns the moment before the renewal was sent, from which its duration is counted, or
    /// `None` if this process has been replaced.
    async fn renew_once(&self, connection: &mut Option<PgConnection>, lease_ms: i64) -> sqlx::Result<Option<BootTime>> {
        let conn = match connection {
            Some(conn) => conn,
            None => connection.insert(PgConnection::connect_with(&self.0.pool.connect_options()).await?),
        };
        let mut tx = conn.begin().await?;
        store::hold_place(&mut tx).await?;
        let asked = self.0.clock.now();
        let renewed = store::renew_lease(&mut tx, &self.0.identity, lease_ms).await?;
        tx.commit().await?;
        Ok(renewed.then_some(asked))
    }
}

/// Takes the lease if no other server has it. Returns the incarnation and the moment before the lease was asked for;
/// `None` if it is not known yet whether another server lives. If two processes try at once, one of them gets it.
async fn take(
    tx: &mut Tx,
    clock: &BootClock,
    settings: &Settings,
    watched: &mut Watched,
) -> Result<Option<(i64, BootTime)>, StartError> {
    store::take_place(tx).await.map_err(unanswered)?;
    // Getting the lock may have taken long, so the lease is counted from after it.
    let asked = clock.now();
    if let Some(held) = store::newest_lease(tx).await.map_err(unanswered)? {
        match watched.holder_of(&held) {
            Holder::Unknown => return Ok(None),
            Holder::Alive => return Err(occupied(&held)),
            Holder::Gone => {}
        }
    }
    store::end_leases(tx).await.map_err(unanswered)?;
    let incarnation = store::take_lease(tx, &settings.node_id, settings.lease_ms()).await.map_err(unanswered)?;
    Ok(Some((incarnation, asked)))
}
