//! The words that events, snapshots and replies share.

use serde::{Deserialize, Serialize};

use crate::id::{GiftId, Op, RoomId, UserId};
use crate::money::Coins;

/// A user as others see them.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// The display name.
    pub name: String,
}

/// Where a client stands in a room: what it saw last. Sent with every join; all above it comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// The owner's epoch. A position of another epoch is answered with a snapshot.
    pub epoch: i64,
    /// The last event's number within the epoch.
    pub seq: u64,
    /// The highest gift that was shown: the client shows none at or below it. `None` on a first visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift_no: Option<i64>,
}

/// One seat of the map.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seat {
    /// The seat's number, from 0, which is the host's.
    pub no: u8,
    /// Nobody may take it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// Who sits there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Person>,
}

/// Why the seat map changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
pub struct ChatLine {
    /// Unix milliseconds.
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
pub struct GiftLine {
    /// Dense per room, from 1.
    pub gift_no: i64,
    /// The transfer in the ledger.
    pub receipt: i64,
    /// Unix milliseconds of the commit.
    pub at: i64,
    /// Who paid.
    pub from: Person,
    /// Who received; each of them got `count` of the gift.
    pub to: Vec<Person>,
    /// What.
    pub gift: GiftId,
    /// How many each received.
    pub count: i64,
    /// The price of all of it: price × count × receivers.
    pub total: Coins,
    /// How widely it is announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<Banner>,
}

/// What a user is in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
pub struct RoomCard {
    /// Which.
    pub id: RoomId,
    /// Its name.
    pub name: String,
    /// Whose.
    pub owner: Person,
    /// How many seats.
    pub seats: u8,
}

/// What the room is to the user who joins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OwnPlace {
    /// Own role.
    pub role: RoomRole,
    /// Own seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
}

/// The room at a position, whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
    /// The first page of them.
    pub people: Vec<Person>,
    /// The last lines of chat, oldest first.
    pub chat: Vec<ChatLine>,
    /// Coins spent in the room, ever, as far as announced.
    pub coins: Coins,
}
