//! This process as a node: takes its lease, renews it, and says when it has been replaced.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
        let incarnation = loop {
            let mut tx = pool.begin().await?;
            store::serialize_starts(&mut tx).await?;
            let Some(lease) = store::live_lease(&mut tx).await? else {
                let incarnation = store::take_lease(&mut tx, &settings.node_id, lease_ms).await?;
                tx.commit().await?;
                break incarnation;
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
        let node = Self(Arc::new(Inner { identity, pool, lost: CancellationToken::new() }));
        let (renewing, every) = (node.clone(), Duration::from_millis(settings.renew_ms));
        tracker.spawn(async move { renewing.renew(lease_ms, every, stop).await });
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

    /// Ends the lease, so that the next server need not wait for it. To be called last.
    ///
    /// # Errors
    /// Those of the store; the lease then runs out by itself.
    pub async fn release(&self) -> Result<()> {
        let mut conn = self.0.pool.acquire().await?;
        store::end_lease(&mut conn, &self.0.identity).await?;
        Ok(())
    }

    async fn renew(self, lease_ms: f64, every: Duration, stop: CancellationToken) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            match timeout(every, self.renew_once(lease_ms)).await {
                Ok(Ok(true)) if failing => {
                    failing = false;
                    tracing::info!("the node's lease is renewed again");
                }
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    tracing::error!(node.id = self.0.identity.node_id, "another server has taken this one's place");
                    self.0.lost.cancel();
                    return;
                }
                // An outage of the store changes no owner: nobody else can claim meanwhile.
                Ok(Err(error)) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "the node's lease could not be renewed");
                }
                Err(_) if !failing => {
                    failing = true;
                    tracing::warn!("the node's lease could not be renewed in time");
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    async fn renew_once(&self, lease_ms: f64) -> sqlx::Result<bool> {
        let mut conn = self.0.pool.acquire().await?;
        store::renew_lease(&mut conn, &self.0.identity, lease_ms).await
    }
}

fn occupied(lease: &store::Lease) -> Error {
    Error::internal(format!(
        "another server (node `{}`) is serving this database; without Redis there can be only one",
        lease.node_id
    ))
}
