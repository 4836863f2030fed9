//! What an operator may set about rooms: times, and the size of everything that is kept.

use parlor_protocol::limit;

/// Bytes of the largest snapshot: chat, a page of people and twenty seats, all with the longest names.
const SNAPSHOT_BYTES: usize = limit::CHAT_BYTES + 32 * 1024;
/// Bytes of what stands around a join's answer in the reply to `connect`.
const AROUND_BYTES: usize = 16 * 1024;

/// A room's times and bounds.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// People whom a room takes that has no number of its own; one more is `room_full`. Default 1,500.
    pub capacity: usize,
    /// Milliseconds for which place and seat are kept after a user's last socket dropped. Default 30,000.
    pub grace_ms: u64,
    /// Milliseconds without anybody after which a room sleeps. Default 300,000.
    pub idle_ms: u64,
    /// Milliseconds for which somebody who was kicked stays out. Default 600,000.
    pub kick_ms: u64,
    /// Milliseconds after which somebody who left can no longer be given a gift. Default 60,000.
    pub gone_ms: u64,
    /// Least milliseconds between two events of who came and left. Default 250.
    pub presence_ms: u64,
    /// Least milliseconds between two counts of people, where nobody is named; above 4,000 people in proportion more.
    /// Default 1,000.
    pub count_ms: u64,
    /// People up to whom an event names who came and left; above it, a signal counts. Default 500.
    pub named_people: usize,
    /// Milliseconds for which an operation's first answer is remembered; above `grace_ms`. Default 120,000.
    pub memory_ms: u64,
    /// Operations remembered per user, 1,024 at most; beyond it the user's oldest is forgotten. Default 64.
    pub memory_per_user: usize,
    /// Operations remembered in a room; beyond it the oldest is forgotten. Default 4,096.
    pub memory_operations: usize,
    /// Least milliseconds between two checkpoints. Default 500.
    pub checkpoint_ms: u64,
    /// Milliseconds after which lines of chat that nothing else has followed are in a checkpoint: only the retry of one
    /// whose answer was lost, and that meets another owner, asks for it. Default 4,000.
    pub checkpoint_lines_ms: u64,
    /// Milliseconds for one attempt of a write to the store. Default 5,000.
    pub write_timeout_ms: u64,
    /// Hard commands of a room that wait for their turn; beyond it `busy`. Default 64.
    pub write_queue: usize,
    /// Requests that wait for a room; beyond it `busy`. Default 1,024.
    pub mailbox: usize,
    /// Events kept for those who come back. Default 512.
    pub ring_events: usize,
    /// Milliseconds for which they are kept. Default 60,000.
    pub ring_ms: u64,
    /// Most events that a resume brings; beyond it a snapshot. Default 300.
    pub resume_events: usize,
    /// Most bytes that a resume brings; beyond it a snapshot. Default 131,072.
    pub resume_bytes: usize,
    /// Milliseconds between two looks for gifts that were committed and not announced. Default 5,000.
    pub sweep_ms: u64,
    /// Milliseconds between two words of where a room stands, so that a lost last event is found. Default 5,000.
    pub digest_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capacity: 1_500,
            grace_ms: 30_000,
            idle_ms: 300_000,
            kick_ms: 600_000,
            gone_ms: 60_000,
            presence_ms: 250,
            count_ms: 1_000,
            named_people: 500,
            memory_ms: 120_000,
            memory_per_user: 64,
            memory_operations: 4_096,
            checkpoint_ms: 500,
            checkpoint_lines_ms: 4_000,
            write_timeout_ms: 5_000,
            write_queue: 64,
            mailbox: 1_024,
            ring_events: 512,
            ring_ms: 60_000,
            resume_events: 300,
            resume_bytes: 128 * 1024,
            sweep_ms: 5_000,
            digest_ms: 5_000,
        }
    }
}

impl Settings {
    /// Bytes of the largest reply to a join: what a resume brings or a snapshot, the gifts beside it, and
    /// the frame around both. A socket's outbox has to take it.
    pub fn join_bytes(&self) -> usize {
        self.resume_bytes.max(SNAPSHOT_BYTES) + limit::GIFT_PAGE_BYTES + AROUND_BYTES
    }

    /// Every value that does not hold, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        // A day: nothing here is meant to last longer, and sums of two stay far from overflow.
        let times = [
            ("grace_ms", self.grace_ms),
            ("idle_ms", self.idle_ms),
            ("kick_ms", self.kick_ms),
            ("gone_ms", self.gone_ms),
            ("presence_ms", self.presence_ms),
            ("count_ms", self.count_ms),
            ("memory_ms", self.memory_ms),
            ("checkpoint_ms", self.checkpoint_ms),
            ("checkpoint_lines_ms", self.checkpoint_lines_ms),
            ("write_timeout_ms", self.write_timeout_ms),
            ("ring_ms", self.ring_ms),
            ("sweep_ms", self.sweep_ms),
            ("digest_ms", self.digest_ms),
        ];
        for (name, ms) in times {
            if !(1..=86_400_000).contains(&ms) {
                problems.push(format!("room.{name}: 1 to 86400000"));
            }
        }
        let sizes = [
            ("capacity", self.capacity),
            ("named_people", self.named_people),
            ("memory_operations", self.memory_operations),
            ("write_queue", self.write_queue),
            ("mailbox", self.mailbox),
            ("ring_events", self.ring_events),
            ("resume_events", self.resume_events),
            ("resume_bytes", self.resume_bytes),
        ];
        for (name, size) in sizes {
            if !(1..=1 << 24).contains(&size) {
                problems.push(format!("room.{name}: 1 to 16777216"));
            }
        }
        // Each command looks through its user's.
        if !(1..=1_024).contains(&self.memory_per_user) {
            problems.push("room.memory_per_user: 1 to 1024".into());
        }
        if self.memory_ms <= self.grace_ms {
            problems.push("room.memory_ms: above room.grace_ms, so that a retry after coming back is known".into());
        }
        problems
    }
}

/// Milliseconds as timestamps count them.
pub(super) fn ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_every_bad_value_is_named() {
        assert!(Settings::default().problems().is_empty());
        let bad = Settings { grace_ms: 120_000, mailbox: 0, sweep_ms: 0, ..Settings::default() };
        assert_eq!(bad.problems().len(), 3, "{:?}", bad.problems());
    }
}
