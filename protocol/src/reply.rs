//! What a command is answered with: one reply each, whatever happens.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::ErrorBody;
use crate::id::{GiftId, RoomId, UserId};
#[cfg(feature = "schemars")]
use crate::limit;
use crate::money::{Coins, Currency};
use crate::room::{GiftLine, Person, Position, Snapshot};

/// A balance with its version.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Balance {
    /// Of which currency.
    pub currency: Currency,
    /// Whole minor units.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub amount: i64,
    /// Experience in 1/10,000: coins spent (times the gifts' multipliers) for coins, diamonds received for
    /// diamonds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub xp: i64,
    /// The account's last transfer: rises with every change; 0 before the first.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub version: i64,
    /// How many minor units one whole unit has, as a power of ten: 0 for coins, 4 for diamonds.
    pub exponent: u32,
}

/// The limits of this server, as far as a client has to know them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Bytes of one message from the client.
    pub message_bytes: usize,
    /// Characters of a chat line.
    pub text_chars: usize,
    /// Commands that may wait for their reply at a time.
    pub unanswered_commands: usize,
    /// Bytes that may wait for the socket before it is closed as a slow consumer.
    pub outbox_bytes: usize,
    /// Milliseconds for which place and seat are kept after a dropped socket.
    pub grace_ms: u64,
}

/// Answer to `connect`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Connected {
    /// The sign-in that the token belongs to, a UUID.
    pub session: uuid::Uuid,
    /// Who the socket belongs to.
    pub user: Person,
    /// Unix milliseconds until which the token holds, and the socket with it.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub expires_at: i64,
    /// The server's clock, Unix milliseconds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub time: i64,
    /// Milliseconds between the server's pings.
    pub ping_ms: u64,
    /// What the server allows.
    pub limits: Limits,
    /// Every balance of the user, coins first.
    pub balances: Vec<Balance>,
    /// One answer for each of the command's `joins`, in their order. Absent: the command named none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<JoinResult>,
}

/// Answer to `session.refresh`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SessionRefreshed {
    /// Unix milliseconds until which the token holds, and the socket with it.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub expires_at: i64,
}

/// The answer to one of the joins of a `connect`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JoinResult {
    /// As the reply to `room.join`.
    Data(Box<Joined>),
    /// As the error of a refused `room.join`.
    Error(Box<ErrorBody>),
}

/// Answer to `room.join`: either every missed event, or the room whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Joined {
    /// Which room.
    pub room: RoomId,
    /// Where the client stands with this reply.
    pub position: Position,
    /// All missed events are in `events`; otherwise the room is in `snapshot`.
    pub recovered: bool,
    /// The missed events, as they were sent, oldest first. Absent: none was missed, or `snapshot` stands for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(with = "Vec<crate::envelope::EventFrame>"))]
    pub events: Vec<Box<RawValue>>,
    /// The room at the position. Absent: `recovered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Box<Snapshot>>,
    /// Gifts above the client's `gift_no` up to the position's that no event of this reply has, oldest first.
    /// Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gifts: Vec<GiftLine>,
    /// There are more gifts above the last one of `gifts` than a reply brings: ask with `gift.list`
    /// from there, before showing those of later events. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_gifts: bool,
}

impl PartialEq for Joined {
    fn eq(&self, other: &Self) -> bool {
        let events = |joined: &Self| joined.events.iter().map(|event| event.get().to_owned()).collect::<Vec<_>>();
        self.room == other.room
            && self.position == other.position
            && self.recovered == other.recovered
            && events(self) == events(other)
            && self.snapshot == other.snapshot
            && self.gifts == other.gifts
            && self.more_gifts == other.more_gifts
    }
}

/// Answer to a command that became an event: the client's picture changes by the event alone.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Done {
    /// The room's epoch: rises when the room is opened anew or by another server.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The `seq` of the event it caused, or of the state it was already in.
    pub seq: u64,
    /// The answer is the first one of this operation, given again. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// Answer to `gift.send`: paid, once.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftReceipt {
    /// The transfer in the ledger.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub receipt: i64,
    /// The gift's number in its room, dense from 1.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub gift_no: i64,
    /// Unix milliseconds of the commit.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub at: i64,
    /// Which gift.
    pub gift: GiftId,
    /// How many each receiver got.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub count: i64,
    /// Who received.
    pub to: Vec<UserId>,
    /// What it cost in coins: price × count × receivers.
    pub total: Coins,
    /// The sender's coins right after it; of a replayed answer, after the first time.
    pub balance: Coins,
    /// The answer is the first one of this operation, given again. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// Answer to `gift.list`: gifts above the cursor, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftPage {
    /// The gifts, at most 200.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::GIFT_PAGE)))]
    pub gifts: Vec<GiftLine>,
    /// There are more above the last one: ask again from there.
    pub more: bool,
}

/// Answer to `people.list`: who is in the room, by id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PeoplePage {
    /// The people, at most 100.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::PEOPLE_PAGE)))]
    pub people: Vec<Person>,
    /// How many are in the room in all.
    pub count: u32,
    /// There are more above the last one: ask again from there.
    pub more: bool,
}

/// The answer to a command that has nothing to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Empty {}
