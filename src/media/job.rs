//! What media does again and again: files that nothing shows are removed.

use std::time::Duration;

use super::Media;
use super::service::CLEAN_UP_BATCH;
use crate::kit::edge::Edge;
use crate::kit::jobs::{Failure, Kind, Kinds, Retry, Running};

/// Between two looks for files that nothing shows.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(600);
/// Between two sweeps of a node's limit.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Removes files that nothing has shown for long. Done again it changes nothing more: the object store knows
/// each object by its key, and a row is forgotten only when its objects are gone.
struct CleanUp(Media, Edge);

impl Kind for CleanUp {
    const NAME: &'static str = "media.clean_up";
    type Payload = ();

    fn retry(&self) -> Retry {
        Retry { attempts: 3, first: Duration::from_secs(60), longest: Duration::from_secs(60) }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(300)
    }

    async fn run(&self, _: &mut Running, (): ()) -> Result<(), Failure> {
        while self.0.has_storage() && self.0.clean_up(&self.1).await? == CLEAN_UP_BATCH as usize {}
        Ok(())
    }
}

impl Media {
    /// Adds what media does again and again, and what each node does with its own memory of it.
    #[must_use]
    pub fn kinds(&self, kinds: Kinds, edge: &Edge) -> Kinds {
        let limits = self.clone();
        kinds.every(CLEAN_UP_EVERY, CleanUp(self.clone(), edge.clone())).on_each_node(
            "media.limits",
            SWEEP_EVERY,
            move || {
                limits.sweep_limits();
                async {}
            },
        )
    }
}
