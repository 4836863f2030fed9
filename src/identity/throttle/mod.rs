//! What is counted in the database against guessing and flooding: it holds over restarts and on all nodes.
//!
//! Whatever is counted is counted before it is done, so that a hundred guesses at once are a hundred, and
//! taken back where it was no guess. The same for addresses that have an account and that have none.

use parlor_protocol::{ErrorBody, ErrorCode};

use crate::kit::error::Result;
use crate::kit::tx::Tx;

mod store;

pub(super) const DAY_SECONDS: u32 = 86_400;

/// After how many there is a wait, and how it grows: each further one doubles it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// As it stands in the database.
    pub(super) kind: &'static str,
    /// The one of this number is the first that makes the next wait.
    pub(super) free: u32,
    pub(super) first_seconds: u32,
    pub(super) max_seconds: u32,
    /// So long without any forgets all; a day at most.
    pub(super) forget_seconds: u32,
}

/// One that was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// How many it made.
    number: i32,
    /// Unix milliseconds of the one before it; none where it was the first.
    before_ms: Option<i64>,
}

/// Counts one for this key; `rate_limited`, with the time to wait, while it is blocked.
pub(super) async fn count(tx: &mut Tx, pace: Pace, key: &[u8]) -> Result<Counted> {
    if let Some(counted) = store::count(tx, pace, key).await? {
        return Ok(counted);
    }
    let wait = store::wait_ms(tx, pace.kind, key).await?.unwrap_or(0).max(0);
    let wait = u64::try_from(wait).unwrap_or(0).saturating_add(1);
    Err(ErrorBody::new(ErrorCode::RateLimited).retry_after_ms(wait).into())
}

/// Takes one back, and the wait that it made: as if it had not been.
pub(super) async fn take_back(tx: &mut Tx, pace: Pace, key: &[u8], counted: Counted) -> Result<()> {
    store::take_back(tx, pace, key, counted).await
}

/// Forgets all of this key.
pub(super) async fn forgive(tx: &mut Tx, pace: Pace, key: &[u8]) -> Result<()> {
    store::delete(tx, pace.kind, key).await
}

/// Removes what counts no more.
pub(super) async fn sweep(tx: &mut Tx) -> Result<()> {
    store::delete_forgotten(tx).await
}
