//! The commands that a client sends over its socket, with the rules of their fields.

mod admin;
mod chat;
mod seating;

use serde::{Deserialize, Serialize};

pub use self::admin::OnUser;
pub use self::chat::{React, RecallLine, SendChat, SendImage, Speak};
pub use self::seating::{MoveUser, OfferSeat, OnMap, OnUserOnMap, RaiseHand, SetLayout, SetSeatMode};
use crate::commands;
use crate::error::ErrorBody;
use crate::id::{GiftId, NUMBER_LIMIT, RoomId, UserId};
use crate::kind::CommandData;
use crate::limit;
pub use crate::record::{ChangeRoom, CloseRoom};
#[cfg(feature = "schemars")]
use crate::reply::{
    Connected, Done, Empty, GiftPage, GiftReceipt, HandList, Joined, PeoplePage, SessionRefreshed, VoicePass,
};
use crate::room::Position;
use crate::text::{self, Rule};

/// The first command of a socket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Connect {
    /// The access token, from `POST /v1/auth/login`, `register` or `refresh`. Absent: the handshake had it in the
    /// header `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(pattern(text::pattern::NO_NUL)))]
    pub token: String,
    /// The client's lasting name for this device, one line of 1 to 128 characters; a second socket of the same device
    /// replaces the first.
    #[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::DEVICE_CHARS), pattern(text::pattern::LINE)))]
    pub device: String,
    /// The app, for support. Absent: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// Rooms to join at once, so that a resume is one round trip: at most 4, each room once. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::CONNECT_JOINS)))]
    pub joins: Vec<Join>,
}

/// Continue the session with a new access token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RefreshSession {
    /// A new access token of the session with which the socket connected.
    #[cfg_attr(feature = "schemars", schemars(pattern(text::pattern::NO_NUL)))]
    pub token: String,
}

/// The app that connects.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Client {
    /// The app's name, at most 128 characters.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::DEVICE_CHARS), pattern(text::pattern::LINE_OR_NOTHING)))]
    pub name: String,
    /// The app's version, at most 128 characters. Absent: not told.
    #[serde(default)]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::DEVICE_CHARS), pattern(text::pattern::LINE_OR_NOTHING)))]
    pub version: String,
    /// The platform that it runs on, at most 128 characters. Absent: not told.
    #[serde(default)]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::DEVICE_CHARS), pattern(text::pattern::LINE_OR_NOTHING)))]
    pub platform: String,
}

/// Join a room, or come back to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Join {
    /// The room.
    pub room: RoomId,
    /// The room token, from `POST /v1/rooms/{room}/token`.
    #[cfg_attr(feature = "schemars", schemars(pattern(text::pattern::NO_NUL)))]
    pub token: String,
    /// The last position that the client has seen, if it comes back to the room by itself. Absent when the user chooses
    /// the room: such a join leaves any other room, while one with a position is answered `joined_elsewhere` if the user
    /// has since chosen another room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// The data of a command that only names its room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct InRoom {
    /// The room.
    pub room: RoomId,
}

/// Take a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TakeSeat {
    /// The room.
    pub room: RoomId,
    /// The seat's number, from 0. Absent: the first free seat except the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Move to another seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct MoveSeat {
    /// The room.
    pub room: RoomId,
    /// The number of the seat to move to, from 0.
    pub seat: u8,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Lock or unlock a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OnSeat {
    /// The room.
    pub room: RoomId,
    /// The seat's number, from 0.
    pub seat: u8,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Lock or unlock all seats.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OnAllSeats {
    /// The room.
    pub room: RoomId,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Remove a user from the room, and keep them out for a while.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Kick {
    /// The room.
    pub room: RoomId,
    /// The user to remove.
    pub user: UserId,
    /// The milliseconds for which the user may not join again, from a second to a day. Absent: as the server is set up,
    /// which is ten minutes by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = limit::MEASURE_MIN_MS, max = limit::KICK_MAX_MS)))]
    pub duration_ms: Option<u64>,
    /// The reason, one line of at most 200 characters by the rules of texts, which the user is told. Absent: no reason.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::REASON_CHARS), pattern(text::pattern::LINE_OR_NOTHING)))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Ban a user from the room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Ban {
    /// The room.
    pub room: RoomId,
    /// The user to ban, who need not be in the room.
    pub user: UserId,
    /// The milliseconds for which the ban holds, from a second to 366 days. Absent: until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = limit::MEASURE_MIN_MS, max = limit::MEASURE_MAX_MS)))]
    pub duration_ms: Option<u64>,
    /// The reason, one line of at most 200 characters by the rules of texts, which the user is told. Absent: no reason.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::REASON_CHARS), pattern(text::pattern::LINE_OR_NOTHING)))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Mute a user in the room's chat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct MuteChat {
    /// The room.
    pub room: RoomId,
    /// The user to mute, who need not be in the room.
    pub user: UserId,
    /// The milliseconds for which the user is muted, from a second to 366 days. Absent: until that is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = limit::MEASURE_MIN_MS, max = limit::MEASURE_MAX_MS)))]
    pub duration_ms: Option<u64>,
}

/// Set the rules of the room's chat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SetChatRules {
    /// The room.
    pub room: RoomId,
    /// Whether everybody is muted, except the owner and the admins. Absent: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    /// The seconds between two lines of one user, at most 3,600; 0: no slow mode. Absent: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(max = limit::SLOW_MODE_MAX_S)))]
    pub slow_mode_s: Option<u32>,
}

/// The receivers of a gift. The sender is never among them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// These users, at most 20, who are in the room or left it at most 60 s ago.
    Users(#[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::GIFT_RECEIVERS)))] Vec<UserId>),
    /// The users on these seats, at most 20; an empty seat receives nothing.
    Seats(#[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::GIFT_RECEIVERS)))] Vec<u8>),
    /// The users on all seats.
    AllSeats,
}

/// Send a gift, paid for in coins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SendGift {
    /// The room.
    pub room: RoomId,
    /// The gift, by its id in the catalogue.
    pub gift: GiftId,
    /// How many of it each receiver gets: 1, 10, 66, 188, 520 or 1,314.
    #[cfg_attr(feature = "schemars", schemars(extend("enum" = limit::GIFT_COUNTS)))]
    pub count: i64,
    /// The receivers.
    pub to: Recipients,
}

/// List the room's gifts above a number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ListGifts {
    /// The room.
    pub room: RoomId,
    /// The `gift_no` above which gifts are listed; 0: from the first gift on.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub after: i64,
}

/// List the people in the room, in pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ListPeople {
    /// The room.
    pub room: RoomId,
    /// The user id above which people are listed. Absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserId>,
    /// The beginning of a name, in any case and without its marks, or a whole user id: at most 60 characters in one line.
    /// Absent: everybody is listed.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::SEARCH_CHARS), pattern(text::pattern::LINE_OR_NOTHING)))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub search: String,
}

commands! {
    /// A command, by its type on the wire.
    pub enum Command;

    /// Identify the user. It is the first command of a socket, within 10 s of the handshake.
    ///
    /// A second socket of the same `device` replaces the first, which is closed with 4502. With `joins`, connecting or
    /// resuming takes one round trip.
    Connect(Connect) -> Connected = "connect": Repeatable, Session, rate Connect;
    /// Continue the session with a new access token, before the old one expires.
    SessionRefresh(RefreshSession) -> SessionRefreshed = "session.refresh": Repeatable, Session, rate List;
    /// Check that the connection is alive.
    Ping(Nothing) -> Empty = "ping": Repeatable, Session;
    /// Join a room, or come back to it. A user is in one room at a time, so joining leaves any other room.
    ///
    /// With a `position` the reply has either all missed events or a snapshot, and says which. The events above the
    /// reply's position follow the reply.
    RoomJoin(Join) -> Joined = "room.join": Repeatable, Session, rate Join;
    /// Leave a room at once, on all devices of the user, without the grace period.
    RoomLeave(InRoom) -> Empty = "room.leave": Repeatable, Session;
    /// Remove a user from the room, and keep them out for a while. Only the room's owner and its admins may do this;
    /// admins not to the owner or to another admin.
    RoomKick(Kick) -> Done = "room.kick": Hard, Room, rate Seat, rest "POST /v1/rooms/{id}/kicks";
    /// Make a user who is in the room one of its admins. Only the room's owner may do this.
    ///
    /// A room has a bound of admins, 2 by default; one more is refused with `too_many_admins`.
    AdminPromote(OnUser) -> Done = "admin.promote": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/admins/{user}";
    /// Make an admin a user like others again. Only the room's owner may do this, and an admin to themselves.
    AdminDemote(OnUser) -> Done = "admin.demote": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/admins/{user}";
    /// Ban a user from the room, for a time or until the ban is lifted. Only the room's owner and its admins may do
    /// this; admins not to the owner or to another admin.
    ///
    /// A user who is in the room is removed from it. Another ban of the same user replaces the first.
    RoomBan(Ban) -> Done = "room.ban": Hard, Room, rate Seat, rest "POST /v1/rooms/{id}/bans";
    /// Lift the ban of a user; nothing changes if there is none. Only the room's owner and its admins may do this.
    RoomUnban(OnUser) -> Done = "room.unban": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/bans/{user}";
    /// Change the room's record: its name, announcement, language, country, tags, capacity, theme and background, and who may
    /// do what in it. Only the room's owner may do this.
    RoomChange(ChangeRoom) -> Done = "room.change": Hard, Room, rate Seat, rest "PATCH /v1/rooms/{id}";
    /// Close a room: everybody is put out, and nobody may join until it is opened. Only the room's owner may do this.
    RoomClose(CloseRoom) -> Done = "room.close": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/closing";
    /// Open a room that its owner has closed. Only the room's owner may do this, from outside.
    RoomOpen(InRoom) -> Done = "room.open": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/closing";
    /// Offer the room to a user who is in it, for five minutes. It replaces an earlier offer. Only the room's owner may do
    /// this.
    OwnershipOffer(OnUser) -> Done = "ownership.offer": Soft, Room, rate Seat,
        rest "PUT /v1/rooms/{id}/ownership/offers/{user}";
    /// Withdraw the offer of the room. Only the room's owner may do this.
    OwnershipWithdraw(InRoom) -> Done = "ownership.withdraw": Soft, Room, rate Seat,
        rest "DELETE /v1/rooms/{id}/ownership/offers";
    /// Accept the offer of the room, and own it from now on. The former owner keeps no right but those of the seat they sit on.
    OwnershipAccept(InRoom) -> Done = "ownership.accept": Hard, Room, rate Seat,
        rest "POST /v1/rooms/{id}/ownership/acceptance";
    /// Refuse the offer of the room.
    OwnershipRefuse(InRoom) -> Done = "ownership.refuse": Soft, Room, rate Seat,
        rest "POST /v1/rooms/{id}/ownership/refusal";
    /// Take a seat. Seat 0 is for the room's owner.
    ///
    /// In a room with the mode `apply` only the owner and the admins may take a seat by themselves; others are answered
    /// `not_permitted`, and raise a hand.
    SeatTake(TakeSeat) -> Done = "seat.take": Soft, Room, rate Seat, rest "PUT /v1/rooms/{id}/seat";
    /// Move from the user's own seat to another free one, in one step: nobody else can get a seat in between.
    ///
    /// Seat 0 is for the room's owner. The old seat stays the user's if the new one is refused.
    SeatMove(MoveSeat) -> Done = "seat.move": Soft, Room, rate Seat, rest "PATCH /v1/rooms/{id}/seat";
    /// Leave the user's own seat.
    SeatLeave(OnMap) -> Done = "seat.leave": Soft, Room, rate Seat, rest "DELETE /v1/rooms/{id}/seat";
    /// Speak from this device: the user's seat is that of the session which took it, and this one has it from now on.
    ///
    /// The others of the user's devices that had a token of the voice vendor get one with which they may only listen.
    SeatClaim(InRoom) -> Done = "seat.claim": Soft, Room, rate Seat, rest "PUT /v1/rooms/{id}/seat/device";
    /// Lock a seat; a user who sits there loses it. Only the room's owner and its admins may do this; admins not if the
    /// owner or another admin sits there.
    SeatLock(OnSeat) -> Done = "seat.lock": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/seats/{no}/lock";
    /// Unlock a seat. Only the room's owner and its admins may do this.
    SeatUnlock(OnSeat) -> Done = "seat.unlock": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/seats/{no}/lock";
    /// Lock all seats except the host's, in one step; users who sit there lose them. Only the room's owner and its admins
    /// may do this; if an admin does it, the seats of the owner and of other admins stay as they are.
    SeatLockAll(OnAllSeats) -> Done = "seat.lock_all": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/seats/lock";
    /// Unlock all seats, in one step. Only the room's owner and its admins may do this.
    SeatUnlockAll(OnAllSeats) -> Done = "seat.unlock_all": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/seats/lock";
    /// Mute a seat: whoever sits there, now or later, is not heard, until the seat is unmuted. Only the room's owner and
    /// its admins may do this; admins not if the owner or another admin sits there.
    SeatMute(OnSeat) -> Done = "seat.mute": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/seats/{no}/mute";
    /// Unmute a seat. Only the room's owner and its admins may do this. A user who has muted themselves stays muted.
    SeatUnmute(OnSeat) -> Done = "seat.unmute": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/seats/{no}/mute";
    /// Change how users get a seat: by taking it, or by a hand. Only the room's owner and its admins may do this.
    SeatMode(SetSeatMode) -> Done = "seat.mode": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/seats/mode";
    /// Change the number of seats. Users on seats that are no longer there lose them. Only the room's owner may do this.
    SeatLayout(SetLayout) -> Done = "seat.layout": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/seats/layout";
    /// Move a user from their seat to another one. Only the room's owner and its admins may do this; admins not with the
    /// owner or another admin.
    SeatMoveUser(MoveUser) -> Done = "seat.move_user": Soft, Room, rate Seat,
        rest "PUT /v1/rooms/{id}/participants/{user}/seat";
    /// Take a user's seat away; they stay in the room. Only the room's owner and its admins may do this; admins not with
    /// the owner or another admin.
    SeatRemoveUser(OnUserOnMap) -> Done = "seat.remove_user": Soft, Room, rate Seat,
        rest "DELETE /v1/rooms/{id}/participants/{user}/seat";
    /// Mute oneself on one's own seat. It ends when the user leaves the seat; it goes along to another one.
    MicMute(OnMap) -> Done = "mic.mute": Soft, Room, rate Seat, rest "PUT /v1/rooms/{id}/seat/mute";
    /// Unmute oneself. On a seat that the owner or an admin has muted, the user is still not heard.
    MicUnmute(OnMap) -> Done = "mic.unmute": Soft, Room, rate Seat, rest "DELETE /v1/rooms/{id}/seat/mute";
    /// Say that the user, who sits on a seat, is speaking. It holds for two seconds.
    ///
    /// Everybody is told by the signal `mic.speaking`, a moment later, unless the seat or the user is muted.
    MicSpeaking(Speak) -> Empty = "mic.speaking": Repeatable, Room, rate Signal;
    /// Raise a hand: ask for a seat. It is lowered by itself after 30 s.
    ///
    /// Raised again, it is at the end of the queue. Beyond 200 raised hands the answer is `queue_full`.
    HandRaise(RaiseHand) -> Done = "hand.raise": Soft, Room, rate Seat, rest "PUT /v1/rooms/{id}/hand";
    /// Lower one's own hand.
    HandLower(OnMap) -> Done = "hand.lower": Soft, Room, rate Seat, rest "DELETE /v1/rooms/{id}/hand";
    /// Give a user who has raised a hand a seat. The room's owner, its admins and the host may do this.
    ///
    /// A hand is settled once: whoever comes later is answered `hand_settled`, which says what became of it, and by whom.
    HandApprove(OfferSeat) -> Done = "hand.approve": Soft, Room, rate Seat,
        rest "POST /v1/rooms/{id}/hands/{user}/approval";
    /// Refuse a user who has raised a hand. The room's owner, its admins and the host may do this.
    HandRefuse(OnUserOnMap) -> Done = "hand.refuse": Soft, Room, rate Seat,
        rest "POST /v1/rooms/{id}/hands/{user}/refusal";
    /// List the raised hands, oldest first. The room's owner, its admins and the host may do this.
    HandList(InRoom) -> HandList = "hand.list": Repeatable, Room, rate List, rest "GET /v1/rooms/{id}/hands";
    /// Invite a user who is in the room to take a seat, for 60 s. The room's owner, its admins and the host may do this.
    InvitationSend(OfferSeat) -> Done = "invitation.send": Soft, Room, rate Seat,
        rest "POST /v1/rooms/{id}/invitations/{user}";
    /// Accept an invitation, and take the seat. If the seat cannot be had now, the invitation stays open.
    InvitationAccept(OnMap) -> Done = "invitation.accept": Soft, Room, rate Seat,
        rest "POST /v1/rooms/{id}/invitation/acceptance";
    /// Refuse an invitation.
    InvitationRefuse(OnMap) -> Done = "invitation.refuse": Soft, Room, rate Seat,
        rest "POST /v1/rooms/{id}/invitation/refusal";
    /// Send a chat line to the room.
    ChatSend(SendChat) -> Done = "chat.send": Soft, Room, rate Chat, rest "POST /v1/rooms/{id}/messages";
    /// Send a chat line with an image to the room. By the room's record it may be left to some (`may_post_images`).
    ///
    /// Each upload is the image of one line. It is read at `/v1/rooms/{id}/images/{image}`.
    ChatImage(SendImage) -> Done = "chat.image": Hard, Room, rate Chat, rest "POST /v1/rooms/{id}/images";
    /// Recall a line: its text is removed from the room and from what is stored of it. The user who wrote it may do this for
    /// two minutes; the room's owner and its admins at any time, to any line.
    ///
    /// A line that was recalled before stays so, and the answer is the same.
    ChatRecall(RecallLine) -> Done = "chat.recall": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/lines/{epoch}/{seq}";
    /// Put a reaction below one of the room's last lines, or take one's own away.
    ///
    /// Everybody is told by the signal `chat.reactions`, a moment later.
    ChatReact(React) -> Empty = "chat.react": Repeatable, Room, rate Signal,
        rest "PUT /v1/rooms/{id}/lines/{epoch}/{seq}/reactions/{reaction}";
    /// Say that the user is typing a line. It holds for five seconds, or until the line is there.
    ///
    /// Everybody is told by the signal `chat.typing`, a moment later.
    ChatTyping(InRoom) -> Empty = "chat.typing": Repeatable, Room, rate Signal;
    /// Mute a user in the room's chat, for a time or until that is lifted. Only the room's owner and its admins may
    /// do this; admins not to the owner or to another admin.
    ///
    /// Another mute of the same user replaces the first.
    ChatMute(MuteChat) -> Done = "chat.mute": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/mutes/{user}";
    /// Let a muted user write again; nothing changes if they are not muted. Only the room's owner and its
    /// admins may do this.
    ChatUnmute(OnUser) -> Done = "chat.unmute": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/mutes/{user}";
    /// Set the rules of the room's chat: mute everybody, or slow everybody down. Only the room's owner and its
    /// admins may do this, and are bound by neither.
    ChatRules(SetChatRules) -> Done = "chat.rules": Hard, Room, rate Seat, rest "PATCH /v1/rooms/{id}/chat";
    /// Send a gift, paid for in coins. It is charged once, whatever happens to the reply.
    ///
    /// Sent again with the same `op`, also from outside the room, it gets the first answer.
    GiftSend(SendGift) -> GiftReceipt = "gift.send": Money, Room, rate Gift, rest "POST /v1/rooms/{id}/gifts";
    /// List the room's gifts above a number, oldest first, at most 200.
    GiftList(ListGifts) -> GiftPage = "gift.list": Repeatable, Store, rate List, rest "GET /v1/rooms/{id}/gifts";
    /// List the people in the room by id, or those of them who are searched for, at most 100 per page.
    PeopleList(ListPeople) -> PeoplePage = "people.list": Repeatable, Room, rate List,
        rest "GET /v1/rooms/{id}/participants";
    /// Get what one connects to the voice vendor with: whoever is in the room may listen, and whoever sits on a seat that
    /// is not muted may speak. `feature_off` if the server has no vendor.
    ///
    /// Before it ends, and when the user may speak who could not, the device is sent `voice.renewed` with a new one.
    VoiceToken(InRoom) -> VoicePass = "voice.token": Repeatable, Room, rate List, rest "POST /v1/rooms/{id}/voice";
}

/// The data of a command that needs none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Nothing {}

/// The rule for plain numbers on the wire, as refusals state it.
pub(crate) const NUMBER: &str = "a number from 0 to below 2^53";

pub(crate) const fn is_number(number: u64) -> bool {
    number < NUMBER_LIMIT.unsigned_abs()
}

impl Join {
    /// Whether JavaScript can read all its numbers exactly.
    fn is_in_range(&self) -> bool {
        let signed = |number: i64| u64::try_from(number).is_ok_and(is_number);
        self.position.is_none_or(|position| {
            signed(position.epoch) && is_number(position.seq) && position.gift_no.is_none_or(signed)
        })
    }
}

impl CommandData for Connect {
    fn refuse(&mut self, mut error: ErrorBody) -> ErrorBody {
        error = text::take(error, "device", &mut self.device, Rule::line(limit::DEVICE_CHARS));
        if let Some(client) = &mut self.client {
            let rule = Rule::line(limit::DEVICE_CHARS).or_nothing();
            for (field, text) in [
                ("client.name", &mut client.name),
                ("client.version", &mut client.version),
                ("client.platform", &mut client.platform),
            ] {
                error = text::take(error, field, text, rule);
            }
        }
        if self.joins.len() > limit::CONNECT_JOINS {
            error = error.field("joins", format!("at most {}", limit::CONNECT_JOINS));
        }
        if !self.joins.iter().all(Join::is_in_range) {
            error = error.field("joins", NUMBER);
        }
        if (1..self.joins.len()).any(|at| self.joins[..at].iter().any(|b| b.room == self.joins[at].room)) {
            error = error.field("joins", "each room once");
        }
        error
    }
}

impl CommandData for RefreshSession {}

impl CommandData for Nothing {}

impl CommandData for Join {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if self.is_in_range() { error } else { error.field("position", NUMBER) }
    }
}

impl CommandData for InRoom {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }
}

impl CommandData for TakeSeat {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if self.version.is_none_or(is_number) { error } else { error.field("version", NUMBER) }
    }
}

impl CommandData for MoveSeat {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if self.version.is_none_or(is_number) { error } else { error.field("version", NUMBER) }
    }
}

impl CommandData for OnSeat {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if self.version.is_none_or(is_number) { error } else { error.field("version", NUMBER) }
    }
}

impl CommandData for OnAllSeats {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if self.version.is_none_or(is_number) { error } else { error.field("version", NUMBER) }
    }
}

impl CommandData for Kick {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        let error = refuse_duration(error, self.duration_ms, limit::KICK_MAX_MS);
        text::take(error, "reason", &mut self.reason, Rule::line(limit::REASON_CHARS).or_nothing())
    }
}

impl CommandData for Ban {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        let error = refuse_duration(error, self.duration_ms, limit::MEASURE_MAX_MS);
        text::take(error, "reason", &mut self.reason, Rule::line(limit::REASON_CHARS).or_nothing())
    }
}

impl CommandData for MuteChat {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        refuse_duration(error, self.duration_ms, limit::MEASURE_MAX_MS)
    }
}

impl CommandData for SetChatRules {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if self.slow_mode_s.is_none_or(|seconds| seconds <= limit::SLOW_MODE_MAX_S) {
            return error;
        }
        error.field("slow_mode_s", format!("0 to {}", limit::SLOW_MODE_MAX_S))
    }
}

/// Adds the field to `error` if a time was given that is too short or longer than `longest_ms`.
fn refuse_duration(error: ErrorBody, duration_ms: Option<u64>, longest_ms: u64) -> ErrorBody {
    if duration_ms.is_none_or(|ms| (limit::MEASURE_MIN_MS..=longest_ms).contains(&ms)) {
        return error;
    }
    error.field("duration_ms", format!("{} to {longest_ms}", limit::MEASURE_MIN_MS))
}

impl CommandData for SendGift {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, mut error: ErrorBody) -> ErrorBody {
        if !limit::GIFT_COUNTS.contains(&self.count) {
            error = error.field("count", "one of 1, 10, 66, 188, 520, 1314");
        }
        let receivers = match &self.to {
            Recipients::Users(users) => users.len(),
            Recipients::Seats(seats) => seats.len(),
            Recipients::AllSeats => 1,
        };
        if receivers == 0 || receivers > limit::GIFT_RECEIVERS {
            error = error.field("to", format!("1 to {} receivers", limit::GIFT_RECEIVERS));
        }
        error
    }
}

impl CommandData for ListGifts {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        if u64::try_from(self.after).is_ok_and(is_number) { error } else { error.field("after", NUMBER) }
    }
}

impl CommandData for ListPeople {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
        text::take(error, "search", &mut self.search, Rule::line(limit::SEARCH_CHARS).or_nothing())
    }
}
