//! The job that marks coin requests that have run out.

use crate::kit::jobs::{Failure, Kind, Running};

/// Marks what has run out. Once: in one transaction with the job's mark; what is too much for one waits for
/// the next.
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
