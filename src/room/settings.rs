//! The settings of rooms: times, and bounds on everything that a room keeps.

use parlor_protocol::limit;
use serde::{Deserialize, Serialize};

use crate::kit::settings::Value;

/// The bytes of the largest snapshot: the chat, the room's record, a page of people and twenty seats and two hundred hands, all with the longest
/// texts.
const SNAPSHOT_BYTES: usize = limit::CHAT_BYTES + limit::CHAT_LINES * LINE_REACTIONS_BYTES + 100 * 1024;
/// The bytes of all reactions below a line.
const LINE_REACTIONS_BYTES: usize = parlor_protocol::chat::Reaction::ALL.len() * 40 + 16;
/// The bytes that the reply to `connect` may have around the answer to a join.
const AROUND_BYTES: usize = 16 * 1024;
/// A day, the greatest value of every time here. Sums of two such times are far from an overflow.
const DAY_MS: i128 = 86_400_000;
/// The greatest value of every count and size here. More would not fit into memory.
const MANY: i128 = 1 << 24;

crate::settings! {
    /// The times and bounds of a room.
    pub struct Settings at "room", checked by Self::contradictions {
        /// Rooms that one user may open in a day; 0: any number.
        rooms_per_day_user: u32 = 5, in 0..=MANY;
        /// Rooms that one user may have; 0: any number.
        rooms_user: u32 = 20, in 0..=MANY;
        /// The most people in a room that has no capacity of its own. One more is answered `room_full`.
        capacity: usize = 1_500, in 1..=MANY;
        /// On how many devices a user may be in a room at a time: a number, of which one more puts out the oldest; `replace`,
        /// for one that a newer one replaces; or `refuse`, for one that keeps newer ones out.
        devices: Devices = Devices::Most(10);
        /// Milliseconds for which place and seat are kept after a user's last socket was lost.
        grace_ms: u64 = 30_000, in 1..=DAY_MS;
        /// Milliseconds after which a room that nobody is in goes to sleep.
        idle_ms: u64 = 300_000, in 1..=DAY_MS;
        /// Milliseconds for which a user who was kicked may not join again, if the kick names no time.
        kick_ms: u64 = 600_000, in 1..=DAY_MS;
        /// Milliseconds after which a raised hand is lowered by itself.
        hand_ms: u64 = 30_000, in 1..=DAY_MS;
        /// Milliseconds after which an invitation to a seat is over.
        invitation_ms: u64 = 60_000, in 1..=DAY_MS;
        /// Milliseconds after which an offer of a room's ownership is over.
        offer_ms: u64 = 300_000, in 1..=DAY_MS;
        /// The most raised hands of a room, and the most open invitations; one more is answered `queue_full`.
        hands: usize = limit::HANDS, in 1..=200;
        /// The most admins of a room.
        admins: usize = 2, in 2..=20;
        /// Milliseconds for which a user who left can still be given a gift.
        gone_ms: u64 = 60_000, in 1..=DAY_MS;
        /// Least milliseconds between two events that name who came and left.
        presence_ms: u64 = 250, in 1..=DAY_MS;
        /// Least milliseconds between two counts of people, in rooms too large to name them. Above 4,000 people the
        /// time grows in proportion.
        count_ms: u64 = 1_000, in 1..=DAY_MS;
        /// Up to this many people, events name who came and left. With more people in the room, a signal tells their
        /// number.
        named_people: usize = 500, in 1..=MANY;
        /// Milliseconds for which an operation's first answer is remembered; must be above `grace_ms`.
        memory_ms: u64 = 120_000, in 1..=DAY_MS;
        /// The most operations that are remembered per user; beyond it the user's oldest is forgotten. It should cover
        /// what `gateway.chat` and `gateway.seat` let through in `room.memory_ms`. Each operation takes up to 150 bytes, and
        /// each command searches through those of its user.
        memory_per_user: usize = 256, in 1..=1_024;
        /// The most operations that are remembered in a room; beyond it the oldest is forgotten.
        memory_operations: usize = 16_384, in 1..=MANY;
        /// Milliseconds for which a user may recall a line that they wrote; at most `room.memory_ms`.
        recall_ms: u64 = 120_000, in 0..=DAY_MS;
        /// Least milliseconds between two signals of a room that say who types and speaks, and which reactions lines have.
        signal_ms: u64 = 500, in 50..=DAY_MS;
        /// Milliseconds between two readings of the lists of filtered words. A changed list holds that much later.
        words_ms: u64 = 10_000, in 100..=DAY_MS;
        /// Least milliseconds between two checkpoints of a room.
        checkpoint_ms: u64 = 500, in 1..=DAY_MS;
        /// Most milliseconds until a line of chat is in a checkpoint; in a room that remembers few operations, on a node
        /// that writes few checkpoints, it is a second or less. If the server is killed in that time and the line is sent
        /// again, it is posted a second time (clients show it once).
        checkpoint_lines_ms: u64 = 4_000, in 1..=DAY_MS;
        /// Days for which the store keeps kicks, locks and other hard commands, by which one that is sent again gets its first
        /// answer. What they made true lasts.
        facts_days: u32 = 90, in 1..=3_650;
        /// Whether what happens in rooms is recorded: their events, for the platform's staff, and who was in them and on their
        /// seats.
        timeline: bool = true;
        /// Days for which the events of rooms are kept.
        timeline_days: u32 = 7, in 1..=365;
        /// Milliseconds for which a room gathers its events before they are written; five times as long on a node that writes
        /// much. What a server that is killed has gathered is lost, and is marked as a gap.
        timeline_gather_ms: u64 = 2_000, in 10..=60_000;
        /// The most bytes of events, on this node, that wait to be written. While the database is away rooms go on, and what
        /// does not fit is not kept and marked as a gap.
        timeline_queue_bytes: usize = 32 << 20, in 1 << 20..=4 << 30;
        /// Milliseconds between two samples, in each of which some rooms that are live are compared with what is made of their
        /// timelines; 0: none are taken.
        timeline_sample_ms: u64 = 60_000, in 0..=DAY_MS;
        /// Days for which it is kept who was in which room and on which seat.
        visits_days: u32 = 90, in 1..=3_650;
        /// Days for which the image of a line is kept.
        images_days: u32 = 7, in 1..=3_650;
        /// Milliseconds for one attempt of a write to the database.
        write_timeout_ms: u64 = 5_000, in 1..=DAY_MS;
        /// The most hard commands of a room that wait for their turn; beyond it they are answered `busy`.
        write_queue: usize = 64, in 1..=MANY;
        /// The most requests that wait for a room; beyond it they are answered `busy`.
        mailbox: usize = 1_024, in 1..=MANY;
        /// The most events that a room keeps for clients that come back.
        ring_events: usize = 512, in 1..=MANY;
        /// Milliseconds for which a room keeps events for clients that come back.
        ring_ms: u64 = 60_000, in 1..=DAY_MS;
        /// The most events that a resume brings; beyond it the client gets a snapshot.
        resume_events: usize = 300, in 1..=MANY;
        /// The most bytes that a resume brings; beyond it the client gets a snapshot.
        resume_bytes: usize = 128 * 1_024, in 1..=MANY;
        /// Milliseconds between two searches for gifts that were committed and not announced.
        sweep_ms: u64 = 5_000, in 1..=DAY_MS;
        /// Milliseconds between two digests, by which a socket's shard finds that it has missed a room's last event.
        digest_ms: u64 = 5_000, in 1..=DAY_MS;
    }
}

/// On how many devices a user may be in a room at a time. A setting holds it as `replace`, `refuse` or a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "String")]
pub enum Devices {
    /// One, which a newer one replaces.
    Replace,
    /// One, which keeps newer ones out.
    Refuse,
    /// So many; one more puts out the oldest.
    Most(u32),
}

/// The setting as it may be written: a file may have a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Number(u32),
}

impl Devices {
    /// How many there may be.
    pub(super) fn most(self) -> usize {
        match self {
            Self::Replace | Self::Refuse => 1,
            Self::Most(most) => usize::try_from(most).unwrap_or(usize::MAX),
        }
    }
}

impl From<Devices> for String {
    fn from(devices: Devices) -> Self {
        match devices {
            Devices::Replace => "replace".to_owned(),
            Devices::Refuse => "refuse".to_owned(),
            Devices::Most(most) => most.to_string(),
        }
    }
}

impl TryFrom<Written> for Devices {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let number = match &written {
            Written::Word(word) if word == "replace" => return Ok(Self::Replace),
            Written::Word(word) if word == "refuse" => return Ok(Self::Refuse),
            Written::Word(word) => word.parse().ok(),
            Written::Number(number) => Some(*number),
        };
        let most = number.filter(|number| (1..=1_024).contains(number));
        most.map(Self::Most).ok_or("must be replace, refuse or a number from 1 to 1024")
    }
}

impl Value for Devices {}

/// How many rooms a user may open; 0 is any number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RoomAllowance {
    /// In a day.
    pub per_day: u32,
    /// In all.
    pub in_all: u32,
}

impl Settings {
    /// How many rooms a user may open.
    pub fn allowance(&self) -> RoomAllowance {
        RoomAllowance { per_day: self.rooms_per_day_user, in_all: self.rooms_user }
    }

    /// The bytes of the largest reply to a join: a resume or a snapshot, the gifts beside it, and the frame around
    /// both. A socket's outbox must have room for it.
    pub fn join_bytes(&self) -> usize {
        self.resume_bytes.max(SNAPSHOT_BYTES) + limit::GIFT_PAGE_BYTES + AROUND_BYTES
    }

    fn contradictions(&self, problems: &mut Vec<String>) {
        if self.memory_ms <= self.grace_ms {
            problems.push(
                "room.memory_ms: must be above room.grace_ms, so that a retry after coming back is recognised".into(),
            );
        }
    }
}

/// Milliseconds of a setting as an `i64`, the type that timestamps count in.
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
