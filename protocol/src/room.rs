//! The words that events, snapshots and replies share.

use serde::{Deserialize, Serialize};

use crate::id::{GiftId, Op, RoomId, UserId};
#[cfg(feature = "schemars")]
use crate::limit;
use crate::money::Coins;

/// A user as others see them.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// The display name.
    pub name: String,
}

/// Where a client stands in a room: what it saw last. Sent with every join; all above it comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Position {
    /// The room's epoch: rises when the room is opened anew or by another server. A position of another
    /// epoch is answered with a snapshot.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The last event's number within the epoch.
    pub seq: u64,
    /// The highest gift that was shown: the client shows none at or below it. Absent: on a first visit, of
    /// which no earlier gift is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub gift_no: Option<i64>,
}

/// One seat of the map.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Seat {
    /// The seat's number, from 0, which is the host's.
    pub no: u8,
    /// Nobody may take it. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// Who sits there. Absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Person>,
}

/// Why the seat map changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SeatCause {
    /// Somebody sat down.
    Taken,
    /// Somebody stood up.
    Left,
    /// Somebody left the room, or their grace period ended.
    Gone,
    /// The seat was locked; who sat there was evicted.
    Locked,
    /// The seat was unlocked.
    Unlocked,
    /// Who sat there was kicked out of the room.
    Kicked,
}

/// One line of room chat, as a snapshot has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ChatLine {
    /// Unix milliseconds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub at: i64,
    /// Who wrote it.
    pub from: Person,
    /// The sender's operation: a client shows one operation once.
    pub op: Op,
    /// The text.
    pub text: String,
}

/// How widely a gift is announced beside its event.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Banner {
    /// A banner in the room.
    Room,
    /// A banner in all rooms.
    AllRooms,
}

/// One gift operation that was paid for. A client shows nothing at or below its own `gift_no`.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftLine {
    /// The gift's number in its room, dense from 1.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub gift_no: i64,
    /// The transfer in the ledger.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub receipt: i64,
    /// Unix milliseconds of the commit.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub at: i64,
    /// Who paid.
    pub from: Person,
    /// Who received; each of them got `count` of the gift.
    pub to: Vec<Person>,
    /// Which gift.
    pub gift: GiftId,
    /// How many each received.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub count: i64,
    /// The price of all of it in coins: price × count × receivers.
    pub total: Coins,
    /// How widely it is announced. Absent: by its event alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<Banner>,
}

/// What a user is in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoomRole {
    /// Whose room it is.
    Owner,
    /// Anybody else.
    Member,
}

/// A room as lists have it.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RoomCard {
    /// Which room.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// Whose room it is.
    pub owner: Person,
    /// How many seats.
    pub seats: u8,
}

/// What the room is to the user who joins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OwnPlace {
    /// Own role.
    pub role: RoomRole,
    /// Own seat. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
}

/// The room at a position, whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Snapshot {
    /// The room itself.
    pub room: RoomCard,
    /// What the room is to who joins.
    pub own: OwnPlace,
    /// Every seat, by number.
    pub seats: Vec<Seat>,
    /// The seat map's version; commands may name it.
    pub seat_version: u64,
    /// How many people are in the room.
    pub count: u32,
    /// The first page of them, by id: at most 100.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::PEOPLE_PAGE)))]
    pub people: Vec<Person>,
    /// The last lines of chat, oldest first: at most 50.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::CHAT_LINES)))]
    pub chat: Vec<ChatLine>,
    /// Coins spent in the room, ever, as far as announced.
    pub coins: Coins,
}
