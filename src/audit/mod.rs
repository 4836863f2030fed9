//! What staff did: an append-only log, written in the transaction of the act, or behind a room's act in one of its own.
//!
//! The server may add to it and read it; that it may not change it is the database's to see to. Rows
//! name people by their ids, never by name, number or address.

mod store;

use parlor_protocol::{RoomId, UserId};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::kit::error::Result;
use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::kit::tx::Tx;

/// Who acts, and by which request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// Who; `None`: the operator, at the command line.
    pub user: Option<UserId>,
    /// The request's id, empty where there is none.
    pub request: String,
}

impl Actor {
    /// Whoever may type commands on the server's machine.
    pub fn operator() -> Self {
        Self { user: None, request: String::new() }
    }
}

/// An act, before it is written.
#[derive(Clone, PartialEq, Debug)]
pub struct Act {
    name: &'static str,
    user: Option<UserId>,
    room: Option<RoomId>,
    detail: Value,
    reason: String,
}

impl Act {
    /// An act on a user: `user.suspended`.
    pub fn on_user(name: &'static str, user: UserId) -> Self {
        Self { name, user: Some(user), room: None, detail: Value::Object(Default::default()), reason: String::new() }
    }

    /// An act on a room: `room.closed`.
    pub fn on_room(name: &'static str, room: RoomId) -> Self {
        Self { name, user: None, room: Some(room), detail: Value::Object(Default::default()), reason: String::new() }
    }

    /// An act on what is neither: `job.retried`; the detail says on what.
    pub fn on(name: &'static str) -> Self {
        Self { name, user: None, room: None, detail: Value::Object(Default::default()), reason: String::new() }
    }

    /// The same, with the user whom it concerned there.
    #[must_use]
    pub fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// The same, with what else there is to say: an object.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// The same, with the words of who did it.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }
}

/// An act as it is in the log.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Rises from row to row; some numbers may be missing.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// Who did it; absent: the operator, at the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// What was done.
    #[schema(example = "user.suspended")]
    pub act: String,
    /// To whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// In or to which room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// What else was said: the role, the session, until when.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// The words of who did it.
    pub reason: String,
    /// The request it came by, empty where it came by none.
    pub request_id: String,
}

/// Which acts are asked for; those of everybody on everybody where neither is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// What this user did.
    pub actor: Option<UserId>,
    /// What was done to this user.
    pub user: Option<UserId>,
}

crate::list! {
    /// What `GET /v1/staff/audit` is asked with: newest first, by the entry's id.
    pub struct ActList: "acts" by i64 {
        /// What this user did.
        actor: Option<UserId>,
        /// What was done to this user.
        user: Option<UserId>,
    }
}

/// Writes an act down.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn record(tx: &mut Tx, actor: &Actor, act: &Act) -> Result<()> {
    store::insert(tx, actor, act).await?;
    tracing::info!(
        actor.id = actor.user.map(UserId::number),
        act = act.name,
        user.id = act.user.map(UserId::number),
        room.id = act.room.map(RoomId::number),
        request.id = actor.request,
        "staff acted"
    );
    Ok(())
}

/// A page of the log, newest first, behind the entry of this id.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn page(conn: &mut PgConnection, filter: Filter, window: &Window<ActList>) -> Result<Page<AuditEntry>> {
    let rows = store::entries(conn, filter, window).await?;
    Ok(window.page(rows, |entry| entry.id))
}
