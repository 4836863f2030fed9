//! This process as a node: takes its lease, renews it, and says when it has been replaced.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::lease::{Lease, Proof};
use super::{Settings, store};
use crate::kit::clock::{BootClock, BootTime};
use crate::kit::error::Result;
use crate::kit::supervise::Supervisor;
use crate::kit::tx::Tx;
use crate::start::StartError;

/// How often a start looks at the lease of another server: several times per renewal.
const WATCH: Duration = Duration::from_millis(200);

/// One process among all that ever served: a restart has the same name and another incarnation.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// The node's name.
    pub node_id: String,
    /// Which of its processes: rises with every start.
    pub incarnation: i64,
}

/// This process, holding its lease.
#[derive(Clone, Debug)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    identity: Identity,
    pool: PgPool,
    clock: BootClock,
    lease: Lease,
    lost: CancellationToken,
    /// Cancelled when the lease is no longer renewed.
    renewing: CancellationToken,
}

impl Node {
    /// Takes the lease and keeps renewing it until the supervisor stops. What a renewal proves is
    /// reckoned by `clock`.
    ///
    /// A server without Redis is the only node, whatever its name. While another lease lives it is
    /// watched: once it is renewed, a server is alive there; if it runs out, that server is gone and is
    /// replaced. So a start after a crash waits for at most one lease. Starts and renewals exclude each
    /// other in the database: of an old server that renews late and a new one that finds the lease run
    /// out, exactly one holds it, and the other hears of that.
    ///
    /// # Errors
    /// Another server is serving this database, or the store cannot be reached: in a sentence.
    pub async fn start(
        pool: PgPool,
        clock: BootClock,
        settings: &Settings,
        supervisor: &Supervisor,
    ) -> Result<Self, StartError> {
        let mut watched: Option<store::Lease> = None;
        let lease = Duration::from_millis(settings.lease_ms);
        let (incarnation, asked) = loop {
            let mut tx = Tx::begin(&pool).await.map_err(unanswered)?;
            let taken = take(&mut tx, &clock, &settings.node_id, lease).await.map_err(unanswered)?;
            tx.commit().await.map_err(unanswered)?;
            let living = match taken {
                Taken::Free { incarnation, asked } => break (incarnation, asked),
                Taken::Occupied(living) => living,
            };
            match &watched {
                None => {
                    tracing::info!(node.id = living.node_id, left_ms = living.left_ms, "a lease lives: watching it");
                    watched = Some(living);
                }
                Some(before) if before.until_us != living.until_us || before.incarnation != living.incarnation => {
                    return Err(occupied(&living));
                }
                Some(_) => {}
            }
            tokio::select! {
                biased;
                () = supervisor.stop().cancelled() => return Err(StartError::new("stopped while another server's lease lived")),
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

    /// Which process this is.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Cancelled when another server has taken this one's place: nothing may be decided any more, and
    /// the server ends.
    pub fn lost(&self) -> CancellationToken {
        self.0.lost.clone()
    }

    /// Whether this process can prove that it holds its lease: where it cannot, nothing is decided.
    pub fn lease(&self) -> Lease {
        self.0.lease.clone()
    }

    /// It holds its lease, goes on renewing it, and has not been replaced.
    pub fn serves(&self) -> bool {
        self.0.lease.holds() && !self.0.lost.is_cancelled() && !self.0.renewing.is_cancelled()
    }

    /// Ends the lease, so that the next server need not wait for it. To be called last.
    ///
    /// # Errors
    /// Those of the store; the lease then runs out by itself.
    pub async fn release(&self) -> Result<()> {
        // A renewal under way is dropped before its commit, or its row lock is waited for: none comes later.
        self.0.renewing.cancel();
        let mut tx = Tx::begin(&self.0.pool).await?;
        store::end_lease(&mut tx, &self.0.identity).await?;
        tx.commit().await
    }

    async fn renew(self, settings: &Settings, proof: &Proof) {
        let (every, lease) = (Duration::from_millis(settings.renew_ms), Duration::from_millis(settings.lease_ms));
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A connection of its own: a pool that has much to do must not cost the lease.
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
            // What is under way on it is unknown.
            connection = None;
            if !std::mem::replace(&mut failing, true) {
                tracing::warn!(why, "the node's lease could not be renewed: without it the rooms pause");
            }
        }
    }

    /// Until when is reckoned from before the renewal was sent: that moment, or `None` where this process
    /// has been replaced.
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

/// What a start found.
enum Taken {
    /// Nobody: the lease is ours, asked for at this moment.
    Free { incarnation: i64, asked: BootTime },
    /// A lease that lives.
    Occupied(store::Lease),
}

/// Takes the lease if no other lives; of two who try at once, one.
async fn take(tx: &mut Tx, clock: &BootClock, node_id: &str, lease: Duration) -> sqlx::Result<Taken> {
    store::take_place(tx).await?;
    // The lock may have been waited for: the lease is reckoned from behind it.
    let asked = clock.now();
    if let Some(living) = store::live_lease(tx).await? {
        return Ok(Taken::Occupied(living));
    }
    let incarnation = store::take_lease(tx, node_id, lease.as_secs_f64() * 1_000.0).await?;
    Ok(Taken::Free { incarnation, asked })
}

fn occupied(living: &store::Lease) -> StartError {
    StartError::new(format!(
        "another server (node `{}`) is serving this database, and there can be only one: stop that one first, or \
         give this one a database of its own",
        living.node_id
    ))
}

fn unanswered(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StartError {
    StartError::new("the database does not answer: see that PostgreSQL runs, then start again").because(error)
}
