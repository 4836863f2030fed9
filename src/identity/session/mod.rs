//! A session is one sign-in on one device: it is refreshed, listed and ended here.
//!
//! Access tokens are short and many, the refresh token is one: each exchange gives its successor, and an
//! old one that comes back ends the session, for then two have it.

use parlor_protocol::room::Person;
use uuid::Uuid;

use super::Token;
use crate::kit::clock::Timestamp;

mod refresh;
mod routes;
mod service;
mod store;

pub(super) use routes::routes;
pub(super) use service::{Lifetimes, Opened, open};

/// What a sign-in or a refresh gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// For REST and sockets.
    pub access: Token,
    /// For the next access token, once.
    pub refresh: Token,
    /// Who.
    pub user: Person,
}

crate::list! {
    /// What `GET /v1/me/sessions` is asked with: newest first, by the session's id.
    pub struct SessionList: "sessions" by Uuid {}
}

/// A standing session as its user sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// The session.
    pub id: Uuid,
    /// What the client called its device.
    pub name: String,
    /// When it was signed in.
    pub created_at: Timestamp,
    /// When it was last signed in or refreshed.
    pub last_used_at: Timestamp,
}
