//! What an operator may set about rooms: times, and the size of everything that is kept.

use parlor_protocol::limit;

/// Bytes of the largest snapshot: chat, a page of people and twenty seats, all with the longest names.
const SNAPSHOT_BYTES: usize = limit::CHAT_BYTES + 32 * 1024;
/// Bytes of what stands around a join's answer in the reply to `connect`.
const AROUND_BYTES: usize = 16 * 1024;
/// A day: nothing here is meant to last longer, and sums of two stay far from overflow.
const DAY_MS: i128 = 86_400_000;
/// More of anything that one room keeps does not fit into memory.
const MANY: i128 = 1 << 24;

crate::settings! {
    /// A room's times and bounds.
    pub struct Settings at "room", checked by Self::contradictions {
        /// People whom a room takes that has no number of its own; one more is `room_full`.
        capacity: usize = 1_500, in 1..=MANY;
        /// Milliseconds for which place and seat are kept after a user's last socket dropped.
        grace_ms: u64 = 30_000, in 1..=DAY_MS;
        /// Milliseconds without anybody after which a room sleeps.
        idle_ms: u64 = 300_000, in 1..=DAY_MS;
        /// Milliseconds for which somebody who was kicked stays out.
        kick_ms: u64 = 600_000, in 1..=DAY_MS;
        /// Milliseconds after which somebody who left can no longer be given a gift.
        gone_ms: u64 = 60_000, in 1..=DAY_MS;
        /// Least milliseconds between two events of who came and left.
        presence_ms: u64 = 250, in 1..=DAY_MS;
        /// Least milliseconds between two counts of people, where nobody is named; above 4,000 people in proportion
        /// more.
        count_ms: u64 = 1_000, in 1..=DAY_MS;
        /// People up to whom an event names who came and left; above it, a signal counts.
        named_people: usize = 500, in 1..=MANY;
        /// Milliseconds for which an operation's first answer is remembered; above `grace_ms`.
        memory_ms: u64 = 120_000, in 1..=DAY_MS;
        /// Operations remembered per user; beyond it the user's oldest is forgotten. Each command looks through its
        /// user's.
        memory_per_user: usize = 64, in 1..=1_024;
        /// Operations remembered in a room; beyond it the oldest is forgotten.
        memory_operations: usize = 4_096, in 1..=MANY;
        /// Least milliseconds between two checkpoints.
        checkpoint_ms: u64 = 500, in 1..=DAY_MS;
        /// Milliseconds after which lines of chat that nothing else has followed are in a checkpoint: only the retry
        /// of one whose answer was lost, and that meets another owner, asks for it.
        checkpoint_lines_ms: u64 = 4_000, in 1..=DAY_MS;
        /// Milliseconds for one attempt of a write to the store.
        write_timeout_ms: u64 = 5_000, in 1..=DAY_MS;
        /// Hard commands of a room that wait for their turn; beyond it `busy`.
        write_queue: usize = 64, in 1..=MANY;
        /// Requests that wait for a room; beyond it `busy`.
        mailbox: usize = 1_024, in 1..=MANY;
        /// Events kept for those who come back.
        ring_events: usize = 512, in 1..=MANY;
        /// Milliseconds for which events are kept for those who come back.
        ring_ms: u64 = 60_000, in 1..=DAY_MS;
        /// Most events that a resume brings; beyond it a snapshot.
        resume_events: usize = 300, in 1..=MANY;
        /// Most bytes that a resume brings; beyond it a snapshot.
        resume_bytes: usize = 128 * 1_024, in 1..=MANY;
        /// Milliseconds between two looks for gifts that were committed and not announced.
        sweep_ms: u64 = 5_000, in 1..=DAY_MS;
        /// Milliseconds between two words of where a room stands, so that a lost last event is found.
        digest_ms: u64 = 5_000, in 1..=DAY_MS;
    }
}

impl Settings {
    /// Bytes of the largest reply to a join: what a resume brings or a snapshot, the gifts beside it, and
    /// the frame around both. A socket's outbox has to take it.
    pub fn join_bytes(&self) -> usize {
        self.resume_bytes.max(SNAPSHOT_BYTES) + limit::GIFT_PAGE_BYTES + AROUND_BYTES
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        if self.memory_ms <= self.grace_ms {
            problems.push("room.memory_ms: above room.grace_ms, so that a retry after coming back is known".into());
        }
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
