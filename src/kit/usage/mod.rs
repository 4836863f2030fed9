//! Allowances: so many uses, or so much in all, within an hour or a day. Each use is a row, so an allowance holds exactly
//! in every stretch of that length, over restarts and on all nodes.
//!
//! A refused use makes no row. What must hold for uses at the same time is counted under [`lock`], which [`spend`] takes.

use parlor_protocol::{ErrorBody, ErrorCode};
use sqlx::PgConnection;

use super::error::{Error, Result};
use super::tx::Tx;

mod store;

/// The milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// The milliseconds of a day, the longest time of an allowance: older rows are deleted.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// The most rows of one allowance that are read. No allowance has more uses than that.
pub const MOST_USES: u32 = 10_000;

/// What an allowance allows within a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// So many uses.
    pub times: u32,
    /// And so much of them together.
    pub amount: i64,
    /// Within so many milliseconds, a day at most.
    pub within_ms: i64,
}

impl Bound {
    /// So many uses within this time, of any amount.
    pub const fn times(times: u32, within_ms: i64) -> Self {
        Self { times, amount: i64::MAX, within_ms }
    }
}

/// A use that was counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Used {
    /// How many milliseconds ago it was, by the database's clock.
    pub age_ms: i64,
    /// How much was used.
    pub amount: i64,
    /// Who used it, if that was stored.
    pub by: Option<Vec<u8>>,
}

/// Counts a use of `amount`, if that is allowed.
///
/// # Errors
/// `rate_limited`, with the time after which it is allowed.
pub async fn spend(tx: &mut Tx, kind: &str, key: &[u8], amount: i64, bounds: &[Bound]) -> Result<()> {
    lock(tx, kind, key).await?;
    check(tx, kind, key, amount, bounds).await?;
    count(tx, kind, key, None, amount).await
}

/// Whether a use of `amount` would be allowed now; nothing is counted.
///
/// # Errors
/// As [`spend`].
pub async fn check(conn: &mut PgConnection, kind: &str, key: &[u8], amount: i64, bounds: &[Bound]) -> Result<()> {
    let used = used(conn, kind, key).await?;
    match bounds.iter().map(|bound| wait_ms(&used, amount, *bound)).max() {
        Some(wait) if wait > 0 => Err(refused(wait)),
        _ => Ok(()),
    }
}

/// Keeps others from counting uses of this allowance until the transaction ends.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn lock(tx: &mut Tx, kind: &str, key: &[u8]) -> Result<()> {
    store::lock(tx, kind, key).await
}

/// The uses of the last day, newest first.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn used(conn: &mut PgConnection, kind: &str, key: &[u8]) -> Result<Vec<Used>> {
    store::used(conn, kind, key, i64::from(MOST_USES)).await
}

/// Stores a use, whether or not it is allowed.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn count(tx: &mut Tx, kind: &str, key: &[u8], by: Option<&[u8]>, amount: i64) -> Result<()> {
    store::insert(tx, kind, key, by, amount).await
}

/// Takes back the newest use that was counted, if there is one.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn give_back(tx: &mut Tx, kind: &str, key: &[u8]) -> Result<()> {
    store::delete_newest(tx, kind, key).await
}

/// Deletes the uses that no allowance counts any more.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    store::delete_old(tx).await
}

/// The refusal of a use that is allowed after so many milliseconds.
pub fn refused(wait_ms: i64) -> Error {
    let wait = u64::try_from(wait_ms.max(0)).unwrap_or(0).saturating_add(1);
    ErrorBody::new(ErrorCode::RateLimited).retry_after_ms(wait).into()
}

/// After how many milliseconds a use of `amount` is allowed; 0 for now. An amount above the bound is never allowed and
/// waits for the whole time.
fn wait_ms(used: &[Used], amount: i64, bound: Bound) -> i64 {
    let (mut times, mut sum) = (1_u32, amount);
    for earlier in used.iter().filter(|used| used.age_ms < bound.within_ms) {
        times = times.saturating_add(1);
        sum = sum.saturating_add(earlier.amount);
        if times > bound.times || sum > bound.amount {
            // With this one, and all older ones, out of the time there is room.
            return bound.within_ms - earlier.age_ms;
        }
    }
    if times > bound.times || sum > bound.amount { bound.within_ms } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Used, wait_ms};

    fn used(uses: &[(i64, i64)]) -> Vec<Used> {
        uses.iter().map(|(age_ms, amount)| Used { age_ms: *age_ms, amount: *amount, by: None }).collect()
    }

    #[test]
    fn a_use_waits_until_enough_of_the_earlier_ones_are_too_old_to_count() {
        let twice = Bound::times(2, 1_000);
        assert_eq!(wait_ms(&used(&[]), 1, twice), 0);
        assert_eq!(wait_ms(&used(&[(10, 1)]), 1, twice), 0);
        assert_eq!(wait_ms(&used(&[(10, 1), (300, 1)]), 1, twice), 700);
        assert_eq!(wait_ms(&used(&[(10, 1), (300, 1), (400, 1)]), 1, twice), 700, "one too many was counted before");
        assert_eq!(wait_ms(&used(&[(10, 1), (1_000, 1)]), 1, twice), 0, "the second does not count any more");
        assert_eq!(wait_ms(&used(&[]), 1, Bound::times(0, 1_000)), 1_000);
    }

    #[test]
    fn amounts_are_added_up() {
        let hundred = Bound { times: 10, amount: 100, within_ms: 1_000 };
        assert_eq!(wait_ms(&used(&[(10, 30), (200, 30)]), 40, hundred), 0);
        assert_eq!(wait_ms(&used(&[(10, 30), (200, 30)]), 41, hundred), 800, "when the older one counts no more");
        assert_eq!(wait_ms(&used(&[(10, 30), (200, 30)]), 71, hundred), 990, "when neither does");
        assert_eq!(wait_ms(&used(&[]), 101, hundred), 1_000, "never");
    }
}
