//! The periodic job that marks expired coin requests.

use crate::kit::jobs::{Failure, Kind, Running};

/// Marks coin requests that have expired. It takes effect once, in the transaction of the job's mark. One run marks a
/// limited number; the rest waits for the next run.
#[derive(Clone, Copy, Debug)]
pub struct Expire;

impl Kind for Expire {
    const NAME: &'static str = "coins.expire_requests";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        super::expire(job.settle().await?).await?;
        Ok(())
    }
}
