//! The time until which this process can prove, by its own clock alone, that it holds its lease.
//!
//! That clock counts the machine's sleep. With a clock that stands still meanwhile, a node that has slept for longer
//! than its lease would take itself for the owner of its rooms when it wakes.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::kit::clock::{BootClock, BootTime};

/// The end of the proof, read without a lock because every room asks for it several times a turn.
#[derive(Debug)]
struct Until {
    clock: BootClock,
    nanos: AtomicU64,
}

impl Until {
    fn get(&self) -> BootTime {
        BootTime::from_nanos(self.nanos.load(Ordering::Acquire))
    }

    fn set(&self, until: BootTime) {
        self.nanos.store(until.nanos(), Ordering::Release);
    }
}

/// The writing side, for whoever renews the lease in the database: it extends the proof at each renewal.
#[derive(Debug)]
pub struct Proof {
    until: Arc<Until>,
    renewed: watch::Sender<()>,
}

/// The reading side. A room asks it before it decides or announces anything, and delivery before frames leave. A step
/// of the wall clock neither ends a lease nor keeps it alive.
#[derive(Clone, Debug)]
pub struct Lease {
    until: Arc<Until>,
    renewed: watch::Receiver<()>,
}

impl Lease {
    /// A lease that is proved until this moment of this clock.
    pub fn proved_until(clock: BootClock, until: BootTime) -> (Proof, Self) {
        let shared = Arc::new(Until { clock, nanos: AtomicU64::new(until.nanos()) });
        let (sender, renewed) = watch::channel(());
        (Proof { until: shared.clone(), renewed: sender }, Self { until: shared, renewed })
    }

    /// A lease that never ends, for tests and benchmarks of parts without a cluster.
    pub fn endless() -> Self {
        Self::proved_until(BootClock::of_runtime(), BootTime::from_nanos(u64::MAX)).1
    }

    /// Whether the lease is proved: no other process can have taken this one's place by now.
    pub fn holds(&self) -> bool {
        self.until.clock.now() < self.until.get()
    }

    /// For how long the lease stays proved if it is never renewed again; zero if it is not proved now.
    pub fn left(&self) -> Duration {
        self.until.clock.now().until(self.until.get())
    }

    /// Waits until the lease is proved; returns at once if it is.
    pub async fn held(&mut self) {
        while !self.holds() {
            if self.renewed.changed().await.is_err() {
                // The writing side is gone, so the lease is never renewed again.
                return pending().await;
            }
        }
    }
}

impl Proof {
    /// Extends the proof until this moment, and wakes those who wait for it.
    pub fn renew(&self, until: BootTime) {
        self.until.set(until);
        self.renewed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lease_ends_while_the_machine_sleeps() {
        let clock = BootClock::of_runtime();
        let (proof, mut lease) = Lease::proved_until(clock.clone(), clock.now().plus(Duration::from_secs(5)));
        clock.sleep(Duration::from_millis(4_999));
        assert!(lease.holds());
        clock.sleep(Duration::from_millis(1));
        assert!(!lease.holds(), "five seconds have passed although no timer of the runtime has moved");
        assert_eq!(lease.left(), Duration::ZERO);
        proof.renew(clock.now().plus(Duration::from_secs(5)));
        lease.held().await;
        assert_eq!(lease.left(), Duration::from_secs(5));
    }
}
