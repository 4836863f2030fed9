//! The replies: each command gets exactly one, with data or with an error.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::ErrorBody;
use crate::id::{GiftId, RoomId, UserId};
#[cfg(feature = "schemars")]
use crate::limit;
use crate::money::{Coins, Currency};
use crate::room::{GiftLine, Member, Person, Position, Snapshot};
use crate::seating::Hand;

/// A balance with its version.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Balance {
    /// The balance's currency.
    pub currency: Currency,
    /// The balance, in whole minor units.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub amount: i64,
    /// Experience points in 1/10,000: for coins the coins spent (times the gifts' multipliers), for diamonds the
    /// diamonds received.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub xp: i64,
    /// The id of the account's last transfer, which rises with every change; 0 before the first.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub version: i64,
    /// The power of ten that gives the minor units of one whole unit: 0 for coins, 4 for diamonds.
    pub exponent: u32,
}

/// The limits of this server that a client must know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Bytes of one message from the client.
    pub message_bytes: usize,
    /// Characters of a chat line.
    pub text_chars: usize,
    /// Commands that may wait for their reply at the same time.
    pub unanswered_commands: usize,
    /// Bytes that may wait for the socket before it is closed as a slow consumer.
    pub outbox_bytes: usize,
    /// Milliseconds for which a user's place and seat are kept after the socket is lost.
    pub grace_ms: u64,
}

/// The reply to `connect`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Connected {
    /// The session that the token belongs to, a UUID.
    pub session: uuid::Uuid,
    /// The user that the socket belongs to.
    pub user: Person,
    /// Unix milliseconds at which the token expires, and the socket is closed.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub expires_at: i64,
    /// The server's clock, Unix milliseconds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub time: i64,
    /// Milliseconds between the server's pings.
    pub ping_ms: u64,
    /// The limits of this server.
    pub limits: Limits,
    /// All balances of the user, coins first.
    pub balances: Vec<Balance>,
    /// One answer for each of the command's `joins`, in their order. Absent: the command had none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<JoinResult>,
}

/// The reply to `session.refresh`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SessionRefreshed {
    /// Unix milliseconds at which the new token expires, and the socket is closed.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub expires_at: i64,
}

/// The answer to one of the joins of a `connect`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JoinResult {
    /// The same data as in the reply to `room.join`.
    Data(Box<Joined>),
    /// The same error as of a refused `room.join`.
    Error(Box<ErrorBody>),
}

/// The reply to `room.join`: either every missed event, or a snapshot of the room.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Joined {
    /// The room.
    pub room: RoomId,
    /// The client's position after this reply.
    pub position: Position,
    /// True: `events` has all missed events. False: `snapshot` has the room.
    pub recovered: bool,
    /// The missed events, as they were sent, oldest first. Absent: none was missed, or there is a `snapshot` instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(with = "Vec<crate::envelope::EventFrame>"))]
    pub events: Vec<Box<RawValue>>,
    /// The room at the position. Absent: `recovered` is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Box<Snapshot>>,
    /// The gifts above the client's `gift_no`, up to that of the position, which are in no event of this reply, oldest
    /// first. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gifts: Vec<GiftLine>,
    /// There are more gifts above the last one of `gifts`: get them with `gift.list` before showing those of later
    /// events. Absent: no.
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

/// The reply to a command that became an event. A client changes what it shows by the event alone.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Done {
    /// The room's epoch, which rises when the room starts anew or moves to another server.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The `seq` of the last event that the command caused; if it changed nothing, that of the last event. The answer to a
    /// hard command (such as `seat.lock`, `room.kick`) is stored with what it does, before that is announced: it has the `seq` of
    /// the last event before. The reply itself comes behind the command's event, as every such reply.
    pub seq: u64,
    /// This is the operation's first answer, repeated. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// The reply to `gift.send`: the receipt of the gift, which was paid for once.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftReceipt {
    /// The id of the transfer in the ledger.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub receipt: i64,
    /// The gift's number in its room: from 1, without gaps.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub gift_no: i64,
    /// The time of the commit, in Unix milliseconds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub at: i64,
    /// The gift, by its id in the catalogue.
    pub gift: GiftId,
    /// How many of it each receiver got.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub count: i64,
    /// The users who received it.
    pub to: Vec<UserId>,
    /// The price of all of it in coins: price × count × receivers.
    pub total: Coins,
    /// The sender's coins right after the transfer, also in a replayed answer.
    pub balance: Coins,
    /// This is the operation's first answer, repeated. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// The reply to `gift.list`: gifts above the given number, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftPage {
    /// The gifts, at most 200.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::GIFT_PAGE)))]
    pub gifts: Vec<GiftLine>,
    /// There are more above the last one: send the command again from there.
    pub more: bool,
}

/// The reply to `people.list`: the people in the room, by id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PeoplePage {
    /// The people, at most 100.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::PEOPLE_PAGE)))]
    pub people: Vec<Member>,
    /// The number of people in the room, whoever was searched for.
    pub count: u32,
    /// There are more above the last one: send the command again from there.
    pub more: bool,
}

/// The reply to `hand.list`: the raised hands of a room, oldest first.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct HandList {
    /// The hands, at most 200.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::HANDS)))]
    pub hands: Vec<Hand>,
}

/// A vendor that carries the sound of rooms.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VoiceVendor {
    /// LiveKit.
    Livekit,
    /// Agora.
    Agora,
}

/// The reply to `voice.token`: what a client connects to the voice vendor with.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct VoicePass {
    /// The vendor.
    pub provider: VoiceVendor,
    /// LiveKit: the address to connect to. Agora: the id of the app.
    pub place: String,
    /// The room's name at the vendor, which is its id.
    pub channel: String,
    /// The user's identity at LiveKit and number (uid) at Agora, which is their id.
    pub identity: String,
    /// The token. Nobody else may see it.
    pub token: String,
    /// Unix milliseconds at which the token or a right in it ends. The device is sent `voice.renewed` before.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, maximum = 9_007_199_254_740_991_i64))]
    pub expires_at: i64,
    /// Whether the token lets the user speak: they sit on a seat that is not muted, and have not muted themselves.
    pub may_speak: bool,
}

/// The data of a reply that only confirms its command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Empty {}
