//! What incoming frames, bytes and requests cost their sender, by the generic cell rate algorithm (ITU-T I.371).
//!
//! A sender above its budget is not refused, which would cost as much as serving it, but **slowed**: nothing more is
//! read from it until the budget allows it, so that its own sending stands still. A [`Rate`] that refuses is counted by
//! [`Use`](super::rate::Use).
//!
//! Counting is an atomic addition for each of the two rates. A frame of a socket costs four: two for the socket and two
//! for its user. There is no lock, no allocation, and no clock is read for it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use super::rate::Rate;

/// A part of the burst that must be free again before a slowed sender is read: so it is woken some times a burst, and
/// not for each frame.
const REST: u64 = 32;

/// How much of one rate is used: the nanoseconds, since the start of counting, at which all of it is free again.
#[derive(Debug, Default)]
pub struct Spent(AtomicU64);

/// A rate in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    each: u64,
    ahead: u64,
}

impl Price {
    /// The price of one at this rate.
    pub fn of(rate: Rate) -> Self {
        let ahead = rate.per_ms.saturating_mul(1_000_000);
        Self { each: ahead / u64::from(rate.count.max(1)), ahead }
    }

    fn a_part(self, part: u64) -> Self {
        Self { each: self.each.saturating_mul(part), ahead: self.ahead }
    }
}

impl Spent {
    /// Counts this many, also if they are too many. Returns the nanoseconds to wait before more may come: 0 if the rate
    /// is kept.
    pub fn take(&self, count: u64, price: Price, now: u64) -> u64 {
        let cost = count.saturating_mul(price.each);
        let after = |free_at: u64| free_at.max(now).saturating_add(cost);
        let before = match count {
            0 => self.0.load(Ordering::Relaxed),
            _ => self
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free_at| Some(after(free_at)))
                .unwrap_or_else(|free_at| free_at),
        };
        let used = after(before) - now;
        if used > price.ahead { used - price.ahead + price.ahead / REST } else { 0 }
    }

    /// Whether at most half of the burst is used.
    fn is_calm(&self, price: Price, now: u64) -> bool {
        self.0.load(Ordering::Relaxed).saturating_sub(now) <= price.ahead / 2
    }
}

/// The budget of one sender.
#[derive(Debug, Default)]
pub struct Budget {
    frames: Spent,
    bytes: Spent,
}

/// The rates of frames and bytes.
#[derive(Clone, Copy, Debug)]
pub struct Prices {
    frames: Price,
    bytes: Price,
}

impl Prices {
    /// The prices at these rates.
    pub fn of(frames: Rate, bytes: Rate) -> Self {
        Self { frames: Price::of(frames), bytes: Price::of(bytes) }
    }

    /// The prices for somebody who may send this part of it.
    #[must_use]
    pub fn a_part(self, part: u64) -> Self {
        Self { frames: self.frames.a_part(part), bytes: self.bytes.a_part(part) }
    }
}

impl Budget {
    /// Counts frames and bytes. Returns the nanoseconds to wait before more may be read: 0 if the budget is kept.
    pub fn take(&self, frames: u64, bytes: u64, prices: Prices, now: u64) -> u64 {
        let frames = self.frames.take(frames, prices.frames, now);
        frames.max(self.bytes.take(bytes, prices.bytes, now))
    }

    /// Whether at most half of its burst is used.
    pub fn is_calm(&self, prices: Prices, now: u64) -> bool {
        self.frames.is_calm(prices.frames, now) && self.bytes.is_calm(prices.bytes, now)
    }
}

/// The nanoseconds from `began`, from which the use of budgets is counted.
pub fn nanos(began: Instant, now: Instant) -> u64 {
    u64::try_from((now - began).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_and_what_is_above_it_waits_for_its_turn() {
        let (spent, price) = (Spent::default(), Price::of(Rate { count: 100, per_ms: 10_000 }));
        assert_eq!(spent.take(100, price, 0), 0);
        assert_eq!(spent.take(1, price, 0), SECOND / 10 + 10 * SECOND / REST);
        assert_eq!(spent.take(1, price, SECOND), 0, "ten a second are free again");
        assert_eq!(spent.take(0, price, SECOND), 0);
        assert!(!spent.is_calm(price, SECOND) && spent.is_calm(price, 7 * SECOND));
    }

    #[test]
    fn frames_and_bytes_are_counted_each_by_its_own_rate() {
        let prices = Prices::of(Rate { count: 10, per_ms: 1_000 }, Rate { count: 1_000, per_ms: 1_000 });
        let few_and_large = Budget::default();
        assert!(few_and_large.take(1, 1_001, prices, 0) > 0);
        let many_and_small = Budget::default();
        assert!(many_and_small.take(11, 11, prices, 0) > 0);
        assert_eq!(Budget::default().take(10, 1_000, prices, 0), 0);
        assert!(Budget::default().take(1, 0, prices.a_part(16), 0) > 0, "less than one frame a burst is one at a time");
    }
}
