//! Until when this process can prove, by its own clock alone, that it holds its lease.
//!
//! The clock also counts the machine's sleep: a node that has slept over its lease must not take itself
//! for the owner of anything when it wakes, and a clock that stood still meanwhile would say so.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::kit::clock::{BootClock, BootTime};

/// A moment that is read without a lock: every room asks for it several times a turn.
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

/// The proof: renewed with each renewal of the lease.
#[derive(Debug)]
pub struct Proof {
    until: Arc<Until>,
    renewed: watch::Sender<()>,
}

/// What a room asks before it decides or tells anything, and delivery before frames leave. A step of the
/// wall clock neither ends a lease nor holds one open.
#[derive(Clone, Debug)]
pub struct Lease {
    until: Arc<Until>,
    renewed: watch::Receiver<()>,
}

impl Lease {
    /// A lease that is proved until then, by this clock.
    pub fn proved_until(clock: BootClock, until: BootTime) -> (Proof, Self) {
        let shared = Arc::new(Until { clock, nanos: AtomicU64::new(until.nanos()) });
        let (sender, renewed) = watch::channel(());
        (Proof { until: shared.clone(), renewed: sender }, Self { until: shared, renewed })
    }

    /// A lease that never ends: for parts that are tried without a cluster.
    pub fn endless() -> Self {
        Self::proved_until(BootClock::of_runtime(), BootTime::from_nanos(u64::MAX)).1
    }

    /// Nobody else can have taken this process's place by now.
    pub fn holds(&self) -> bool {
        self.until.clock.now() < self.until.get()
    }

    /// For how long nobody else can have taken it, if it is never renewed again.
    pub fn left(&self) -> Duration {
        self.until.clock.now().until(self.until.get())
    }

    /// Waits until it holds: not at all, if it does.
    pub async fn held(&mut self) {
        while !self.holds() {
            if self.renewed.changed().await.is_err() {
                // It will never be renewed again.
                return pending().await;
            }
        }
    }
}

impl Proof {
    /// The lease is proved until then.
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
        assert!(!lease.holds(), "no timer of the runtime has moved, and five seconds are over");
        assert_eq!(lease.left(), Duration::ZERO);
        proof.renew(clock.now().plus(Duration::from_secs(5)));
        lease.held().await;
        assert_eq!(lease.left(), Duration::from_secs(5));
    }
}
