//! What each node does every so often to what it has in memory. No job: it concerns nobody else, and it is no
//! loss where a node does not come to it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

pub(super) struct Upkeep {
    pub(super) name: &'static str,
    pub(super) every: Duration,
    pub(super) work: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Upkeep {
    /// For ever; the first time when the time has gone by once.
    pub(super) async fn keep(&self) {
        let mut ticks = interval_at(Instant::now() + self.every, self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if AssertUnwindSafe((self.work)()).catch_unwind().await.is_err() {
                tracing::error!(upkeep = self.name, "a node's upkeep panicked; it is done again in its time");
            }
        }
    }
}
