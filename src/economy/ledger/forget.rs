//! Old refusals are removed: nobody retries an operation for a week.

use super::store;
use crate::kit::error::Error;
use crate::kit::jobs::{Failure, Kind, Running};

/// Batches whose refusals are removed in one statement: some thousands of rows at most.
const BATCHES: i32 = 100;
/// Statements of one run; what is left waits for the next.
const TURNS: usize = 500;

/// Removes refusals that are older than [`REFUSALS_KEPT`](super::REFUSALS_KEPT), a batch's all together. At least
/// once: what is gone is not removed again. Whose operation was refused and comes once more after that is judged
/// anew, as if it had never come.
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
