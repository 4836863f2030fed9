//! Rates by the generic cell rate algorithm (ITU-T I.371), which has to remember only one instant for each rate.
//! A [`Limit`](super::limit::Limit) keeps a map of its keys; a [`Use`] is kept by the socket or user that it counts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::Value;

/// A rate: `count` in `per_ms` milliseconds, in a burst or spread out. A setting holds it as one value,
/// `5 in 10000 ms`, so that one variable of the environment sets all of it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// How many are let through in `per_ms`.
    pub count: u32,
    /// The time in milliseconds in which `count` are let through.
    pub per_ms: u64,
}

/// A rate in the form that a [`Use`] counts with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// The time that one takes up.
    each: Duration,
    /// The most time that may be taken up in advance: the burst.
    ahead: Duration,
}

impl Rate {
    /// The rate divided by `by`, and its burst too. At least one is always let through, also of a rate of one a minute.
    pub fn slower(self, by: u32) -> Pace {
        let per = Duration::from_millis(self.per_ms);
        let each = per / self.count.max(1) * by;
        Pace { each, ahead: per.max(each) }
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} ms", self.count, self.per_ms)
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        format!("{rate:?}")
    }
}

impl Value for Rate {}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (count, rest) = text.split_once(" in ")?;
            let per_ms = rest.strip_suffix("ms")?;
            Some(Self { count: count.trim().parse().ok()?, per_ms: per_ms.trim().parse().ok()? })
        };
        let rate = read().filter(|rate| rate.count > 0 && rate.per_ms > 0);
        rate.ok_or_else(|| format!("`{text}` is no rate: write it as `5 in 10000 ms`, both 1 or more"))
    }
}

/// How much of one rate is used, as the instant at which all of it will be free again; `None` if it never was used.
#[derive(Clone, Copy, Default, Debug)]
pub struct Use(Option<Instant>);

impl Use {
    /// Counts one.
    ///
    /// # Errors
    /// The time to wait, if it is one too many. It is then not counted.
    pub fn one(&mut self, Pace { each, ahead: most }: Pace, now: Instant) -> Result<(), Duration> {
        let unused_at = self.0.map_or(now, |at| at.max(now));
        let ahead = unused_at - now;
        if ahead + each > most {
            return Err(ahead + each - most);
        }
        self.0 = Some(unused_at + each);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_one_at_a_time() {
        let rate = Rate { count: 5, per_ms: 5_000 }.slower(1);
        let start = Instant::now();
        let mut used = Use::default();
        for _ in 0..5 {
            assert_eq!(used.one(rate, start), Ok(()));
        }
        assert_eq!(used.one(rate, start), Err(Duration::from_secs(1)));
        let later = start + Duration::from_millis(400);
        assert_eq!(used.one(rate, later), Err(Duration::from_millis(600)));
        let later = start + Duration::from_secs(1);
        assert_eq!(used.one(rate, later), Ok(()));
        assert!(used.one(rate, later).is_err());
        let much_later = start + Duration::from_secs(60);
        assert_eq!((0..10).filter(|_| used.one(rate, much_later).is_ok()).count(), 5);
    }

    #[test]
    fn a_slower_rate_lets_fewer_through_and_an_earlier_burst_counts_in_full() {
        let (rate, start) = (Rate { count: 8, per_ms: 4_000 }, Instant::now());
        let let_through = |used: &mut Use, slower: u32, seconds: u64| {
            let times = (0..seconds * 100).map(|at| start + Duration::from_millis(at * 10));
            times.filter(|now| used.one(rate.slower(slower), *now).is_ok()).count()
        };
        assert_eq!(let_through(&mut Use::default(), 1, 400), 8 + 799);
        assert_eq!(let_through(&mut Use::default(), 4, 400), 2 + 199);
        // A rate of one still lets one through when it is slowed.
        let mut used = Use::default();
        let slow = Rate { count: 1, per_ms: 1_000 }.slower(4);
        assert_eq!(used.one(slow, start), Ok(()));
        assert_eq!(used.one(slow, start), Err(Duration::from_secs(4)));
        // A burst that was taken before counts in full.
        let mut used = Use::default();
        assert!((0..8).all(|_| used.one(rate.slower(1), start).is_ok()));
        assert_eq!(used.one(rate.slower(4), start), Err(Duration::from_secs(2)));
    }
}
