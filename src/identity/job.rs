//! The periodic jobs of identity: old signing keys get successors, and rows that count no more are deleted.

use std::time::Duration;

use super::Identity;
use super::key::REFRESH_EVERY;
use crate::kit::edge::Edge;
use crate::kit::jobs::{Failure, Kind, Kinds, Running};

/// How often rows that count no more are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// Makes successors to old signing keys, and deletes keys that verify nothing any more. It takes effect once, in the
/// transaction of the job's mark.
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

/// Deletes old revocations and sessions, expired codes and what counts no more. It takes effect once, in the
/// transaction of the job's mark.
struct Sweep(Identity);

impl Kind for Sweep {
    const NAME: &'static str = "identity.sweep";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        Ok(self.0.forget(job.settle().await?).await?)
    }
}

impl Identity {
    /// Registers the periodic jobs of identity, and what each node does in its own memory: it reads the signing keys,
    /// and sweeps its rate limits.
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
                        tracing::warn!(%error, "the signing keys could not be read; those in memory are still used");
                    }
                }
            })
            .on_each_node("identity.limits", REFRESH_EVERY, move || {
                limits.sweep_limits();
                async {}
            })
    }
}
