//! The periodic job that closes visits which nobody else will close, and removes old ones.

use super::store;
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Running};

/// The most rows that one statement changes.
const AT_ONCE: i64 = 1_000;

/// Closes the visits that a server has left open which is gone: they ended when it was last seen. Then it removes the
/// visits that are older than `room.visits_days`, in batches. To do it twice changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct KeepVisits {
    days: i32,
}

impl KeepVisits {
    /// The job that keeps visits for so many days.
    pub fn after(days: u32) -> Self {
        Self { days: i32::try_from(days).unwrap_or(i32::MAX) }
    }
}

impl Kind for KeepVisits {
    const NAME: &'static str = "room.keep_visits";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let mut conn = job.pool().acquire().await.map_err(Error::from)?;
        while store::close_left(&mut conn, AT_ONCE).await.map_err(Error::from)? == AT_ONCE as u64 {}
        while store::delete_old(&mut conn, self.days, AT_ONCE).await.map_err(Error::from)? == AT_ONCE as u64 {}
        store::delete_writers(&mut conn, self.days).await.map_err(Error::from)?;
        Ok(())
    }
}
