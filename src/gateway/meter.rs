//! How fast one socket sends: it is slowed above its budget, and closed if it is above it all the time.

use std::time::Duration;

use tokio::time::Instant;

use crate::kit::budget::{Budget, Prices, nanos};

/// The budget of one socket, and how long it has been above it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    budget: Budget,
    /// Set while it is above its budget. It is boxed because that is rare: otherwise every socket would be larger by it.
    above: Option<Box<Above>>,
}

/// What is known of a socket that is above its budget.
#[derive(Debug)]
struct Above {
    /// Since when it has been slowed again and again.
    since: Instant,
    /// Until when nothing is read.
    until: Option<Instant>,
}

impl Meter {
    /// Until when nothing is read from the socket; `None` if it is read.
    pub(super) fn slowed_until(&self) -> Option<Instant> {
        self.above.as_ref().and_then(|above| above.until)
    }

    /// Returns whether the time of slowing has ended. Then the socket is read again.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        self.above.as_mut().is_some_and(|above| above.until.take_if(|until| now >= *until).is_some())
    }

    /// Forgets that it was above its budget, if that is calm again at this time, and its user's too.
    pub(super) fn forgive(&mut self, prices: Prices, at: u64, of_user: impl FnOnce() -> bool) {
        let is_read_again = self.above.as_ref().is_some_and(|above| above.until.is_none());
        if is_read_again && self.budget.is_calm(prices, at) && of_user() {
            self.above = None;
        }
    }

    /// Counts what has come on the socket. Returns whether it must be slowed.
    pub(super) fn take(&mut self, frames: u64, bytes: u64, prices: Prices, began: Instant, now: Instant) -> bool {
        let wait = self.budget.take(frames, bytes, prices, nanos(began, now));
        self.slow(wait, now)
    }

    /// Slows the socket for this many nanoseconds. Returns whether these are any.
    pub(super) fn slow(&mut self, wait: u64, now: Instant) -> bool {
        if wait == 0 {
            return false;
        }
        let until = now + Duration::from_nanos(wait);
        let above = self.above.get_or_insert_with(|| Box::new(Above { since: now, until: None }));
        above.until = Some(above.until.map_or(until, |before| before.max(until)));
        true
    }

    /// Whether it is slowed, and has been again and again for this long.
    pub(super) fn floods(&self, within: Duration, now: Instant) -> bool {
        self.above.as_ref().is_some_and(|above| above.until.is_some() && now - above.since >= within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::rate::Rate;

    #[test]
    fn a_socket_floods_only_if_it_never_keeps_its_budget() {
        let prices = Prices::of(Rate { count: 10, per_ms: 1_000 }, Rate { count: 1_000_000, per_ms: 1_000 });
        let (start, within) = (Instant::now(), Duration::from_secs(3));
        let (mut steady, mut once) = (Meter::default(), Meter::default());
        assert!(once.take(20, 0, prices, start, start));
        let mut closed_at = None;
        for step in 0..100 {
            let now = start + Duration::from_millis(100 * step);
            steady.look(now);
            once.look(now);
            if steady.slowed_until().is_none() && steady.take(20, 0, prices, start, now) && steady.floods(within, now) {
                closed_at.get_or_insert(step);
            }
            if once.slowed_until().is_none() && step % 2 == 0 {
                once.take(1, 0, prices, start, now);
            }
            assert!(!once.floods(within, now), "after {step} tenths of a second");
        }
        assert!(closed_at.is_some_and(|step| (30..60).contains(&step)), "{closed_at:?}");
    }

    #[test]
    fn regression_a_socket_within_its_own_budget_floods_too_if_its_user_is_above_theirs_all_the_time() {
        let prices = Prices::of(Rate { count: 10, per_ms: 1_000 }, Rate { count: 1_000_000, per_ms: 1_000 });
        let (start, within) = (Instant::now(), Duration::from_secs(10));
        let (later, mut meter) = (start + within, Meter::default());
        assert!(meter.slow(1_000_000, start) && meter.look(later));
        meter.forgive(prices, nanos(start, later), || false);
        assert!(meter.slow(1_000_000, later) && meter.floods(within, later));
        assert!(meter.look(later + within));
        meter.forgive(prices, nanos(start, later + within), || true);
        assert!(meter.slow(1_000_000, later + within) && !meter.floods(within, later + within));
    }
}
