//! What the jobs do for themselves: finished ones go after a while, and keys are followed by new ones.

use super::{Failure, Kind, Running, Settings, store};

/// Rows that are removed in one transaction.
const BATCH: i64 = 1_000;

/// Days after which another key seals.
const KEY_DAYS: i32 = 30;

/// Removes finished jobs. Once: in one transaction with its mark; what is too much for one waits for the next.
pub(super) struct CleanUp(pub(super) Settings);

impl Kind for CleanUp {
    const NAME: &'static str = "jobs.clean_up";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let hours = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let (done, failed) = (hours(self.0.keep_done_hours), hours(self.0.keep_failed_days.saturating_mul(24)));
        let mut conn = job.pool().acquire().await.map_err(crate::kit::error::Error::from)?;
        while store::delete_finished(&mut conn, done, failed, BATCH).await? == BATCH as u64 {}
        Ok(())
    }
}

/// Gives an old key a successor and removes those that no job needs. Once, in one transaction with its mark.
pub(super) struct SucceedKeys;

impl Kind for SucceedKeys {
    const NAME: &'static str = "jobs.keys";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let tx = job.settle().await?;
        store::succeed_key(tx, KEY_DAYS).await?;
        Ok(store::delete_unneeded_keys(tx).await?)
    }
}
