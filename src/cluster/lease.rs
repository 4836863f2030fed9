//! Until when this process can prove, by its own clock alone, that it holds its lease.

use std::future::pending;

use tokio::sync::watch;
use tokio::time::{Duration, Instant};

/// The proof: renewed with each renewal of the lease.
#[derive(Debug)]
pub struct Proof(watch::Sender<Instant>);

/// What a room asks before it decides or tells anything. Monotonic time, so that a step of the wall
/// clock neither ends a lease nor holds one open.
#[derive(Clone, Debug)]
pub struct Lease(watch::Receiver<Instant>);

impl Lease {
    /// A lease that is proved until then.
    pub fn proved_until(until: Instant) -> (Proof, Self) {
        let (proof, lease) = watch::channel(until);
        (Proof(proof), Self(lease))
    }

    /// Nobody else can have taken this process's place by now.
    pub fn holds(&self) -> bool {
        Instant::now() < *self.0.borrow()
    }

    /// For how long nobody else can have taken it, if it is never renewed again.
    pub fn left(&self) -> Duration {
        self.0.borrow().saturating_duration_since(Instant::now())
    }

    /// Waits until it holds: not at all, if it does.
    pub async fn held(&mut self) {
        while !self.holds() {
            if self.0.changed().await.is_err() {
                // It will never be renewed again.
                return pending().await;
            }
        }
    }
}

impl Proof {
    /// The lease is proved until then.
    pub fn renew(&self, until: Instant) {
        self.0.send_replace(until);
    }
}
