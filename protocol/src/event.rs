//! What the server says of its own accord: events (sequenced), signals (not), user frames, notices.

use serde::{Deserialize, Serialize};

use crate::id::{Op, RoomId, UserId};
use crate::money::{Coins, Currency};
use crate::room::{GiftLine, Person, Seat, SeatCause};

/// A sequenced fact of a room. The same bytes for everybody in it, so nothing personal; with the
/// state after it, so that applying it is assignment and not arithmetic.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// Who came and left, gathered, at most four a second.
    #[serde(rename = "participants.changed")]
    ParticipantsChanged {
        /// Who came. Absent: nobody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        joined: Vec<Person>,
        /// Who left. Absent: nobody.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<UserId>,
        /// How many are there now.
        count: u32,
    },
    /// Seats changed. All that changed at once, as they are now.
    #[serde(rename = "seats.changed")]
    SeatsChanged {
        /// The seats that changed.
        seats: Vec<Seat>,
        /// The map's version now.
        version: u64,
        /// Why.
        cause: SeatCause,
        /// Who did it. Absent: the one who sits or sat.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// A line of chat. The envelope has its time.
    #[serde(rename = "chat.posted")]
    ChatPosted {
        /// Who wrote it.
        from: Person,
        /// The sender's operation: a client shows one operation once.
        op: Op,
        /// The text.
        text: String,
    },
    /// Somebody was kicked out of the room. A seat of theirs has been left in the event before.
    #[serde(rename = "participant.kicked")]
    ParticipantKicked {
        /// Who.
        user: UserId,
        /// By whom.
        by: UserId,
        /// Unix milliseconds until which they may not come in.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        until: i64,
        /// Why, in the words of who did it. Absent: no reason was given.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// Gifts that were paid for, in the order of their `gift_no`.
    #[serde(rename = "gifts.sent")]
    GiftsSent {
        /// The gifts.
        gifts: Vec<GiftLine>,
        /// Coins spent in the room, ever, with these.
        coins: Coins,
    },
}

/// What may be merged or dropped: the latest wins. It has no `seq`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data")]
pub enum Signal {
    /// How many people are in the room, where they are too many to name.
    #[serde(rename = "participants.count")]
    ParticipantsCount {
        /// How many.
        count: u32,
    },
}

/// What concerns one user, on each of their sockets. A hint: it carries the cursor of what is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data")]
pub enum UserFrame {
    /// A balance as it is after a transfer. A client ignores one whose version is not above its own.
    #[serde(rename = "balance.changed")]
    BalanceChanged {
        /// Of which currency.
        currency: Currency,
        /// Whole minor units.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        amount: i64,
        /// The account's last transfer: rises with every change.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        version: i64,
    },
    /// The user was put out of a room. The socket lives on.
    #[serde(rename = "room.removed")]
    RoomRemoved {
        /// Which room.
        room: RoomId,
        /// Why.
        cause: RemovalCause,
        /// Unix milliseconds until which they may not come in. Absent: they may.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        until: Option<i64>,
        /// The words of who did it. Absent: there are none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
}

/// Why somebody was put out of a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RemovalCause {
    /// Kicked by the room's staff.
    Kicked,
    /// The user has joined another room.
    JoinedElsewhere,
    /// The user has left the room on another device.
    Left,
    /// The room has moved or starts anew: join again with the position.
    Resync,
    /// The platform's staff has put everybody out. Whoever wants may come in again.
    Closed,
}

/// What the server says of the socket itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Notice {
    /// Answer with `{"type":"pong"}` within 10 s.
    Ping,
    /// The access token ends soon, and the socket with it: send `session.refresh` with a new one.
    SessionExpiring {
        /// Unix milliseconds at which it ends.
        #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
        expires_at: i64,
    },
    /// The socket will be closed with this code right behind this frame.
    Closing {
        /// The close code, 1000 to 4999.
        code: u16,
        /// Its name.
        reason: String,
        /// Milliseconds to wait before coming back. Absent: with back-off and jitter of the client.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_ms: Option<u64>,
    },
}
