//! This process as a node: takes its lease, renews it, and says when it has been replaced.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lease::{Lease, Proof};
use super::{Settings, store};
use crate::error::{Error, Result};

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
    lease: Lease,
    lost: CancellationToken,
}

impl Node {
    /// Takes the lease and keeps renewing it until `stop`.
    ///
    /// A server without Redis is the only node. While another lease lives it is watched: once it is
    /// renewed, a server is alive there; if it runs out, that server is gone and is replaced. So a
    /// start after a crash waits for at most one lease.
    ///
    /// # Errors
    /// Another server is serving this database, or the store cannot be reached.
    pub async fn start(
        pool: PgPool,
        settings: &Settings,
        stop: CancellationToken,
        tracker: &TaskTracker,
    ) -> Result<Self> {
        let lease_ms = settings.lease_ms as f64;
        let mut watched: Option<store::Lease> = None;
        let (incarnation, sent) = loop {
            let sent = Instant::now();
            let mut tx = pool.begin().await?;
            store::serialize_starts(&mut tx).await?;
            // A lease that is just being renewed is read behind its renewal.
            store::lock_nodes(&mut tx).await?;
            let Some(lease) = store::live_lease(&mut tx).await? else {
                let incarnation = store::take_lease(&mut tx, &settings.node_id, lease_ms).await?;
                tx.commit().await?;
                break (incarnation, sent);
            };
            tx.rollback().await?;
            match &watched {
                None => {
                    tracing::info!(node.id = lease.node_id, left_ms = lease.left_ms, "a lease lives: watching it");
                    watched = Some(lease);
                }
                Some(before) if before.until_us != lease.until_us || before.incarnation != lease.incarnation => {
                    return Err(occupied(&lease));
                }
                Some(_) => {}
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Error::internal("stopped while waiting for another server's lease")),
                () = sleep(WATCH) => {}
            }
        };
        let identity = Identity { node_id: settings.node_id.clone(), incarnation };
        let (proof, lease) = Lease::proved_until(sent + settings.proved());
        let node = Self(Arc::new(Inner { identity, pool, lease, lost: CancellationToken::new() }));
        let (renewing, settings) = (node.clone(), settings.clone());
        tracker.spawn(async move { renewing.renew(&settings, &proof, stop).await });
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

    /// It holds its lease and has not been replaced.
    pub fn serves(&self) -> bool {
        self.0.lease.holds() && !self.0.lost.is_cancelled()
    }

    /// Ends the lease, so that the next server need not wait for it. To be called last.
    ///
    /// # Errors
    /// Those of the store; the lease then runs out by itself.
    pub async fn release(&self) -> Result<()> {
        let mut conn = self.0.pool.acquire().await?;
        store::end_lease(&mut conn, &self.0.identity).await?;
        Ok(())
    }

    async fn renew(self, settings: &Settings, proof: &Proof, stop: CancellationToken) {
        let every = Duration::from_millis(settings.renew_ms);
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A connection of its own: a pool that has much to do must not cost the lease.
        let mut connection = None;
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let sent = Instant::now();
            let renewed = timeout(every, self.renew_once(&mut connection, settings.lease_ms as f64)).await;
            let why = match renewed {
                Ok(Ok(true)) => {
                    proof.renew(sent + settings.proved());
                    if std::mem::take(&mut failing) {
                        tracing::info!("the node's lease is renewed again");
                    }
                    continue;
                }
                Ok(Ok(false)) => {
                    tracing::error!(node.id = self.0.identity.node_id, "another server has taken this one's place");
                    self.0.lost.cancel();
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

    /// `false`: another server has taken this one's place.
    async fn renew_once(&self, connection: &mut Option<PgConnection>, lease_ms: f64) -> sqlx::Result<bool> {
        let node = &self.0.identity;
        let conn = match connection {
            Some(conn) => conn,
            None => connection.insert(PgConnection::connect_with(&self.0.pool.connect_options()).await?),
        };
        if store::renew_lease(conn, node, lease_ms).await? {
            return Ok(true);
        }
        // After an outage the lease may have run out with nobody to take the place: it goes on, unless
        // another server starts or serves.
        let mut tx = conn.begin().await?;
        store::serialize_starts(&mut tx).await?;
        store::lock_nodes(&mut tx).await?;
        let is_replaced =
            store::lease_of(&mut tx, node).await?.is_none() || store::live_lease(&mut tx).await?.is_some();
        let revived = !is_replaced && store::revive_lease(&mut tx, node, lease_ms).await?;
        tx.commit().await?;
        Ok(revived)
    }
}

fn occupied(lease: &store::Lease) -> Error {
    Error::internal(format!(
        "another server (node `{}`) is serving this database; without Redis there can be only one",
        lease.node_id
    ))
}
