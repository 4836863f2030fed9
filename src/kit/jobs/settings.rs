//! How many jobs run at once, and how long finished ones are kept.

use std::time::Duration;

crate::settings! {
    /// Work that the server does outside requests, such as sending mail and cleaning up.
    pub struct Settings at "jobs" {
        /// The most jobs that this node runs at the same time. Each periodic kind has a slot of its own besides.
        at_once: usize = 16, in 1..=256;
        /// The most jobs of one kind among them. A kind that hangs, such as e-mail to a silent server, leaves the other
        /// slots to other kinds.
        of_one_kind: usize = 5, in 1..=256;
        /// Milliseconds between two searches for due jobs. A new job is noticed at once, whichever node enqueued it.
        poll_ms: u64 = 1_000, in 10..=60_000;
        /// Hours for which done jobs are kept.
        keep_done_hours: u32 = 24, in 0..=8_760;
        /// Days for which failed jobs are kept, for staff to see and to try again.
        keep_failed_days: u32 = 30, in 1..=3_650;
    }
}

impl Settings {
    pub(super) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}
