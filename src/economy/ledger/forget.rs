//! The periodic job that removes old refusals. They are kept for a week, in which an operation may be retried.

use super::store;
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Running};

/// The most batches whose refusals are removed by one statement: some thousands of rows.
const BATCHES: i32 = 100;
/// The most statements of one run. What is left waits for the next run.
const TURNS: usize = 500;

/// Removes refusals that are older than [`REFUSALS_KEPT`](super::REFUSALS_KEPT), all of a batch together. The job may
/// run twice without harm. A refused operation that is retried after that is judged again, as if it had never been
/// sent.
#[derive(Clone, Copy, Debug)]
pub struct ForgetRefusals;

impl Kind for ForgetRefusals {
    const NAME: &'static str = "ledger.forget_refusals";
    type Payload = ();

    async fn run(&self, job: &mut Running, (): ()) -> Result<(), Failure> {
        let mut connection = job.pool().acquire().await.map_err(Error::from)?;
        for _ in 0..TURNS {
            let batches = store::remove_old_refusals(&mut connection, BATCHES).await.map_err(Error::from)?;
            if batches < i64::from(BATCHES) {
                break;
            }
        }
        Ok(())
    }
}
