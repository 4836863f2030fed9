//! Growing waits between requests for a code, and between a signed-in user's guesses at their own password. They are
//! counted in the database, so they survive restarts and hold on all nodes. Guesses at sign-in are counted one by one, in
//! `guess`.
//!
//! An attempt is counted before it is made, so that a hundred guesses at the same time count as a hundred, and it is
//! taken back if it turns out to be no guess. Addresses with and without an account are counted in the same way.

use crate::kit::error::Result;
use crate::kit::tx::Tx;
use crate::kit::usage;

mod store;

/// After how many attempts a key is blocked, and how long. Each further attempt doubles the wait. After a day without an
/// attempt all are forgotten.
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
}

impl Pace {
    /// The milliseconds until the attempt after this one.
    pub(super) fn wait_ms(self, counted: Counted) -> i64 {
        growing_ms(i64::from(counted.number), self.free, self.first_seconds, self.max_seconds)
    }
}

/// The milliseconds to wait after so many attempts: none before the one with the number `free`, `first_seconds` after
/// it, twice as long after each further one, and `max_seconds` at most.
pub(super) fn growing_ms(attempts: i64, free: u32, first_seconds: u32, max_seconds: u32) -> i64 {
    let beyond = attempts - i64::from(free);
    if beyond < 0 {
        return 0;
    }
    (i64::from(first_seconds) << beyond.min(20)).min(i64::from(max_seconds)) * 1_000
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
    Err(usage::refused(store::wait_ms(tx, pace.kind, key).await?.unwrap_or(0)))
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
