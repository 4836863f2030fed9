//! What identity does again and again: keys are followed by new ones, and what counts no more goes.

use std::time::Duration;

use super::Identity;
use super::key::REFRESH_EVERY;
use crate::kit::edge::Edge;
use crate::kit::jobs::{Failure, Kind, Kinds, Running};

/// Between two removals of what counts no more.
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// Gives signing keys that are old successors and deletes those that verify nothing any more. Once: in the
/// transaction of its mark.
struct SucceedKeys(Identity, Edge);

impl Kind for SucceedKeys {
    const NAME: &'static str = "identity.keys";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let Self(identity, edge) = self;
        identity.keys().succeed(job.settle().await?, edge.now(), edge.chance()).await?;
        Ok(())
    }
}

/// Deletes old revocations, codes that have run out and counts that count no more. Once: in the transaction of
/// its mark.
struct Sweep(Identity);

impl Kind for Sweep {
    const NAME: &'static str = "identity.sweep";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        Ok(self.0.forget(job.settle().await?).await?)
    }
}

impl Identity {
    /// Adds what identity does again and again, and what each node does with its own memory of it.
    #[must_use]
    pub fn kinds(&self, kinds: Kinds, edge: &Edge) -> Kinds {
        let (keys, limits) = (self.keys().clone(), self.clone());
        kinds
            .every(REFRESH_EVERY, SucceedKeys(self.clone(), edge.clone()))
            .every(SWEEP_EVERY, Sweep(self.clone()))
            .on_each_node("identity.keys", REFRESH_EVERY, move || {
                let keys = keys.clone();
                async move {
                    if let Err(error) = keys.read().await {
                        tracing::warn!(%error, "the signing keys could not be read; those in memory go on");
                    }
                }
            })
            .on_each_node("identity.limits", REFRESH_EVERY, move || {
                limits.sweep_limits();
                async {}
            })
    }
}
