//! Work that each node does periodically to what it has in memory. It is not a job: it concerns no other node, and
//! nothing is lost if it does not happen.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// One such piece of work: its name for the log, the time between two runs, and what is run.
pub(super) struct Upkeep {
    pub(super) name: &'static str,
    pub(super) every: Duration,
    pub(super) work: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

impl Upkeep {
    /// Runs the work periodically, without end, for the first time after one period. A panic of it is logged.
    pub(super) async fn keep(&self) {
        let mut ticks = interval_at(Instant::now() + self.every, self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if AssertUnwindSafe((self.work)()).catch_unwind().await.is_err() {
                tracing::error!(upkeep = self.name, "a node's upkeep panicked; it runs again after its period");
            }
        }
    }
}
