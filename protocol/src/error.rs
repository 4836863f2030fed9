//! The stable error codes, one list for REST and sockets, and the form in which they are sent.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::seating::SettledHand;

/// What a client may do with the same operation (`op`) after an error. A new tap makes a new operation.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The answer is final for this operation.
    Never,
    /// Send it again at once, with the same operation.
    Now,
    /// Send it again after `retry_after_ms`, with the same operation.
    Later,
    /// Sign in again first.
    SignIn,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal, $retry:ident, $status:literal;)*) => {
        /// A stable code. Codes are only ever added; a client decides by `retry` about a code that it does not know.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        pub enum ErrorCode {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the documents.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code as it stands on the wire and in the database.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The code of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// What the client may do with the same operation.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry),* }
            }

            /// The HTTP status of a REST answer with this code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// Its docstring, for the documents: what it means and, after an empty line, what to do.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),*)),* }
            }
        }
    };
}

codes! {
    /// The frame is no JSON object of the envelope's form. The third such frame in a row closes the socket.
    ///
    /// Correct the client.
    BadFrame = "bad_frame", Never, 400;
    /// The data does not fit the type; `fields` names each field that does not fit.
    ///
    /// Correct these fields; a form shows each message beside its field.
    BadRequest = "bad_request", Never, 400;
    /// This server does not know this type of command.
    ///
    /// Do without the command: the server is older than the client, or the type is misspelt.
    UnknownType = "unknown_type", Never, 400;
    /// The address does not exist, or the thing that it names.
    ///
    /// Remove it from the screen, or correct the address.
    NotFound = "not_found", Never, 404;
    /// The address exists, but not with this method.
    ///
    /// Use one of the methods in the `Allow` header.
    MethodNotAllowed = "method_not_allowed", Never, 405;
    /// The body or frame is larger than allowed.
    ///
    /// Send less.
    TooLarge = "too_large", Never, 413;
    /// The body has another content type than `application/json`.
    ///
    /// Send `content-type: application/json`.
    UnsupportedMediaType = "unsupported_media_type", Never, 415;
    /// The command changes something and names no operation (`op`).
    ///
    /// Name an `op`: a UUID that is made once for each tap and kept over retries.
    OperationRequired = "operation_required", Never, 400;
    /// The operation was used before with other content.
    ///
    /// Make a new `op` for new content.
    OperationConflict = "operation_conflict", Never, 409;
    /// The first command of a socket must be `connect`.
    ///
    /// Send `connect`, wait for its reply, then send the rest.
    NotConnected = "not_connected", Never, 403;
    /// The socket is connected already.
    ///
    /// Use the socket as it is; to change the user, open a new one.
    AlreadyConnected = "already_connected", Never, 409;
    /// There is no token, or it is not valid.
    ///
    /// Sign in again.
    Unauthenticated = "unauthenticated", SignIn, 401;
    /// The token was valid and has expired.
    ///
    /// Get a new access token, then ask again.
    TokenExpired = "token_expired", SignIn, 401;
    /// The login or the password is wrong.
    ///
    /// Let the user enter them again.
    InvalidCredentials = "invalid_credentials", Never, 401;
    /// An account with this phone number or e-mail address exists.
    ///
    /// Offer to sign in instead.
    AccountExists = "account_exists", Never, 409;
    /// The one-time code is wrong, used or expired, or there were too many tries.
    ///
    /// Request a new code, and let the user enter that.
    CodeInvalid = "code_invalid", Never, 403;
    /// The signature belongs or belonged to another user, or is reserved.
    ///
    /// Let the user choose another.
    SignatureTaken = "signature_taken", Never, 409;
    /// The user is suspended until `until`, or for good if that is absent; `reason` says why.
    ///
    /// Show both to the user, and do not try again before.
    Suspended = "suspended", Never, 403;
    /// The user has no right to do this.
    ///
    /// Do not offer it to this user.
    Forbidden = "forbidden", Never, 403;
    /// The room token is for another room or user, or has expired.
    ///
    /// Get a new one by `POST /v1/rooms/{room}/token` and join with it.
    RoomTokenInvalid = "room_token_invalid", Never, 403;
    /// There is no such room.
    ///
    /// Remove it from the screen.
    RoomNotFound = "room_not_found", Never, 404;
    /// The room has as many people as it may have.
    ///
    /// Tell the user; join again later.
    RoomFull = "room_full", Later, 409;
    /// The user was kicked out of the room and may come back at `until`.
    ///
    /// Tell the user until when; do not join before.
    Kicked = "kicked", Never, 403;
    /// The user is banned from the room until `until`, or until the ban is lifted if that is absent; with a room token's
    /// refusal `reason` says why.
    ///
    /// Tell the user; do not join before.
    Banned = "banned", Never, 403;
    /// The user is muted in the room's chat, or everybody is; `until` says until when, if it ends by itself.
    ///
    /// Tell the user, and keep what they wrote in the field.
    Muted = "muted", Never, 403;
    /// The room's chat is slow, and the user's last line is too recent.
    ///
    /// Wait for `retry_after_ms`, then send it again.
    SlowMode = "slow_mode", Later, 429;
    /// The text has a word that is not allowed on this server.
    ///
    /// Tell the user, and keep what they wrote in the field so that they can change it.
    TextRefused = "text_refused", Never, 422;
    /// The room's list of bans, kicks or mutes has as many entries as it may have; `message` says how many.
    ///
    /// Show the list, so that the user can lift one first.
    RoomListFull = "room_list_full", Never, 409;
    /// The user has since joined another room on another device, which a join with a position does not undo.
    ///
    /// Show it, and do not come back by yourself; if the user chooses the room again, join without a position.
    JoinedElsewhere = "joined_elsewhere", Never, 409;
    /// The room's record has another version than the change names: somebody has changed it since.
    ///
    /// Show the record as it is now (`room.changed` brought it, and `GET /v1/rooms/{id}` has it), and let the user decide
    /// again.
    RoomChanged = "room_changed", Never, 409;
    /// The room does not let this user do this; `message` says what it asks for.
    ///
    /// Do not offer it while the room's record says so.
    NotPermitted = "not_permitted", Never, 403;
    /// The time in which the user might do this is over; `message` says what the time was.
    ///
    /// Do not offer it any more.
    TooLate = "too_late", Never, 409;
    /// The room asks for a password, and this is none or a wrong one.
    ///
    /// Let the user enter it again. After some wrong ones the answer is `rate_limited`.
    WrongPassword = "wrong_password", Never, 403;
    /// The room is closed, by its owner or by the platform's staff; `message` says by whom and why.
    ///
    /// Show it. The room can be joined when its record says that it is open.
    RoomClosed = "room_closed", Never, 409;
    /// The user is not in this room.
    ///
    /// Join the room, then send the command again with a new `op`.
    NotInRoom = "not_in_room", Never, 409;
    /// There is no such user, or they are not in the room.
    ///
    /// Remove them from the screen.
    UserNotFound = "user_not_found", Never, 404;
    /// The room has no seat with this number.
    ///
    /// Offer the seats of the snapshot.
    SeatNotFound = "seat_not_found", Never, 404;
    /// Another user sits on the seat.
    ///
    /// Offer another seat.
    SeatTaken = "seat_taken", Never, 409;
    /// The seat is locked.
    ///
    /// Offer another seat.
    SeatLocked = "seat_locked", Never, 409;
    /// The user already sits on a seat.
    ///
    /// Leave the seat first (`seat.leave`), or move to the other one (`seat.move`).
    AlreadySeated = "already_seated", Never, 409;
    /// The user does not sit on a seat.
    ///
    /// Nothing: an event with the seat map is under way.
    NotSeated = "not_seated", Never, 409;
    /// The seat map has changed since the version that the command names.
    ///
    /// Show the new seat map and let the user decide again.
    SeatsChanged = "seats_changed", Never, 409;
    /// The catalogue has no such gift, or the gift is disabled.
    ///
    /// Read the catalogue again (`GET /v1/gifts`).
    GiftNotFound = "gift_not_found", Never, 404;
    /// The sender and the receiver of the gift are the same user.
    ///
    /// Do not offer the sender as a receiver.
    GiftToSelf = "gift_to_self", Never, 409;
    /// None of the receivers is there.
    ///
    /// Tell the user that they have left, and let the user choose again.
    NoReceivers = "no_receivers", Never, 409;
    /// The balance is too low; `balance` says what it is, and `shortfall` what is missing.
    ///
    /// Offer to buy coins.
    InsufficientFunds = "insufficient_funds", Never, 402;
    /// The amount would exceed what an account can hold.
    ///
    /// Use a smaller amount.
    AmountOutOfRange = "amount_out_of_range", Never, 409;
    /// The sender and the receiver of the transfer are the same user.
    ///
    /// Do not offer the sender as a receiver.
    TransferToSelf = "transfer_to_self", Never, 409;
    /// The amount is below or above what one transfer may move; `message` says the bounds.
    ///
    /// Let the user enter another amount.
    TransferOutOfRange = "transfer_out_of_range", Never, 409;
    /// The account may not transfer coins yet: it is too new, until `until`, or its wealth level is too low.
    ///
    /// Tell the user; do not offer it before.
    TransferNotYet = "transfer_not_yet", Never, 409;
    /// Together with the day's earlier transfers the amount is above the limit of a day; the next day begins at
    /// `until`.
    ///
    /// Tell the user that the limit is reached, and until when.
    TransferDayLimit = "transfer_day_limit", Never, 409;
    /// There is no such coin request, or it belongs to other users.
    ///
    /// Remove it from the screen.
    CoinRequestNotFound = "coin_request_not_found", Never, 404;
    /// The coin request was approved or rejected earlier.
    ///
    /// Read the request again, and show its state.
    CoinRequestSettled = "coin_request_settled", Never, 409;
    /// The coin request has expired.
    ///
    /// Show it as expired; the user may make a new one.
    CoinRequestExpired = "coin_request_expired", Never, 409;
    /// The amount is below or above what one request may ask for; `message` says the bounds.
    ///
    /// Let the user enter another amount.
    CoinRequestOutOfRange = "coin_request_out_of_range", Never, 409;
    /// The user has as many open coin requests as a user may have.
    ///
    /// Show them; one of them must be settled or expire first.
    CoinRequestsOpen = "coin_requests_open", Never, 409;
    /// The user has as many rooms as a user may have; `message` says how many.
    ///
    /// Show the user their rooms instead of the form for another.
    TooManyRooms = "too_many_rooms", Never, 409;
    /// The hand is no longer raised; `settled` says what became of it and who decided, as far as the room still knows.
    ///
    /// Remove the hand from the screen, and show what became of it.
    HandSettled = "hand_settled", Never, 409;
    /// The user has no open invitation, or no open offer of the room: it was answered or withdrawn, or its time is over.
    ///
    /// Remove it from the screen.
    InvitationOver = "invitation_over", Never, 409;
    /// As many hands are raised, or invitations open, as a room may have.
    ///
    /// Wait for `retry_after_ms`, then send it again.
    QueueFull = "queue_full", Later, 409;
    /// The room has as many admins as it may have; `message` says how many.
    ///
    /// Let the owner demote another admin first.
    TooManyAdmins = "too_many_admins", Never, 409;
    /// The user who is asked for coins is not a reseller.
    ///
    /// Offer only resellers.
    NotAReseller = "not_a_reseller", Never, 409;
    /// No such transfer.
    ///
    /// Look the number up in the history of who was concerned.
    TransferNotFound = "transfer_not_found", Never, 404;
    /// The transfer was taken back before.
    ///
    /// Nothing is left to do.
    TransferReversed = "transfer_reversed", Never, 409;
    /// The transfer takes another one back itself, and stands.
    ///
    /// Correct it by a new posting.
    TransferNotReversible = "transfer_not_reversible", Never, 409;
    /// An account no longer has what it would give back; `shortfall` says how much is missing.
    ///
    /// Nothing was moved. Take back first what it was spent on, or try again later.
    FundsSpent = "funds_spent", Never, 409;
    /// No file has been uploaded yet to the address that the server gave.
    ///
    /// Upload the file to that address, then ask again.
    UploadMissing = "upload_missing", Later, 409;
    /// The uploaded file is not of the announced type or size.
    ///
    /// Begin a new upload, with a file of an allowed type and size.
    UploadRefused = "upload_refused", Never, 422;
    /// The job cannot be tried again: it has not failed, its payload was emptied when it failed, or a job like it waits; `message` says which.
    ///
    /// Show the sentence. A message that was emptied is sent again when its user asks for another one.
    CannotRetry = "cannot_retry", Never, 409;
    /// The server's operator has not set up what this needs.
    ///
    /// Do not offer it on this server.
    FeatureOff = "feature_off", Never, 501;
    /// The user or address has sent too many requests of this kind.
    ///
    /// Wait for `retry_after_ms`, then send it again.
    RateLimited = "rate_limited", Later, 429;
    /// A queue is full: the server is overloaded.
    ///
    /// Wait for `retry_after_ms`, longer each time, then send it again.
    Busy = "busy", Later, 503;
    /// The database did not answer; the request may have taken effect.
    ///
    /// Wait for `retry_after_ms`, then send it again with the same operation: it takes effect once.
    StoreUnavailable = "store_unavailable", Later, 503;
    /// The room is starting anew, or its server cannot reach the database.
    ///
    /// Wait for `retry_after_ms`, then send it again with the same operation; the room continues where it was.
    RoomPaused = "room_paused", Later, 503;
    /// The request took longer than the server allows; it may have taken effect.
    ///
    /// Wait for `retry_after_ms`, then send it again with the same operation: it takes effect once.
    Timeout = "timeout", Later, 503;
    /// A fault of the server, which its log has with the request's id.
    ///
    /// Wait for `retry_after_ms`, then send it again with the same operation; if it fails again, report the request's
    /// id.
    Internal = "internal", Later, 500;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One field that does not fit.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// The field's path in the command or body, as `client.name`.
    pub field: String,
    /// What is wrong with it, for developers.
    pub message: String,
}

/// An error as it stands on the wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// The stable code, by which an app decides what to do.
    pub code: ErrorCode,
    /// What the client may do with the same operation.
    pub retry: Retry,
    /// One sentence for developers, which an app must not depend on. Absent: the code says everything.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// With `retry: later`: milliseconds to wait. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// With `bad_request`: the fields that do not fit. Absent otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// With `insufficient_funds`: the balance in minor units. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub balance: Option<i64>,
    /// With `insufficient_funds`: what is missing, in minor units. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub shortfall: Option<i64>,
    /// With `kicked`, `transfer_day_limit`, `transfer_not_yet` of a new account, and with `suspended`, `banned` and `muted`
    /// unless they are for good: the Unix milliseconds until which the refusal holds. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub until: Option<i64>,
    /// With `suspended`, and with `banned` if it refuses a room token: the reason that was given, for the user to read.
    /// Absent otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// With `hand_settled`: what became of the hand, and who decided. Absent otherwise, or if the room no longer knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Box<SettledHand>>,
    /// This is the operation's first answer, repeated. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

impl ErrorBody {
    /// The milliseconds in `retry_after_ms`, unless the error sets others.
    pub const RETRY_AFTER_MS: u64 = 500;

    /// An error with this code and nothing else.
    pub fn new(code: ErrorCode) -> Self {
        let retry = code.retry();
        Self {
            code,
            retry,
            message: String::new(),
            retry_after_ms: (retry == Retry::Later).then_some(Self::RETRY_AFTER_MS),
            fields: Vec::new(),
            balance: None,
            shortfall: None,
            until: None,
            reason: String::new(),
            settled: None,
            replayed: false,
        }
    }

    /// Adds a sentence for developers.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Adds a field that does not fit.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// Sets the milliseconds to wait before a retry.
    #[must_use]
    pub fn retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// `insufficient_funds` with the balance and what is missing, in minor units.
    pub fn insufficient_funds(balance: i64, shortfall: i64) -> Self {
        Self { balance: Some(balance), shortfall: Some(shortfall), ..Self::new(ErrorCode::InsufficientFunds) }
    }

    /// `suspended`, until this Unix millisecond or for good.
    pub fn suspended(until: Option<i64>, reason: impl Into<String>) -> Self {
        Self { until, reason: reason.into(), ..Self::new(ErrorCode::Suspended) }
    }

    /// `hand_settled`, with what became of the hand if that is known.
    pub fn hand_settled(settled: Option<SettledHand>) -> Self {
        Self { settled: settled.map(Box::new), ..Self::new(ErrorCode::HandSettled) }
    }

    /// `kicked`, until this Unix millisecond.
    pub fn kicked(until: i64) -> Self {
        Self { until: Some(until), ..Self::new(ErrorCode::Kicked) }
    }

    /// `muted`, until this Unix millisecond or until that is lifted.
    pub fn muted(until: Option<i64>) -> Self {
        Self { until, ..Self::new(ErrorCode::Muted) }
    }

    /// `banned`, until this Unix millisecond or until the ban is lifted.
    pub fn banned(until: Option<i64>, reason: impl Into<String>) -> Self {
        Self { until, reason: reason.into(), ..Self::new(ErrorCode::Banned) }
    }
}

impl From<ErrorCode> for ErrorBody {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() { self.code.fmt(f) } else { write!(f, "{}: {}", self.code, self.message) }
    }
}

impl std::error::Error for ErrorBody {}
