//! The periodic job of media: it removes files that nothing shows.

use std::time::Duration;

use super::Media;
use super::service::CLEAN_UP_BATCH;
use crate::kit::edge::Edge;
use crate::kit::jobs::{Failure, Kind, Kinds, Retry, Running};

/// How often files that nothing shows are looked for.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(600);
/// How often each node sweeps its rate limits.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Removes files that nothing has shown for long. **At least once**: if the server ends between the removal of an
/// object and the commit that deletes its row, the object is removed again, which changes nothing, because removing an
/// object that is gone is no error. A row is deleted only after its objects.
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
    /// Registers the periodic job of media, and the sweep that each node does in its own memory.
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
