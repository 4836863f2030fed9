//! The wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// So many milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this; 0 where that is not earlier.
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
    /// The machine's clock. Only who composes a program takes it; everybody else is given a clock or a time.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at this time until it is [`set`](Self::set): for tests.
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
    /// On the machine's clock, which nobody here may set.
    pub fn set(&self, at: Timestamp) {
        match &self.0 {
            Source::System => panic!("the machine's clock is not set by this program"),
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
