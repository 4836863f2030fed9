//! Sessions: a session is one sign-in on one device. It is opened, refreshed, listed and ended here.
//!
//! A session has many short-lived access tokens, and one live refresh token. Each exchange of the refresh token gives
//! its successor. If an old refresh token is used again the session ends, because then two parties have the token.

use parlor_protocol::room::Person;
use uuid::Uuid;

use super::Token;
use crate::kit::clock::Timestamp;

mod refresh;
mod routes;
mod service;
mod store;

pub(super) use routes::routes;
pub(super) use service::{Lifetimes, Opened, make_room, open};
pub(super) use store::delete_ended;

/// What a sign-in or a refresh gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The access token, for REST and sockets.
    pub access: Token,
    /// For how many milliseconds the access token holds, counted from this answer.
    pub access_ms: i64,
    /// The refresh token, which can be exchanged once.
    pub refresh: Token,
    /// The user who is signed in.
    pub user: Person,
    /// By which the device shows at the next sign-in that it was signed in; a refresh gives none.
    pub device: Option<Token>,
}

crate::list! {
    /// The query of `GET /v1/me/sessions`: newest first, ordered by the session's id.
    pub struct SessionList: "sessions" by Uuid {}
}

/// A session that has not ended, as its user sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// The session's id.
    pub id: Uuid,
    /// The client's name for its device.
    pub name: String,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the session was last refreshed, or else when the user signed in.
    pub last_used_at: Timestamp,
}
