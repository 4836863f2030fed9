//! The rates of one user's commands, by the generic cell rate algorithm (ITU-T I.371): one instant a
//! rate says all that has to be remembered.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// So many in so long, in a burst or spread out. A setting has it as one value, `5 in 10000 ms`, so that
/// one variable of the environment sets it whole.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how many milliseconds.
    pub per_ms: u64,
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

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (count, rest) = text.split_once(" in ")?;
            let per_ms = rest.strip_suffix("ms")?;
            Some(Self { count: count.trim().parse().ok()?, per_ms: per_ms.trim().parse().ok()? })
        };
        read().ok_or_else(|| format!("`{text}` is no rate: write it as `5 in 10000 ms`"))
    }
}

/// What has a rate of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Chat,
    Gift,
    Seat,
    Join,
    List,
    Connect,
}

impl Kind {
    /// How many kinds there are.
    pub(super) const COUNT: usize = 6;
}

/// One user's use of one rate: when it would be unused again.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Use(Option<Instant>);

impl Use {
    /// Counts one, or says how long to wait for it.
    pub(super) fn one(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let per = Duration::from_millis(rate.per_ms);
        let each = per / rate.count.max(1);
        let unused_at = self.0.map_or(now, |at| at.max(now));
        let ahead = unused_at - now;
        if ahead + each > per {
            return Err(ahead + each - per);
        }
        self.0 = Some(unused_at + each);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_then_one_at_a_time() {
        let rate = Rate { count: 5, per_ms: 5_000 };
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
}
