//! The periodic job that removes old hard facts and kicks that are over, so that nobody's acts grow without bound.

use super::store;
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Running};

/// The most rows that one statement removes.
const AT_ONCE: i64 = 1_000;

/// Removes the facts that are older than `room.facts_days`, in batches until none is left. What they made true stays: it
/// stands in tables of its own. A hard command that is sent again after that is decided as if it had never been sent. The
/// job may run twice without harm.
#[derive(Clone, Copy, Debug)]
pub struct ForgetFacts {
    days: i32,
}

impl ForgetFacts {
    /// The job that keeps facts for so many days.
    pub fn after(days: u32) -> Self {
        Self { days: i32::try_from(days).unwrap_or(i32::MAX) }
    }
}

impl Kind for ForgetFacts {
    const NAME: &'static str = "room.forget_facts";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let mut conn = job.pool().acquire().await.map_err(Error::from)?;
        while store::delete_facts(&mut conn, self.days, AT_ONCE).await.map_err(Error::from)? == AT_ONCE as u64 {}
        while store::delete_kicks(&mut conn, AT_ONCE).await.map_err(Error::from)? == AT_ONCE as u64 {}
        Ok(())
    }
}
