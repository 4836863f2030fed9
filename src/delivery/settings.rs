//! The settings of delivery.

use std::time::Duration;

crate::settings! {
    /// The sizes and times of writing to sockets.
    pub struct Settings at "delivery", checked by Self::contradictions {
        /// The number of shards: tasks that each own the write side of a part of the sockets.
        shards: usize = std::thread::available_parallelism().map_or(1, usize::from), in 1..=1_024, shown "one a core";
        /// The most messages that wait for one shard; when its queue is full, senders wait.
        shard_queue: usize = 8_192, in 1..=1 << 20;
        /// The most bytes that wait for one socket; beyond it the socket is closed as a slow consumer. It must be at
        /// least the size that the reply to a join may have: 80 KiB more than `room.resume_bytes`, and at least 144
        /// KiB.
        outbox_bytes: usize = 256 * 1_024, in 4_096..=64 << 20;
        /// The most bytes that wait for all sockets together; each shard has an equal share. Beyond it the sockets for
        /// which most waits are closed as slow consumers. Bytes that the sockets of a room share count for each.
        outbox_total_bytes: Option<usize> = None, in 4_096..=1 << 50, shown "a quarter of `server.memory_bytes`";
        /// The number of sockets that a shard writes to before it lets other tasks run.
        yield_every: usize = 256, in 1..=1 << 20;
        /// Milliseconds for which the frames of a hot room are gathered, from the first of them, to be written at once
        /// to each socket; 0: every frame is written at once. With fewer than eight events the tick is up to five
        /// eighths longer (at most 12.5 ms), if another event is expected in that time. Replies wait for no tick. So
        /// prolonged, the tick must be below `room.presence_ms` and `room.count_ms`.
        tick_ms: u64 = 20, in 0..=1_000;
        /// Events a second above which a room is hot. After half a second of silence, or a while below this rate, its
        /// frames are written at once again.
        hot_events_per_s: u32 = 20, in 1..=10_000;
    }
}

/// The most that a tick is prolonged.
const LONGER: Duration = Duration::from_micros(12_500);

/// The bytes that may wait for all sockets if that is not set and it is unknown how much memory there is.
const OUTBOX_TOTAL_BYTES: usize = 256 * 1024 * 1024;

impl Settings {
    /// Sets `outbox_total_bytes`, if it is not set, to a quarter of this memory, but to at least one full outbox for
    /// each shard.
    #[must_use]
    pub fn within(mut self, memory_bytes: Option<u64>) -> Self {
        let quarter = memory_bytes.map(|bytes| usize::try_from(bytes / 4).unwrap_or(usize::MAX));
        let least = self.outbox_bytes.saturating_mul(self.shards);
        self.outbox_total_bytes = self.outbox_total_bytes.or(quarter.map(|quarter| quarter.max(least)));
        self
    }

    /// How much a tick with few events is prolonged at most, while another event is expected.
    pub(super) fn longer(&self) -> Duration {
        let tick = Duration::from_millis(self.tick_ms);
        (tick / 2 + tick / 8).min(LONGER)
    }

    /// The longest time for which a frame is gathered.
    pub fn longest_tick(&self) -> Duration {
        Duration::from_millis(self.tick_ms) + self.longer()
    }

    /// The bytes that may wait for the sockets of one shard together.
    pub(super) fn outbox_share(&self) -> usize {
        self.outbox_total_bytes.unwrap_or(OUTBOX_TOTAL_BYTES) / self.shards.max(1)
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        if self.outbox_total_bytes.is_some_and(|bytes| bytes / self.shards.max(1) < self.outbox_bytes) {
            problems.push("delivery.outbox_total_bytes: must be at least delivery.outbox_bytes for each shard".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_memory_may_wait_but_at_least_a_full_outbox_for_each_shard() {
        let two = Settings { shards: 2, outbox_bytes: 1024 * 1024, ..Settings::default() };
        let share = |memory| two.clone().within(memory).outbox_share();
        assert_eq!(share(Some(1024 * 1024 * 1024)), 128 * 1024 * 1024);
        assert_eq!(share(Some(1024 * 1024)), 1024 * 1024);
        assert_eq!(share(None), OUTBOX_TOTAL_BYTES / 2);
        let set = Settings { outbox_total_bytes: Some(4 * 1024 * 1024), ..two.clone() };
        assert_eq!(set.clone().within(Some(1024 * 1024 * 1024)).outbox_share(), 2 * 1024 * 1024);
        assert!(set.problems().is_empty());
        let less = Settings { outbox_total_bytes: Some(2 * 1024 * 1024 - 1), ..two };
        let problem = "delivery.outbox_total_bytes: must be at least delivery.outbox_bytes for each shard";
        assert_eq!(less.problems(), [problem]);
    }
}
