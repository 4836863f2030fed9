//! The jobs that keep the jobs in order: finished ones are removed after a while, and sealing keys are replaced.

use super::{Failure, Kind, Running, Settings, store};

/// The most rows that one statement removes.
const BATCH: i64 = 1_000;

/// The age in days at which a sealing key gets a successor.
const KEY_DAYS: i32 = 30;

/// Removes finished jobs, in batches until none is left, and gives up those that no worker has taken for as long as
/// failed ones are kept: no program knows their kind any more. At least once: a repetition finds nothing more to do.
pub(super) struct CleanUp(pub(super) Settings);

impl Kind for CleanUp {
    const NAME: &'static str = "jobs.clean_up";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let hours = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let (done, failed) = (hours(self.0.keep_done_hours), hours(self.0.keep_failed_days.saturating_mul(24)));
        let mut conn = job.pool().acquire().await.map_err(crate::kit::error::Error::from)?;
        while store::give_up_unclaimed(&mut conn, failed, BATCH).await? == BATCH as u64 {}
        while store::delete_finished(&mut conn, done, failed, BATCH).await? == BATCH as u64 {}
        Ok(())
    }
}

/// Gives an old sealing key a successor, and removes the keys that no job needs. Exactly once, in the transaction that
/// marks the job as done.
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
