//! What can be set of the way out.

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
    /// Sockets a shard writes to before it lets other tasks run. Default 256.
    pub yield_every: usize,
    /// Milliseconds for which a hot room's frames are gathered, to leave in one write a socket; 0: none is gathered
    /// for longer than a turn of its shard. Default 20.
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
            yield_every: 256,
            tick_ms: 20,
            hot_events_per_s: 20,
        }
    }
}

impl Settings {
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
