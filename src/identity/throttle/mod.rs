//! Counts in the database against guessing and flooding. They survive restarts and hold on all nodes.
//!
//! An attempt is counted before it is made, so that a hundred guesses at the same time count as a hundred, and it is
//! taken back if it turns out to be no guess. Addresses with and without an account are counted in the same way.

use parlor_protocol::{ErrorBody, ErrorCode};

use crate::kit::error::Result;
use crate::kit::tx::Tx;

mod store;

pub(super) const DAY_SECONDS: u32 = 86_400;

/// After how many attempts a key is blocked, and how long. Each further attempt doubles the wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// What is counted, as the database names it.
    pub(super) kind: &'static str,
    /// The number of the first attempt after which the next one has to wait.
    pub(super) free: u32,
    /// The seconds of the first wait.
    pub(super) first_seconds: u32,
    /// The seconds of the longest wait.
    pub(super) max_seconds: u32,
    /// After this many seconds without an attempt, all attempts are forgotten; a day at most.
    pub(super) forget_seconds: u32,
}

impl Pace {
    /// The milliseconds until the attempt after this one.
    pub(super) fn wait_ms(self, counted: Counted) -> i64 {
        let beyond = i64::from(counted.number) - i64::from(self.free);
        if beyond < 0 {
            return 0;
        }
        (i64::from(self.first_seconds) << beyond.min(20)).min(i64::from(self.max_seconds)) * 1_000
    }
}

/// An attempt that was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// How many attempts there were with this one.
    number: i32,
    /// When the attempt before it was counted, in Unix milliseconds; `None` if it was the first.
    before_ms: Option<i64>,
}

/// Counts an attempt for this key; `rate_limited`, with the time to wait, while the key is blocked.
pub(super) async fn count(tx: &mut Tx, pace: Pace, key: &[u8]) -> Result<Counted> {
    if let Some(counted) = store::count(tx, pace, key).await? {
        return Ok(counted);
    }
    let wait = store::wait_ms(tx, pace.kind, key).await?.unwrap_or(0).max(0);
    let wait = u64::try_from(wait).unwrap_or(0).saturating_add(1);
    Err(ErrorBody::new(ErrorCode::RateLimited).retry_after_ms(wait).into())
}

/// Takes an attempt back, together with the wait that it caused.
pub(super) async fn take_back(tx: &mut Tx, pace: Pace, key: &[u8], counted: Counted) -> Result<()> {
    store::take_back(tx, pace, key, counted).await
}

/// Forgets all attempts for this key.
pub(super) async fn forgive(tx: &mut Tx, pace: Pace, key: &[u8]) -> Result<()> {
    store::delete(tx, pace.kind, key).await
}

/// Deletes the counts that are forgotten.
pub(super) async fn sweep(tx: &mut Tx) -> Result<()> {
    store::delete_forgotten(tx).await
}
