//! The clock that leases are measured by: monotonic, and it continues while the machine sleeps.

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

/// A moment on a [`BootClock`], as the time since a fixed moment of this boot. Moments of two clocks cannot be
/// compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct BootTime(Duration);

impl BootTime {
    /// The moment that is `duration` later than this one.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// The time from this moment until `later`; zero if `later` is in fact earlier.
    pub fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }

    /// The moment in nanoseconds. It fits for 584 years after the clock's start; beyond that it is `u64::MAX`.
    pub(crate) fn nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The moment whose [`nanos`](Self::nanos) are these.
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(Duration::from_nanos(nanos))
    }
}

/// A monotonic clock that counts the time that the machine sleeps. Cheap to clone; all clones show the same time.
#[derive(Clone, Debug)]
pub struct BootClock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Runtime(Arc<Runtime>),
}

/// The runtime's clock plus the machine's sleep that a test has simulated.
#[derive(Debug)]
struct Runtime {
    origin: Instant,
    slept_nanos: AtomicU64,
}

impl BootClock {
    /// The machine's clock. Only the code that composes a program calls this.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock for tests. It follows the runtime's clock, which a test may pause, and jumps ahead when the test
    /// simulates the machine's [`sleep`](Self::sleep).
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

    /// Simulates that the machine sleeps for this time: this clock jumps ahead, and no timer of the runtime moves.
    ///
    /// # Panics
    /// If this is the machine's own clock.
    pub fn sleep(&self, slept: Duration) {
        match &self.0 {
            Source::System => panic!("only the clock of a test can simulate sleep"),
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
    #[expect(clippy::disallowed_methods, reason = "the test is about the machine's clock")]
    fn the_machines_clock_never_goes_back() {
        let clock = BootClock::system();
        let (one, other) = (clock.now(), clock.now());
        assert!(one <= other && one.until(other) < Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_counts_the_machines_sleep_and_the_runtimes_timers_do_not() {
        let (clock, monotonic) = (BootClock::of_runtime(), Instant::now());
        let began = clock.now();
        clock.sleep(Duration::from_secs(60));
        assert_eq!((began.until(clock.now()), monotonic.elapsed()), (Duration::from_secs(60), Duration::ZERO));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(began.until(clock.now()), Duration::from_secs(61));
    }
}
