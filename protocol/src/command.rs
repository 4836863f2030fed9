//! What a client may ask for over its socket.

use serde::{Deserialize, Serialize};

use crate::commands;
use crate::error::ErrorBody;
use crate::id::{GiftId, NUMBER_LIMIT, RoomId, UserId};
use crate::kind::CommandData;
use crate::limit;
#[cfg(feature = "schemars")]
use crate::reply::{Connected, Done, Empty, GiftPage, GiftReceipt, Joined, PeoplePage, SessionRefreshed};
use crate::room::Position;

/// The first command of a socket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Connect {
    /// The access token, from `POST /v1/auth/login`, `register` or `refresh`. Absent: the handshake brought it
    /// as `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// The client's lasting name for this device, 1 to 128 characters; a second socket of the same device
    /// replaces the first.
    #[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::DEVICE_CHARS)))]
    pub device: String,
    /// What the client is, for support. Absent: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// Rooms to join at once, so that a resume is one round trip: at most 4, each room once. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::CONNECT_JOINS)))]
    pub joins: Vec<Join>,
}

/// Go on with a new access token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RefreshSession {
    /// An access token of the session that the socket connected by.
    pub token: String,
}

/// What a client is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Client {
    /// The app's name, at most 128 characters.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::DEVICE_CHARS)))]
    pub name: String,
    /// Its version, at most 128 characters. Absent: not said.
    #[serde(default)]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::DEVICE_CHARS)))]
    pub version: String,
    /// Where it runs, at most 128 characters. Absent: not said.
    #[serde(default)]
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::DEVICE_CHARS)))]
    pub platform: String,
}

/// Come into a room, or back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Join {
    /// Which room.
    pub room: RoomId,
    /// The room token, from `POST /v1/rooms/{room}/token`.
    pub token: String,
    /// What the client saw last; absent on a first visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
}

/// A command that says no more than its room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct InRoom {
    /// Which room.
    pub room: RoomId,
}

/// Take a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TakeSeat {
    /// Which room.
    pub room: RoomId,
    /// Which seat, from 0. Absent: the first free one but the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    /// Absent: decided on whatever the map is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Lock or unlock a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OnSeat {
    /// Which room.
    pub room: RoomId,
    /// Which seat, from 0.
    pub seat: u8,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    /// Absent: decided on whatever the map is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Say something to the room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SendChat {
    /// Which room.
    pub room: RoomId,
    /// 1 to 2,000 characters, not only white space.
    #[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::TEXT_CHARS), pattern(r"\S")))]
    pub text: String,
}

/// Put somebody out of the room, and keep them out for ten minutes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Kick {
    /// Which room.
    pub room: RoomId,
    /// Whom.
    pub user: UserId,
    /// Why, at most 200 characters; the user is told. Absent: without a reason.
    #[cfg_attr(feature = "schemars", schemars(length(max = limit::REASON_CHARS)))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Who receives a gift. The sender is never among them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// These people: in the room, or gone for at most 60 s. At most 20.
    Users(#[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::GIFT_RECEIVERS)))] Vec<UserId>),
    /// Who sits on these seats; an empty seat receives nothing. At most 20.
    Seats(#[cfg_attr(feature = "schemars", schemars(length(min = 1, max = limit::GIFT_RECEIVERS)))] Vec<u8>),
    /// Who sits on any seat.
    AllSeats,
}

/// Send a gift, paid for in coins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SendGift {
    /// Which room.
    pub room: RoomId,
    /// Which gift.
    pub gift: GiftId,
    /// How many each receiver gets: 1, 10, 66, 188, 520 or 1,314.
    #[cfg_attr(feature = "schemars", schemars(extend("enum" = limit::GIFT_COUNTS)))]
    pub count: i64,
    /// To whom.
    pub to: Recipients,
}

/// Gifts of the room above a number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ListGifts {
    /// Which room.
    pub room: RoomId,
    /// Gifts above this `gift_no`; 0 is before the first.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub after: i64,
}

/// Who is in the room, by pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ListPeople {
    /// Which room.
    pub room: RoomId,
    /// People above this id; absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserId>,
}

commands! {
    /// Everything a client may ask for, by its type on the wire.
    pub enum Command;

    /// Say who one is. The first command of a socket, within 10 s.
    ///
    /// A second socket of the same `device` replaces the first, which is closed with 4502. With `joins` a
    /// connection, or a resume, is one round trip.
    Connect(Connect) -> Connected = "connect": Repeatable, Session, rate Connect;
    /// Go on with a new access token, before the old one ends.
    SessionRefresh(RefreshSession) -> SessionRefreshed = "session.refresh": Repeatable, Session, rate List;
    /// Ask for a sign of life.
    Ping(Nothing) -> Empty = "ping": Repeatable, Session;
    /// Come into a room, or back. A user is in one room at a time: another one is left.
    ///
    /// With a `position` the reply brings all missed events, or a snapshot, and is told which. The events
    /// behind the reply's position follow the reply.
    RoomJoin(Join) -> Joined = "room.join": Repeatable, Session, rate Join;
    /// Leave a room at once, on all of one's devices, without the grace period.
    RoomLeave(InRoom) -> Empty = "room.leave": Repeatable, Session;
    /// Put somebody out of the room, and keep them out for ten minutes. For the room's owner.
    RoomKick(Kick) -> Done = "room.kick": Hard, Room, rate Seat, rest "POST /v1/rooms/{id}/kicks";
    /// Take a seat. Seat 0 is the owner's.
    SeatTake(TakeSeat) -> Done = "seat.take": Soft, Room, rate Seat, rest "PUT /v1/rooms/{id}/seat";
    /// Leave one's seat.
    SeatLeave(InRoom) -> Done = "seat.leave": Soft, Room, rate Seat, rest "DELETE /v1/rooms/{id}/seat";
    /// Lock a seat; who sits there is evicted. For the room's owner.
    SeatLock(OnSeat) -> Done = "seat.lock": Hard, Room, rate Seat, rest "PUT /v1/rooms/{id}/seats/{no}/lock";
    /// Unlock a seat. For the room's owner.
    SeatUnlock(OnSeat) -> Done = "seat.unlock": Hard, Room, rate Seat, rest "DELETE /v1/rooms/{id}/seats/{no}/lock";
    /// Say something to the room.
    ChatSend(SendChat) -> Done = "chat.send": Soft, Room, rate Chat, rest "POST /v1/rooms/{id}/messages";
    /// Send a gift, paid for in coins: charged once, whatever happens to the reply.
    ///
    /// May be sent again with the same `op` from outside the room, to get the first answer.
    GiftSend(SendGift) -> GiftReceipt = "gift.send": Money, Room, rate Gift, rest "POST /v1/rooms/{id}/gifts";
    /// Gifts of the room above a number, oldest first, at most 200.
    GiftList(ListGifts) -> GiftPage = "gift.list": Repeatable, Store, rate List, rest "GET /v1/rooms/{id}/gifts";
    /// Who is in the room, by id, at most 100 a page.
    PeopleList(ListPeople) -> PeoplePage = "people.list": Repeatable, Room, rate List,
        rest "GET /v1/rooms/{id}/participants";
}

/// Data of a command that has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Nothing {}

/// What every plain number on the wire is.
const NUMBER: &str = "a number from 0 to below 2^53";

const fn is_number(number: u64) -> bool {
    number < NUMBER_LIMIT.unsigned_abs()
}

impl Join {
    /// Its numbers are such as JavaScript reads exactly.
    fn is_in_range(&self) -> bool {
        let signed = |number: i64| u64::try_from(number).is_ok_and(is_number);
        self.position.is_none_or(|position| {
            signed(position.epoch) && is_number(position.seq) && position.gift_no.is_none_or(signed)
        })
    }
}

impl CommandData for Connect {
    fn refuse(&self, mut error: ErrorBody) -> ErrorBody {
        let chars = self.device.chars().count();
        if chars == 0 || chars > limit::DEVICE_CHARS {
            error = error.field("device", format!("1 to {} characters", limit::DEVICE_CHARS));
        }
        if let Some(client) = &self.client
            && [&client.name, &client.version, &client.platform]
                .iter()
                .any(|text| text.chars().count() > limit::DEVICE_CHARS)
        {
            error = error.field("client", format!("at most {} characters each", limit::DEVICE_CHARS));
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

    fn refuse(&self, error: ErrorBody) -> ErrorBody {
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

    fn refuse(&self, error: ErrorBody) -> ErrorBody {
        if self.version.is_none_or(is_number) { error } else { error.field("version", NUMBER) }
    }
}

impl CommandData for OnSeat {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&self, error: ErrorBody) -> ErrorBody {
        if self.version.is_none_or(is_number) { error } else { error.field("version", NUMBER) }
    }
}

impl CommandData for SendChat {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&self, error: ErrorBody) -> ErrorBody {
        if self.text.trim().is_empty() || self.text.chars().count() > limit::TEXT_CHARS {
            return error.field("text", format!("1 to {} characters, not only spaces", limit::TEXT_CHARS));
        }
        error
    }
}

impl CommandData for Kick {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&self, error: ErrorBody) -> ErrorBody {
        if self.reason.chars().count() > limit::REASON_CHARS {
            return error.field("reason", format!("at most {} characters", limit::REASON_CHARS));
        }
        error
    }
}

impl CommandData for SendGift {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&self, mut error: ErrorBody) -> ErrorBody {
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

    fn refuse(&self, error: ErrorBody) -> ErrorBody {
        if u64::try_from(self.after).is_ok_and(is_number) { error } else { error.field("after", NUMBER) }
    }
}

impl CommandData for ListPeople {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }
}
