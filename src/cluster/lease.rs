//! Until when this process can prove, by its own clock alone, that it holds its lease.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::time::{Duration, Instant};

/// An instant that is read without a lock: every room asks it several times a turn.
#[derive(Debug)]
struct Until {
    origin: Instant,
    nanos: AtomicU64,
}

impl Until {
    fn get(&self) -> Instant {
        self.origin + Duration::from_nanos(self.nanos.load(Ordering::Acquire))
    }

    fn set(&self, until: Instant) {
        let after = until.saturating_duration_since(self.origin).as_nanos();
        // 584 years, and no lease is so long.
        self.nanos.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Release);
    }
}

/// The proof: renewed with each renewal of the lease.
#[derive(Debug)]
pub struct Proof {
    until: Arc<Until>,
    renewed: watch::Sender<()>,
}

/// What a room asks before it decides or tells anything. Monotonic time, so that a step of the wall
/// clock neither ends a lease nor holds one open.
#[derive(Clone, Debug)]
pub struct Lease {
    until: Arc<Until>,
    renewed: watch::Receiver<()>,
}

impl Lease {
    /// A lease that is proved until then.
    pub fn proved_until(until: Instant) -> (Proof, Self) {
        let shared = Arc::new(Until { origin: Instant::now(), nanos: AtomicU64::new(0) });
        shared.set(until);
        let (sender, renewed) = watch::channel(());
        (Proof { until: shared.clone(), renewed: sender }, Self { until: shared, renewed })
    }

    /// Nobody else can have taken this process's place by now.
    pub fn holds(&self) -> bool {
        Instant::now() < self.until.get()
    }

    /// For how long nobody else can have taken it, if it is never renewed again.
    pub fn left(&self) -> Duration {
        self.until.get().saturating_duration_since(Instant::now())
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
    pub fn renew(&self, until: Instant) {
        self.until.set(until);
        self.renewed.send_replace(());
    }
}
