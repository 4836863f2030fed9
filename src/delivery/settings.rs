//! What can be set of the way out.

use std::time::Duration;

crate::settings! {
    /// The sizes of delivery.
    pub struct Settings at "delivery", checked by Self::contradictions {
        /// Tasks that own the sockets' write side.
        shards: usize = std::thread::available_parallelism().map_or(1, usize::from), in 1..=1_024, shown "one a core";
        /// Messages that may wait for one shard; a full queue makes who sends wait.
        shard_queue: usize = 8_192, in 1..=1 << 20;
        /// Bytes that may wait for one socket before it is closed as a slow consumer; at least what the reply to a
        /// join may bring (80 KiB more than `room.resume_bytes`, and 144 KiB).
        outbox_bytes: usize = 256 * 1_024, in 4_096..=64 << 20;
        /// Bytes that may wait for all sockets together, each shard's for its own; beyond it those for which most
        /// waits are closed as slow consumers. What the sockets of a room share counts for each.
        outbox_total_bytes: Option<usize> = None, in 4_096..=1 << 50, shown "a quarter of `server.memory_bytes`";
        /// Sockets a shard writes to before it lets other tasks run.
        yield_every: usize = 256, in 1..=1 << 20;
        /// Milliseconds for which a hot room's frames are gathered, from the first of them, to leave in one write a
        /// socket; with fewer than eight events up to five eighths longer (at most 12.5 ms), while the next one is
        /// expected in that time; 0: every frame leaves at once. Replies wait for no tick; so prolonged it stays
        /// below `room.presence_ms` and `room.count_ms`.
        tick_ms: u64 = 20, in 0..=1_000;
        /// Events a second of one room above which it is hot; after half a second of silence, or a while below it,
        /// its frames leave at once again.
        hot_events_per_s: u32 = 20, in 1..=10_000;
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

    fn contradictions(&self, problems: &mut Vec<String>) {
        if self.outbox_total_bytes.is_some_and(|bytes| bytes / self.shards.max(1) < self.outbox_bytes) {
            problems.push("delivery.outbox_total_bytes: at least delivery.outbox_bytes for each shard".into());
        }
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
