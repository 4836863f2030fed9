//! One list of stable error codes for REST and sockets.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a client may do with the same operation (`op`) after an error. A new tap is a new operation.
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
        /// A stable code. Codes are only ever added: a client treats one that it does not know by its `retry`.
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

            /// The HTTP status that goes with the code in REST answers.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// Its docstring, for the documents: what it means and, behind an empty line, what to do.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),*)),* }
            }
        }
    };
}

codes! {
    /// The frame is no JSON object of the envelope's form. On a socket the third one in a row closes it.
    ///
    /// Mend the client.
    BadFrame = "bad_frame", Never, 400;
    /// The data does not fit the type; `fields` says where.
    ///
    /// Mend what the `fields` name; a form shows them beside its fields.
    BadRequest = "bad_request", Never, 400;
    /// This server knows no such type of command.
    ///
    /// Do without it: the server is older than the client, or the type is misspelt.
    UnknownType = "unknown_type", Never, 400;
    /// No such address, or no such thing under it.
    ///
    /// Take it off the screen, or mend the address.
    NotFound = "not_found", Never, 404;
    /// The address exists, with other methods.
    ///
    /// Take one of the methods in the `Allow` header.
    MethodNotAllowed = "method_not_allowed", Never, 405;
    /// The body or frame is larger than allowed.
    ///
    /// Send less.
    TooLarge = "too_large", Never, 413;
    /// The body is of another content type than `application/json`.
    ///
    /// Send `content-type: application/json`.
    UnsupportedMediaType = "unsupported_media_type", Never, 415;
    /// The command changes something and names no operation (`op`).
    ///
    /// Name an `op`: a UUID made once for each tap, kept over retries.
    OperationRequired = "operation_required", Never, 400;
    /// The operation was used before with other content.
    ///
    /// Make a new `op` for new content; an `op` is never used twice.
    OperationConflict = "operation_conflict", Never, 409;
    /// The first command of a socket is `connect`.
    ///
    /// Send `connect`, wait for its reply, then send the rest.
    NotConnected = "not_connected", Never, 403;
    /// The socket is connected already.
    ///
    /// Go on: to change the user, open a new socket.
    AlreadyConnected = "already_connected", Never, 409;
    /// No token, or one that does not hold.
    ///
    /// Sign in again.
    Unauthenticated = "unauthenticated", SignIn, 401;
    /// The token held and has expired.
    ///
    /// Get a new access token, then ask again.
    TokenExpired = "token_expired", SignIn, 401;
    /// The name or the password is wrong.
    ///
    /// Let the user type them again.
    InvalidCredentials = "invalid_credentials", Never, 401;
    /// Somebody has registered with this phone number or e-mail address.
    ///
    /// Offer to sign in instead.
    AccountExists = "account_exists", Never, 409;
    /// The one-time code is wrong, used, expired or was tried too often.
    ///
    /// Have a new one sent, and let the user enter that.
    CodeInvalid = "code_invalid", Never, 403;
    /// The signature is somebody's, was somebody's, or is reserved.
    ///
    /// Let the user choose another.
    SignatureTaken = "signature_taken", Never, 409;
    /// The user is suspended, until `until` or, without it, for good; `reason` says why.
    ///
    /// Show the user both, and do not come back before.
    Suspended = "suspended", Never, 403;
    /// The caller may not do this.
    ///
    /// Do not offer it to this user.
    Forbidden = "forbidden", Never, 403;
    /// The room token is for another room or user, or has expired.
    ///
    /// Ask `POST /v1/rooms/{room}/token` for a new one and join with it.
    RoomTokenInvalid = "room_token_invalid", Never, 403;
    /// No such room.
    ///
    /// Take it off the screen.
    RoomNotFound = "room_not_found", Never, 404;
    /// The room has as many people as it may.
    ///
    /// Say so; join again later.
    RoomFull = "room_full", Later, 409;
    /// The user was kicked out of the room and may come back at `until`.
    ///
    /// Say until when; do not join before.
    Kicked = "kicked", Never, 403;
    /// The user is not in this room.
    ///
    /// Join, then ask again with a new `op`.
    NotInRoom = "not_in_room", Never, 409;
    /// No such user, or not in the room.
    ///
    /// Take them off the screen.
    UserNotFound = "user_not_found", Never, 404;
    /// The room has no seat of this number.
    ///
    /// Read the seat map of the snapshot.
    SeatNotFound = "seat_not_found", Never, 404;
    /// Somebody sits there.
    ///
    /// Offer another seat.
    SeatTaken = "seat_taken", Never, 409;
    /// The seat is locked.
    ///
    /// Offer another seat.
    SeatLocked = "seat_locked", Never, 409;
    /// The user sits on a seat already.
    ///
    /// Leave the seat first (`seat.leave`).
    AlreadySeated = "already_seated", Never, 409;
    /// The user sits on no seat.
    ///
    /// Nothing: the seat map is on its way.
    NotSeated = "not_seated", Never, 409;
    /// The seat map has changed since the version that the command names.
    ///
    /// Show the new seat map and let the user decide again.
    SeatsChanged = "seats_changed", Never, 409;
    /// No such gift in the catalogue, or it is off.
    ///
    /// Read the catalogue again (`GET /v1/gifts`).
    GiftNotFound = "gift_not_found", Never, 404;
    /// A gift to oneself.
    ///
    /// Do not offer the sender as a receiver.
    GiftToSelf = "gift_to_self", Never, 409;
    /// Nobody is there to receive the gift.
    ///
    /// Say that they have left, and let the user choose again.
    NoReceivers = "no_receivers", Never, 409;
    /// The balance does not cover it; `balance` and `shortfall` say by how much.
    ///
    /// Offer to buy coins.
    InsufficientFunds = "insufficient_funds", Never, 402;
    /// An amount would leave the range of what an account can hold.
    ///
    /// Take a smaller amount.
    AmountOutOfRange = "amount_out_of_range", Never, 409;
    /// A transfer of coins to oneself.
    ///
    /// Do not offer the sender as a receiver.
    TransferToSelf = "transfer_to_self", Never, 409;
    /// The amount is below or above what one transfer may move; `message` says the bounds.
    ///
    /// Let the user enter another amount.
    TransferOutOfRange = "transfer_out_of_range", Never, 409;
    /// The account is too new, until `until`, or has too low a wealth level to transfer coins.
    ///
    /// Say so; do not offer it before.
    TransferNotYet = "transfer_not_yet", Never, 409;
    /// With the day's earlier transfers it would be more than a day allows; the next day begins at `until`.
    ///
    /// Say how much is left in words of your own, and until when.
    TransferDayLimit = "transfer_day_limit", Never, 409;
    /// No such coin request, or it is somebody else's.
    ///
    /// Take it off the screen.
    CoinRequestNotFound = "coin_request_not_found", Never, 404;
    /// The coin request was approved or rejected before.
    ///
    /// Read the request again, and show how it was settled.
    CoinRequestSettled = "coin_request_settled", Never, 409;
    /// The coin request has run out.
    ///
    /// Show it as expired; the user may ask again.
    CoinRequestExpired = "coin_request_expired", Never, 409;
    /// The amount is below or above what one request may ask for; `message` says the bounds.
    ///
    /// Let the user enter another amount.
    CoinRequestOutOfRange = "coin_request_out_of_range", Never, 409;
    /// The user has as many open coin requests as one may have.
    ///
    /// Show them; one has to be settled or to expire first.
    CoinRequestsOpen = "coin_requests_open", Never, 409;
    /// The user who is asked for coins sells none.
    ///
    /// Offer resellers alone.
    NotAReseller = "not_a_reseller", Never, 409;
    /// Nothing has been uploaded yet to the address that was given out for it.
    ///
    /// Upload the file to that address, then ask again.
    UploadMissing = "upload_missing", Later, 409;
    /// The uploaded file is not what it was announced as.
    ///
    /// Begin a new upload, with a file of an allowed type and size.
    UploadRefused = "upload_refused", Never, 422;
    /// This server has not been given what this needs; its operator can.
    ///
    /// Do not offer it on this server.
    FeatureOff = "feature_off", Never, 501;
    /// Too many of this kind in too short a time.
    ///
    /// Wait for `retry_after_ms`, then send it again.
    RateLimited = "rate_limited", Later, 429;
    /// A queue is full: the server has more to do than it can.
    ///
    /// Wait for `retry_after_ms`, longer each time, then send it again.
    Busy = "busy", Later, 503;
    /// The store did not answer; what was asked may have happened.
    ///
    /// Wait for `retry_after_ms`, then ask again with the same operation: it takes effect once.
    StoreUnavailable = "store_unavailable", Later, 503;
    /// The room is moving or waiting for its store.
    ///
    /// Wait for `retry_after_ms`, then send it again; the room goes on where it stood.
    RoomPaused = "room_paused", Later, 503;
    /// The request took longer than the server allows; what was asked may have happened.
    ///
    /// Wait for `retry_after_ms`, then ask again with the same operation: it takes effect once.
    Timeout = "timeout", Later, 503;
    /// A fault of the server, logged under the request's id.
    ///
    /// Wait for `retry_after_ms`, then ask again with the same operation; if it stays, report the request's id.
    Internal = "internal", Later, 500;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One field that does not fit, by its path in the body.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// The field's path in the command or body, as `client.name`.
    pub field: String,
    /// What is wrong with it, for the developer who reads it.
    pub message: String,
}

/// An error as it stands on the wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// The stable code: the one thing that code may look at.
    pub code: ErrorCode,
    /// What the client may do with the same operation.
    pub retry: Retry,
    /// One sentence for the developer who reads it; nothing that code may look at. Absent: the code says all.
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
    /// With `kicked`, `transfer_day_limit`, `transfer_not_yet` of a new account, and with `suspended` unless it is for good: Unix milliseconds until which it holds. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub until: Option<i64>,
    /// With `suspended`: why, in the words of who did it, for the user to read. Absent otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The answer is the first one of this operation, given again. Absent: no.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

impl ErrorBody {
    /// Milliseconds that a client waits before `retry: later`, unless the error says otherwise.
    pub const RETRY_AFTER_MS: u64 = 500;

    /// The bare error of this code.
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
            replayed: false,
        }
    }

    /// The same with a sentence for the developer.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The same with one more field that does not fit.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// The same with another time to wait.
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

    /// `kicked`, until this Unix millisecond.
    pub fn kicked(until: i64) -> Self {
        Self { until: Some(until), ..Self::new(ErrorCode::Kicked) }
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
