//! The wall clock: Unix milliseconds, as people and other machines see them. It can be set back, so durations and
//! leases are never measured by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in Unix milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment that is `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The milliseconds from `earlier` to this moment; 0 if `earlier` is in fact later.
    pub fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }
}

/// Says what time it is. Cheap to clone; all clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Unix milliseconds; moves only when a test moves it.
    Held(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock. Only the code that composes a program calls this; all other code is given a clock or a
    /// time.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock for tests, which shows this time until it is [`set`](Self::set).
    pub fn held(at: Timestamp) -> Self {
        Self(Source::Held(Arc::new(AtomicI64::new(at.0))))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Held(ms) => Timestamp(ms.load(Ordering::Relaxed)),
        }
    }

    /// Moves a held clock to this time, in every clone of it.
    ///
    /// # Panics
    /// If this is the machine's clock.
    pub fn set(&self, at: Timestamp) {
        match &self.0 {
            Source::System => panic!("only the clock of a test can be set"),
            Source::Held(ms) => ms.store(at.0, Ordering::Relaxed),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Clock, Timestamp};

    #[test]
    fn a_held_clock_stands_until_it_is_set_and_its_clones_show_the_same() {
        let clock = Clock::held(Timestamp(1_000));
        let other = clock.clone();
        assert_eq!((clock.now(), other.now()), (Timestamp(1_000), Timestamp(1_000)));
        clock.set(Timestamp(2_000));
        assert_eq!(other.now(), Timestamp(2_000));
    }
}
