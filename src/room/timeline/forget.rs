//! The periodic job that removes what is older than the timeline is kept.

use super::store;
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Running};

/// The most rows that one statement removes.
const AT_ONCE: i64 = 1_000;

/// Removes the stretches that are older than `room.timeline_days`, in batches until none is left. It may run twice without
/// harm.
#[derive(Clone, Copy, Debug)]
pub struct ForgetTimeline {
    days: i32,
}

impl ForgetTimeline {
    /// The job that keeps the timeline for so many days.
    pub fn after(days: u32) -> Self {
        Self { days: i32::try_from(days).unwrap_or(i32::MAX) }
    }
}

impl Kind for ForgetTimeline {
    const NAME: &'static str = "room.forget_timeline";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let mut conn = job.pool().acquire().await.map_err(Error::from)?;
        while store::delete_old(&mut conn, self.days, AT_ONCE).await.map_err(Error::from)? == AT_ONCE as u64 {}
        Ok(())
    }
}
