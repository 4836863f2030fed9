//! The audit log: an append-only record of what staff did, and of the users whom the owners of rooms put out of them. An
//! entry is written in the transaction of the act; that of an act in a room, in the transaction of the room's fact.
//!
//! The server may add entries and read them; the database's grants keep it from changing them. Entries name people by
//! their ids, never by name, phone number or e-mail address.

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

/// The person who acts, and the request by which they do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The member of staff; `None` for the operator at the command line.
    pub user: Option<UserId>,
    /// The id of the HTTP request; empty if there is none.
    pub request: String,
}

impl Actor {
    /// The operator: anybody who can run commands on the server's machine.
    pub fn operator() -> Self {
        Self { user: None, request: String::new() }
    }
}

/// An act of staff that is to be written to the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Act {
    name: &'static str,
    user: Option<UserId>,
    room: Option<RoomId>,
    detail: Value,
    reason: String,
}

impl Act {
    /// An act on a user, as `user.suspended`.
    pub fn on_user(name: &'static str, user: UserId) -> Self {
        Self { name, user: Some(user), room: None, detail: Value::Object(Default::default()), reason: String::new() }
    }

    /// An act on a room, as `room.closed`.
    pub fn on_room(name: &'static str, room: RoomId) -> Self {
        Self { name, user: None, room: Some(room), detail: Value::Object(Default::default()), reason: String::new() }
    }

    /// An act on something else, as `job.retried`. The detail says on what.
    pub fn on(name: &'static str) -> Self {
        Self { name, user: None, room: None, detail: Value::Object(Default::default()), reason: String::new() }
    }

    /// Adds the user whom an act on a room concerned.
    #[must_use]
    pub fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Adds further information as a JSON object.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// Adds the reason that the actor gave.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        reason.clone_into(&mut self.reason);
        self
    }
}

/// An entry of the audit log.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// The entry's number. Later entries have higher numbers; some numbers may be missing.
    #[schema(minimum = 1)]
    pub id: i64,
    /// When it was done, in Unix milliseconds.
    pub at: i64,
    /// The member of staff who did it; absent for the operator at the command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// What was done.
    #[schema(example = "user.suspended")]
    pub act: String,
    /// The user to whom it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The room in which or to which it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// What else belongs to the act, as the role, the session or the end of a suspension.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// The reason that the actor gave; empty if none.
    pub reason: String,
    /// The id of the HTTP request; empty if there was none.
    pub request_id: String,
}

/// Which acts a list contains. Without either filter it contains all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Only acts of this member of staff.
    pub actor: Option<UserId>,
    /// Only acts on this user.
    pub user: Option<UserId>,
}

crate::list! {
    /// The query of `GET /v1/staff/audit`: newest first, ordered by the entry's id.
    pub struct ActList: "acts" by i64 {
        /// Only acts of this member of staff.
        actor: Option<UserId>,
        /// Only acts on this user.
        user: Option<UserId>,
    }
}

/// Writes an act to the audit log, in the caller's transaction, and to the server's log.
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
        "an act of staff was recorded"
    );
    Ok(())
}

/// Writes acts down in a transaction that is not a [`Tx`]: in that of a batch of the ledger, with the money.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn record_with(conn: &mut PgConnection, lines: &[(&Actor, Act)]) -> sqlx::Result<()> {
    store::insert_all(conn, lines).await
}

/// The page of the log that the window asks for, newest first.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn page(conn: &mut PgConnection, filter: Filter, window: &Window<ActList>) -> Result<Page<AuditEntry>> {
    let rows = store::entries(conn, filter, window).await?;
    Ok(window.page(rows, |entry| entry.id))
}
