//! The periodic job that removes old hard facts, kicks that are over and old images of lines, so that nobody's acts grow without
//! bound.

use super::{images, store};
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Running};

/// The most rows that one statement removes.
const AT_ONCE: i64 = 1_000;

/// Removes the facts that are older than `room.facts_days`, in batches until none is left. What they made true stays: it
/// stands in tables of its own. Images of lines that are older than `room.images_days` are withdrawn. A hard command that is sent again after that is decided as if it had never been sent. The
/// job may run twice without harm.
#[derive(Clone, Copy, Debug)]
pub struct ForgetFacts {
    days: i32,
    image_days: i32,
}

impl ForgetFacts {
    /// The job that keeps facts for so many days, and images of lines for so many.
    pub fn after(days: u32, image_days: u32) -> Self {
        let whole = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        Self { days: whole(days), image_days: whole(image_days) }
    }
}

impl Kind for ForgetFacts {
    const NAME: &'static str = "room.forget_facts";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let mut conn = job.pool().acquire().await.map_err(Error::from)?;
        while store::delete_facts(&mut conn, self.days, AT_ONCE).await.map_err(Error::from)? == AT_ONCE as u64 {}
        while store::delete_kicks(&mut conn, AT_ONCE).await.map_err(Error::from)? == AT_ONCE as u64 {}
        while images::delete_older(&mut conn, self.image_days, AT_ONCE).await.map_err(Error::from)? == AT_ONCE as u64 {}
        Ok(())
    }
}
