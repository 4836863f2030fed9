//! This process as a node: it takes its lease, renews it, and notices when it has been replaced.

use std::sync::Arc;
use std::time::Duration;

use parlor_protocol::ErrorCode;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::lease::{Lease, Proof};
use super::mode::{self, Mode, WATCH};
use super::{Settings, store};
use crate::kit::clock::{BootClock, BootTime};
use crate::kit::error::{Error, Result};
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
    /// A server without Redis is the only node, whatever its name is. If another lease lives, it is watched: when it is
    /// renewed, another server is alive and this start fails; when it runs out, that server is gone and this one
    /// replaces it. So a start after a crash waits for at most one lease. Starts and renewals exclude each other in the
    /// database: if an old server renews late while a new one finds the lease expired, exactly one of them gets it,
    /// and the other one notices.
    ///
    /// # Errors
    /// If another server serves this database, or the database cannot be reached.
    pub async fn start(
        pool: PgPool,
        clock: BootClock,
        settings: &Settings,
        supervisor: &Supervisor,
    ) -> Result<Self, StartError> {
        let mut watched = Watched::default();
        let lease = Duration::from_millis(settings.lease_ms);
        let (incarnation, asked) = loop {
            let mut tx = Tx::begin(&pool).await.map_err(unanswered)?;
            let taken = take(&mut tx, &clock, &settings.node_id, lease).await.map_err(unanswered)?;
            tx.commit().await.map_err(unanswered)?;
            let living = match taken {
                Taken::Free { incarnation, asked } => break (incarnation, asked),
                Taken::Occupied(living) => living,
            };
            watched.judge(living)?;
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
        let (every, lease) = (Duration::from_millis(settings.renew_ms), Duration::from_millis(settings.lease_ms));
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The renewal has a connection of its own, so that the lease is not lost when the pool is busy.
        let mut connection = None;
        let mut failing = false;
        let renewing = &self.0.renewing;
        while renewing.run_until_cancelled(ticks.tick()).await.is_some() {
            let renewal = timeout(every, self.renew_once(&mut connection, lease));
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
    async fn renew_once(
        &self,
        connection: &mut Option<PgConnection>,
        lease: Duration,
    ) -> sqlx::Result<Option<BootTime>> {
        let conn = match connection {
            Some(conn) => conn,
            None => connection.insert(PgConnection::connect_with(&self.0.pool.connect_options()).await?),
        };
        let mut tx = conn.begin().await?;
        store::hold_place(&mut tx).await?;
        let asked = self.0.clock.now();
        let renewed = store::renew_lease(&mut tx, &self.0.identity, lease.as_secs_f64() * 1_000.0).await?;
        tx.commit().await?;
        Ok(renewed.then_some(asked))
    }
}

/// The outcome of an attempt to take the lease.
enum Taken {
    /// No other lease lived: this process has the lease, with this incarnation, asked for at this moment.
    Free { incarnation: i64, asked: BootTime },
    /// Another server's lease lives.
    Occupied(store::Lease),
}

/// Takes the lease if no other lives. If two processes try at once, one of them gets it.
async fn take(tx: &mut Tx, clock: &BootClock, node_id: &str, lease: Duration) -> sqlx::Result<Taken> {
    store::take_place(tx).await?;
    // Getting the lock may have taken long, so the lease is counted from after it.
    let asked = clock.now();
    if let Some(living) = store::live_lease(tx).await? {
        return Ok(Taken::Occupied(living));
    }
    let incarnation = store::take_lease(tx, node_id, lease.as_secs_f64() * 1_000.0).await?;
    Ok(Taken::Free { incarnation, asked })
}

/// Another server's lease as it was seen first. It tells whether the lease is renewed or runs out.
#[derive(Default)]
pub(super) struct Watched(Option<store::Lease>);

impl Watched {
    /// Looks at the living lease once more.
    ///
    /// # Errors
    /// If it was renewed since it was first seen: another server is alive.
    pub(super) fn judge(&mut self, living: store::Lease) -> Result<(), StartError> {
        match &self.0 {
            None => {
                tracing::info!(
                    node.id = living.node_id,
                    left_ms = living.left_ms,
                    "another server's lease has not run out: waiting to see whether it is renewed"
                );
                self.0 = Some(living);
                Ok(())
            }
            Some(before) if before.until_us != living.until_us || before.incarnation != living.incarnation => {
                Err(occupied(&living))
            }
            Some(_) => Ok(()),
        }
    }
}

fn occupied(living: &store::Lease) -> StartError {
    StartError::new(format!(
        "another server (node `{}`) is serving this database, and there can be only one: stop that one first, or \
         give this one a database of its own",
        living.node_id
    ))
}

pub(super) fn unanswered(error: impl Into<Error>) -> StartError {
    let error = error.into();
    let what = if error.code() == ErrorCode::StoreUnavailable {
        "the database does not answer: see that PostgreSQL runs, then start again"
    } else {
        "no server can be started on this database: see that DATABASE_URL names Parlor's database, and the role that \
         serves (parlor_app)"
    };
    StartError::new(what).because(error)
}
