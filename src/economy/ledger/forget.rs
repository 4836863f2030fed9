//! The periodic job that removes old refusals. They are kept for a week, in which an operation may be retried.

use super::store;
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Running};

/// The most batches whose refusals are removed by one statement, which are some thousands of rows, and the most refusals
/// of operations that move no money.
const AT_ONCE: i32 = 100;
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
            let removed = store::remove_old_refusals(&mut connection, AT_ONCE).await.map_err(Error::from)?;
            if removed < i64::from(AT_ONCE) {
                break;
            }
        }
        Ok(())
    }
}
