//! The types that events, snapshots and replies share.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "schemars")]
use crate::chat::Reaction;
use crate::chat::{Quote, ReactionCount};
use crate::id::{GiftId, Op, RoomId, UserId};
#[cfg(feature = "schemars")]
use crate::limit;
use crate::money::Coins;
use crate::record::{Closed, Privacy, Who};
use crate::seating::{Hand, Invitation, SeatMode};

/// A user as others see them.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Person {
    /// The user's id.
    pub id: UserId,
    /// The user's display name.
    pub name: String,
    /// A number that changes with the user's picture, which is read at `/v1/users/{id}/avatar?v=` and this number: so
    /// no cache shows a former picture. Absent: the user has no picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0, max = i32::MAX)))]
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, maximum = 2_147_483_647))]
    pub picture: Option<u32>,
}

impl Person {
    /// A user without a picture.
    pub const fn named(id: UserId, name: String) -> Self {
        Self { id, name, picture: None }
    }
}

/// A client's position in a room: what it has seen last. The client sends it with every join, and gets everything above
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Position {
    /// The room's epoch, which rises when the room starts anew or moves to another server. A position of another epoch
    /// is answered with a snapshot.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: i64,
    /// The number of the last event within the epoch.
    pub seq: u64,
    /// The number of the highest gift that was shown; the client shows no gift at or below it. Absent: a first visit,
    /// which gets no earlier gifts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub gift_no: Option<i64>,
}

/// One seat of the map.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Seat {
    /// The seat's number, from 0; seat 0 is the host's.
    pub no: u8,
    /// The seat is locked, so nobody may take it. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// The user who sits there. Absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Person>,
    /// The owner or an admin has muted the seat: whoever sits there is not heard. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub muted: bool,
    /// The user who sits there has muted themselves. It ends when they leave the seat. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_muted: bool,
}

impl Seat {
    /// A seat of this number that is open and heard, and on which nobody sits.
    pub const fn empty(no: u8) -> Self {
        Self { no, locked: false, user: None, muted: false, self_muted: false }
    }
}

/// Why the seat map changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SeatCause {
    /// A user took the seat.
    Taken,
    /// The user moved from one of these seats to the other.
    Moved,
    /// The user left the seat.
    Left,
    /// The user left the room, or their grace period ended.
    Gone,
    /// The seat was locked; a user who sat there lost it.
    Locked,
    /// The seat was unlocked.
    Unlocked,
    /// The user was kicked out of the room.
    Kicked,
    /// The user was banned from the room.
    Banned,
    /// The owner or an admin muted the seat.
    Muted,
    /// The owner or an admin unmuted the seat.
    Unmuted,
    /// The user muted themselves.
    SelfMuted,
    /// The user unmuted themselves.
    SelfUnmuted,
    /// A user got the seat because their hand was approved.
    Approved,
    /// A user got the seat because they accepted an invitation.
    Invited,
    /// The user was moved from one of these seats to the other by the owner or an admin. A user who sat there has no seat
    /// any more.
    Placed,
    /// Two users changed seats, by the owner's or an admin's decision.
    Swapped,
    /// The owner or an admin took the seat away from the user.
    Removed,
}

/// A chat line in a snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ChatLine {
    /// The time of the line, in Unix milliseconds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub at: i64,
    /// The user who wrote it.
    pub from: Person,
    /// The sender's operation. A client shows each operation once.
    pub op: Op,
    /// The text; empty if the line has only an image, or was recalled.
    pub text: String,
    /// The epoch of the line's event; with `seq` it is the line's number. Absent: an older server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub epoch: Option<i64>,
    /// The `seq` of the line's event. Absent: an older server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub seq: Option<u64>,
    /// The users whom the line mentions. Absent: nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::MENTIONS)))]
    pub mentions: Vec<UserId>,
    /// The line to which this one replies. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Quote>,
    /// The line's image, which is read at `/v1/rooms/{id}/images/{image}`. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Uuid>,
    /// The reactions below the line, the first one first. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = Reaction::ALL.len())))]
    pub reactions: Vec<ReactionCount>,
    /// The line was recalled, and has nothing of what was in it. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recalled: bool,
}

impl ChatLine {
    /// Empties the line, which was recalled: who wrote it, when, and its number stay.
    pub fn empty(&mut self) {
        (self.text, self.mentions, self.reply_to, self.image, self.reactions) = Default::default();
        self.recalled = true;
    }
}

/// How widely a gift is announced besides its event.
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

/// A gift that was paid for. A client shows no gift at or below its own `gift_no`.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftLine {
    /// The gift's number in its room: from 1, without gaps.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub gift_no: i64,
    /// The id of the transfer in the ledger.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub receipt: i64,
    /// The time of the commit, in Unix milliseconds.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub at: i64,
    /// The user who paid.
    pub from: Person,
    /// The users who received it; each of them got `count` of the gift.
    pub to: Vec<Person>,
    /// The gift, by its id in the catalogue.
    pub gift: GiftId,
    /// How many of it each receiver got.
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    pub count: i64,
    /// The price of all of it in coins: price × count × receivers.
    pub total: Coins,
    /// How widely it is announced. Absent: only by its event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner: Option<Banner>,
}

/// A user's role in a room.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoomRole {
    /// The owner of the room.
    Owner,
    /// An admin, whom the owner has promoted; with or without a seat.
    Admin,
    /// A user on the host's seat (seat 0) who is neither owner nor admin.
    Host,
    /// A user on another seat who is neither owner nor admin.
    Speaker,
    /// A user without a seat who is neither owner nor admin.
    Listener,
    /// Everybody but the owner, as servers said before there were the other roles.
    Member,
}

/// Somebody in a room, as the list of its people shows them.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Member {
    /// Who it is.
    #[serde(flatten)]
    pub person: Person,
    /// Their role in the room. Absent: they are a listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoomRole>,
}

/// A room's record, as lists, snapshots and `room.changed` show it.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RoomCard {
    /// The room's id.
    pub id: RoomId,
    /// The room's name.
    pub name: String,
    /// The room's owner.
    pub owner: Person,
    /// The number of seats.
    pub seats: u8,
    /// The record's version, which rises with every change of the record. A change names it.
    pub version: u64,
    /// The announcement, of one or several lines. Absent: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub announcement: String,
    /// The language that is spoken here, as ISO 639-1. Absent: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The room's country, as ISO 3166-1 alpha-2. Absent: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// What the room is about, at most five words in lower case. Absent: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::TAGS)))]
    pub tags: Vec<String>,
    /// The most people in the room. Absent: as many as the server lets into any room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// The theme, by its name in `GET /v1/room-themes`. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<String>,
    /// A number that changes with the room's background, which is read at `/v1/rooms/{id}/background?v=` and this number.
    /// Absent: the room has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0, max = i32::MAX)))]
    #[cfg_attr(feature = "utoipa", schema(minimum = 0, maximum = 2_147_483_647))]
    pub background: Option<u32>,
    /// Who may write chat lines.
    pub may_chat: Who,
    /// Who may post images.
    pub may_post_images: Who,
    /// Who may invite others to a seat, of those whose role lets them: the owner, the admins and the host.
    pub may_invite: Who,
    /// Who may take a free seat by themselves.
    pub may_sit: Who,
    /// Who is let in.
    pub privacy: Privacy,
    /// That the room is closed, so that nobody may join. Absent: it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

impl RoomCard {
    /// The record of a room of which nothing more is known.
    pub const fn named(id: RoomId, name: String, owner: Person, seats: u8) -> Self {
        Self {
            id,
            name,
            owner,
            seats,
            version: 1,
            announcement: String::new(),
            language: None,
            country: None,
            tags: Vec::new(),
            capacity: None,
            theme: None,
            background: None,
            may_chat: Who::All,
            may_post_images: Who::All,
            may_invite: Who::All,
            may_sit: Who::All,
            privacy: Privacy::Public,
            closed: None,
        }
    }
}

/// The rules of a room's chat, which bind everybody but the room's owner and its admins.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ChatRules {
    /// Everybody is muted. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub muted: bool,
    /// The seconds between two lines of one user. Absent: 0, no slow mode.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1)))]
    #[cfg_attr(feature = "utoipa", schema(minimum = 1))]
    pub slow_mode_s: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl ChatRules {
    /// Whether nobody is bound by them.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// An open offer of the room's ownership.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OwnershipOffer {
    /// The user to whom the room is offered.
    pub user: Person,
    /// Unix milliseconds at which the offer is over.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub until: i64,
}

/// What happened to the ownership of a room, or to an offer of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OwnershipCause {
    /// The owner has offered the room.
    Offered,
    /// The offer was accepted: the room has another owner.
    Accepted,
    /// The offer was refused.
    Refused,
    /// The owner has withdrawn the offer.
    Withdrawn,
    /// The offer was not answered in time.
    Expired,
    /// The user to whom the room was offered has left it.
    Gone,
}

/// The place in the room of the user who joins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OwnPlace {
    /// The user's role. After the snapshot it follows from events: who owns the room, who its admins are, who sits where.
    pub role: RoomRole,
    /// The number of the user's seat. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// The user was muted in the chat, which may be over by now. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chat_muted: bool,
    /// With `chat_muted`: the Unix milliseconds until which the user is muted. Absent: until that is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub chat_muted_until: Option<i64>,
    /// The user's raised hand. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand: Option<Hand>,
    /// The user's open invitation. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Invitation>,
}

/// The whole room at a position.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Snapshot {
    /// The room itself.
    pub room: RoomCard,
    /// The place of the user who joins.
    pub own: OwnPlace,
    /// The room's admins, by id, whether they are in the room or not. Absent: it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::ADMINS)))]
    pub admins: Vec<UserId>,
    /// All seats, by number.
    pub seats: Vec<Seat>,
    /// The open offer of the room's ownership. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<OwnershipOffer>,
    /// The seat map's version, which commands may name.
    pub seat_version: u64,
    /// How users get a seat. Absent: an older server, where everybody may take a free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat_mode: Option<SeatMode>,
    /// The raised hands, oldest first, for a user who may settle them: the owner, an admin or the host. Absent: none, or
    /// the user may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::HANDS)))]
    pub hands: Vec<Hand>,
    /// The number of people in the room.
    pub count: u32,
    /// The first page of these people, by id, at most 100.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::PEOPLE_PAGE)))]
    pub people: Vec<Person>,
    /// The last chat lines, oldest first, at most 50.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::CHAT_LINES)))]
    pub chat: Vec<ChatLine>,
    /// The rules of the chat. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_rules: Option<ChatRules>,
    /// All coins that were ever spent in the room on the gifts announced so far.
    pub coins: Coins,
}
