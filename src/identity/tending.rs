//! What identity does again and again: the loop is an edge, and opens a transaction for each of its works.

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Identity;
use super::key::REFRESH_EVERY;
use crate::kit::edge::Edge;
use crate::kit::error::Result;

impl Identity {
    /// Keeps the keys, the tables and the limits' memory in order until `stop`.
    pub(super) async fn tend(self, edge: Edge, stop: CancellationToken) {
        let mut every = interval(REFRESH_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        every.tick().await; // the first is at once, and the keys were just read
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            if let Err(error) = self.keys().tend(&edge).await {
                tracing::warn!(error = %error, "the signing keys could not be read; those in memory go on");
            }
            if let Err(error) = self.clean(&edge).await {
                tracing::warn!(error = %error, "old revocations, codes and counts could not be removed; they are tried again");
            }
            self.sweep_limits();
        }
    }

    async fn clean(&self, edge: &Edge) -> Result<()> {
        let mut tx = edge.begin().await?;
        self.forget(&mut tx).await?;
        tx.commit().await
    }
}
