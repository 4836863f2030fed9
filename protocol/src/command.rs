//! What a client may ask for over its socket.

use serde::{Deserialize, Serialize};

use crate::envelope::words;
use crate::error::{ErrorBody, ErrorCode};
use crate::id::{GiftId, RoomId, UserId};
use crate::limit;
use crate::room::Position;

/// The first command of a socket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Connect {
    /// The access token; may be left out where the handshake brought it as `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// The client's lasting name for this device; a second socket of the same device replaces the first.
    pub device: String,
    /// What the client is, for support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// Rooms to join at once, so that a resume is one round trip.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<Join>,
}

/// Go on with a new access token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefreshSession {
    /// An access token of the session that the socket connected by.
    pub token: String,
}

/// What a client is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Client {
    /// The app's name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Where it runs.
    #[serde(default)]
    pub platform: String,
}

/// Come into a room, or back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
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
pub struct InRoom {
    /// Which room.
    pub room: RoomId,
}

/// Take a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TakeSeat {
    /// Which room.
    pub room: RoomId,
    /// Which seat; absent: the first free one but the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Lock or unlock a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OnSeat {
    /// Which room.
    pub room: RoomId,
    /// Which seat.
    pub seat: u8,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Say something to the room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SendChat {
    /// Which room.
    pub room: RoomId,
    /// 1 to 2,000 characters.
    pub text: String,
}

/// Put somebody out of the room, and keep them out for ten minutes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Kick {
    /// Which room.
    pub room: RoomId,
    /// Whom.
    pub user: UserId,
    /// Why, at most 200 characters; the user is told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Who receives a gift. The sender is never among them.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// These people: in the room, or gone for at most 60 s.
    Users(Vec<UserId>),
    /// Who sits on these seats.
    Seats(Vec<u8>),
    /// Who sits on any seat.
    AllSeats,
}

/// Send a gift, paid for in coins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SendGift {
    /// Which room.
    pub room: RoomId,
    /// What.
    pub gift: GiftId,
    /// How many each receiver gets: 1, 10, 66, 188, 520 or 1,314.
    pub count: i64,
    /// To whom.
    pub to: Recipients,
}

/// Gifts of the room above a number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListGifts {
    /// Which room.
    pub room: RoomId,
    /// Gifts above this `gift_no`.
    pub after: i64,
}

/// Who is in the room, by pages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListPeople {
    /// Which room.
    pub room: RoomId,
    /// People above this id; absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserId>,
}

macro_rules! commands {
    ($($(#[$doc:meta])* $variant:ident($data:ty) = $name:literal, op: $op:literal;)*) => {
        /// Everything a client may ask for, by its type on the wire.
        #[derive(Clone, PartialEq, Eq, Debug, Serialize)]
        #[serde(tag = "type", content = "data")]
        pub enum Command {
            $($(#[$doc])* #[serde(rename = $name)] $variant($data),)*
        }

        impl Command {
            /// Every type on the wire, with whether it must name an operation.
            pub const TYPES: &'static [(&'static str, bool)] = &[$(($name, $op)),*];

            /// Reads the data of a command of this type: one pass, no tree of values.
            ///
            /// # Errors
            /// `unknown_type`, or `bad_request` that names what does not fit.
            pub fn parse(kind: &str, data: &str) -> Result<Self, ErrorBody> {
                match kind {
                    $($name => read(data).map(Self::$variant),)*
                    _ => Err(ErrorBody::new(ErrorCode::UnknownType)
                        .message("this server knows no command of this type")),
                }
            }

            /// Its type on the wire.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name),* }
            }

            /// It changes something, so it must name an operation.
            pub const fn needs_op(&self) -> bool {
                match self { $(Self::$variant(_) => $op),* }
            }
        }
    };
}

commands! {
    /// Say who one is.
    Connect(Connect) = "connect", op: false;
    /// Go on with a new access token.
    SessionRefresh(RefreshSession) = "session.refresh", op: false;
    /// Ask for a sign of life.
    Ping(Nothing) = "ping", op: false;
    /// Come into a room, or back.
    RoomJoin(Join) = "room.join", op: false;
    /// Leave a room at once.
    RoomLeave(InRoom) = "room.leave", op: false;
    /// Put somebody out of the room.
    RoomKick(Kick) = "room.kick", op: true;
    /// Take a seat.
    SeatTake(TakeSeat) = "seat.take", op: true;
    /// Leave one's seat.
    SeatLeave(InRoom) = "seat.leave", op: true;
    /// Lock a seat; who sits there is evicted.
    SeatLock(OnSeat) = "seat.lock", op: true;
    /// Unlock a seat.
    SeatUnlock(OnSeat) = "seat.unlock", op: true;
    /// Say something to the room.
    ChatSend(SendChat) = "chat.send", op: true;
    /// Send a gift.
    GiftSend(SendGift) = "gift.send", op: true;
    /// Gifts of the room above a number.
    GiftList(ListGifts) = "gift.list", op: false;
    /// Who is in the room.
    PeopleList(ListPeople) = "people.list", op: false;
}

/// Data of a command that has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Nothing {}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, ErrorBody> {
    serde_json::from_str(data).map_err(|error| {
        let words = words(&error);
        // serde names a missing field in its words and nowhere else.
        let missing = words.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        let (field, words) = match missing {
            Some(field) => (format!("data.{field}"), "is missing".to_owned()),
            None => ("data".to_owned(), words),
        };
        ErrorBody::new(ErrorCode::BadRequest).message("the data does not fit the type").field(field, words)
    })
}

impl Command {
    /// Checks the sizes and values that types cannot say.
    ///
    /// # Errors
    /// `bad_request` with every field that does not fit.
    pub fn validate(&self) -> Result<(), ErrorBody> {
        let mut error = ErrorBody::new(ErrorCode::BadRequest);
        match self {
            Self::Connect(connect) => {
                let chars = connect.device.chars().count();
                if chars == 0 || chars > limit::DEVICE_CHARS {
                    error = error.field("device", format!("1 to {} characters", limit::DEVICE_CHARS));
                }
                if let Some(client) = &connect.client
                    && [&client.name, &client.version, &client.platform]
                        .iter()
                        .any(|text| text.chars().count() > limit::DEVICE_CHARS)
                {
                    error = error.field("client", format!("at most {} characters each", limit::DEVICE_CHARS));
                }
                if connect.joins.len() > limit::CONNECT_JOINS {
                    error = error.field("joins", format!("at most {}", limit::CONNECT_JOINS));
                }
            }
            Self::ChatSend(chat) if (chat.text.trim().is_empty() || chat.text.chars().count() > limit::TEXT_CHARS) => {
                error = error.field("text", format!("1 to {} characters, not only spaces", limit::TEXT_CHARS));
            }
            Self::RoomKick(kick) if kick.reason.chars().count() > limit::REASON_CHARS => {
                error = error.field("reason", format!("at most {} characters", limit::REASON_CHARS));
            }
            Self::GiftSend(gift) => {
                if !limit::GIFT_COUNTS.contains(&gift.count) {
                    error = error.field("count", "one of 1, 10, 66, 188, 520, 1314");
                }
                let receivers = match &gift.to {
                    Recipients::Users(users) => users.len(),
                    Recipients::Seats(seats) => seats.len(),
                    Recipients::AllSeats => 1,
                };
                if receivers == 0 || receivers > limit::GIFT_RECEIVERS {
                    error = error.field("to", format!("1 to {} receivers", limit::GIFT_RECEIVERS));
                }
            }
            Self::GiftList(list) if list.after < 0 => error = error.field("after", "0 or more"),
            _ => {}
        }
        if error.fields.is_empty() { Ok(()) } else { Err(error.message("a field does not fit")) }
    }
}
