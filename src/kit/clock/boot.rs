//! The clock that a lease is reckoned by: monotonic, and it goes on while the machine sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// Linux stops `CLOCK_MONOTONIC` while the machine sleeps; `CLOCK_BOOTTIME` goes on (clock_gettime(2)).
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
/// On macOS `CLOCK_MONOTONIC` itself goes on in sleep, as `mach_continuous_time` does (clock_gettime(3));
/// what stops there is `CLOCK_UPTIME_RAW`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

/// A moment on a [`BootClock`]: how long after some fixed moment of this boot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BootTime(Duration);

impl BootTime {
    /// The moment so long after this one.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// How long from this moment until `later`; zero where that is not later.
    pub fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }

    /// Nanoseconds; 584 years of them.
    pub(crate) fn nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The moment of so many [`nanos`](Self::nanos).
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }
}

/// A monotonic clock on which the machine's sleep counts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BootClock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Runtime(Arc<Runtime>),
}

/// The runtime's clock, and the sleep that a test has put upon it.
#[derive(Debug)]
struct Runtime {
    origin: Instant,
    slept_nanos: AtomicU64,
}

impl BootClock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that goes with the runtime's, paused time included, and jumps by what the test lets the
    /// machine [`sleep`](Self::sleep).
    pub fn of_runtime() -> Self {
        Self(Source::Runtime(Arc::new(Runtime { origin: Instant::now(), slept_nanos: AtomicU64::new(0) })))
    }

    /// The moment now.
    pub fn now(&self) -> BootTime {
        match &self.0 {
            Source::System => {
                let now = clock_gettime(CLOCK).expect("the kernel has this clock");
                BootTime(now.into())
            }
            Source::Runtime(runtime) => {
                let slept = Duration::from_nanos(runtime.slept_nanos.load(Ordering::SeqCst));
                BootTime(runtime.origin.elapsed() + slept)
            }
        }
    }

    /// Lets the machine sleep so long: this clock jumps, and no timer of the runtime has moved.
    ///
    /// # Panics
    /// On the machine's own clock.
    pub fn sleep(&self, slept: Duration) {
        match &self.0 {
            Source::System => panic!("only a test lets the machine sleep"),
            Source::Runtime(runtime) => {
                let nanos = u64::try_from(slept.as_nanos()).expect("no test sleeps for centuries");
                runtime.slept_nanos.fetch_add(nanos, Ordering::SeqCst);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::BootClock;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the machine's clock is what is tried")]
    fn the_machines_clock_goes_on() {
        let clock = BootClock::system();
        let (one, other) = (clock.now(), clock.now());
        assert!(one <= other && one.until(other) < Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn the_machines_sleep_counts_here_and_not_for_the_runtimes_timers() {
        let (clock, monotonic) = (BootClock::of_runtime(), Instant::now());
        let began = clock.now();
        clock.sleep(Duration::from_secs(60));
        assert_eq!((began.until(clock.now()), monotonic.elapsed()), (Duration::from_secs(60), Duration::ZERO));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(began.until(clock.now()), Duration::from_secs(61));
    }
}
