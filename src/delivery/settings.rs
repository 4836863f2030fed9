//! What can be set of the way out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The sizes of delivery.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Tasks that own the sockets' write side. Default: one for each core.
    pub shards: usize,
    /// Messages that may wait for one shard; a full queue makes who sends wait. Default 8,192.
    pub shard_queue: usize,
    /// Bytes that may wait for one socket before it is closed as a slow consumer. Default 256 KiB.
    pub outbox_bytes: usize,
    /// Bytes that may wait for all sockets together; beyond it those for which most waits are closed as slow
    /// consumers. Each shard has its share. Default: a quarter of `server.memory_bytes`.
    pub outbox_total_bytes: Option<usize>,
    /// Sockets a shard writes to before it lets other tasks run. Default 256.
    pub yield_every: usize,
    /// Milliseconds for which a hot room's frames are gathered, to leave in one write a socket; 0: none is gathered
    /// for longer than a turn of its shard. A tick with fewer than eight events is
    /// longer, by up to five eighths and 12.5 ms, while the next one is expected in that time. Default 20.
    pub tick_ms: u64,
    /// Events a second of one room above which it is hot. Default 20.
    pub hot_events_per_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            shard_queue: 8_192,
            outbox_bytes: 256 * 1024,
            outbox_total_bytes: None,
            yield_every: 256,
            tick_ms: 20,
            hot_events_per_s: 20,
        }
    }
}

/// How much longer a tick is at most.
const LONGER: Duration = Duration::from_micros(12_500);

/// What may wait for all sockets where it is neither set nor known how much memory there is.
const OUTBOX_TOTAL_BYTES: usize = 256 * 1024 * 1024;

impl Settings {
    /// With a share of this memory for what waits, if nothing is set: a quarter, but a whole outbox for each shard.
    #[must_use]
    pub fn within(mut self, memory_bytes: Option<u64>) -> Self {
        let quarter = memory_bytes.map(|bytes| usize::try_from(bytes / 4).unwrap_or(usize::MAX));
        let least = self.outbox_bytes.saturating_mul(self.shards);
        self.outbox_total_bytes = self.outbox_total_bytes.or(quarter.map(|quarter| quarter.max(least)));
        self
    }

    /// How much longer a tick with few events is at most, while another one is expected.
    pub(super) fn longer(&self) -> Duration {
        let tick = Duration::from_millis(self.tick_ms);
        (tick / 2 + tick / 8).min(LONGER)
    }

    /// For how long a frame may be gathered.
    pub fn longest_tick(&self) -> Duration {
        Duration::from_millis(self.tick_ms) + self.longer()
    }

    /// Bytes that may wait for the sockets of one shard.
    pub(super) fn outbox_share(&self) -> usize {
        self.outbox_total_bytes.unwrap_or(OUTBOX_TOTAL_BYTES) / self.shards.max(1)
    }

    /// Every value that cannot be served with.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(1..=1_024).contains(&self.shards) {
            problems.push("delivery.shards: 1 to 1024".into());
        }
        if !(1..=1_048_576).contains(&self.shard_queue) {
            problems.push("delivery.shard_queue: 1 to 1048576 messages".into());
        }
        if !(4_096..=64 * 1024 * 1024).contains(&self.outbox_bytes) {
            problems.push("delivery.outbox_bytes: 4096 to 67108864 bytes".into());
        }
        if self.outbox_total_bytes.is_some_and(|bytes| bytes / self.shards.max(1) < self.outbox_bytes) {
            problems.push("delivery.outbox_total_bytes: at least delivery.outbox_bytes for each shard".into());
        }
        if self.yield_every == 0 {
            problems.push("delivery.yield_every: 1 or more sockets".into());
        }
        if self.tick_ms > 1_000 {
            problems.push("delivery.tick_ms: 0 to 1000 milliseconds".into());
        }
        if !(1..=10_000).contains(&self.hot_events_per_s) {
            problems.push("delivery.hot_events_per_s: 1 to 10000 events".into());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_wait_for_all_is_a_quarter_of_memory_and_a_whole_outbox_for_each_shard() {
        let two = Settings { shards: 2, outbox_bytes: 1024 * 1024, ..Settings::default() };
        let share = |memory| two.clone().within(memory).outbox_share();
        assert_eq!(share(Some(1024 * 1024 * 1024)), 128 * 1024 * 1024);
        assert_eq!(share(Some(1024 * 1024)), 1024 * 1024);
        assert_eq!(share(None), OUTBOX_TOTAL_BYTES / 2);
        let set = Settings { outbox_total_bytes: Some(4 * 1024 * 1024), ..two.clone() };
        assert_eq!(set.clone().within(Some(1024 * 1024 * 1024)).outbox_share(), 2 * 1024 * 1024);
        assert!(set.problems().is_empty());
        let less = Settings { outbox_total_bytes: Some(2 * 1024 * 1024 - 1), ..two };
        assert_eq!(less.problems(), ["delivery.outbox_total_bytes: at least delivery.outbox_bytes for each shard"]);
    }
}
