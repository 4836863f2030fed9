//! The periodic job that marks expired coin requests.

use crate::kit::clock::Clock;
use crate::kit::jobs::{Failure, Kind, Running};

/// Marks coin requests that have expired. It takes effect once, in the transaction of the job's mark. One run marks a
/// limited number; the rest waits for the next run. The clock is the one by which requests are made and approved.
#[derive(Clone, Debug)]
pub struct Expire(pub Clock);

impl Kind for Expire {
    const NAME: &'static str = "coins.expire_requests";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        super::expire(job.settle().await?, self.0.now()).await?;
        Ok(())
    }
}
