//! The rules of suspending a user, and of lifting a suspension.

use parlor_protocol::{ErrorCode, UserId};
use serde_json::json;
use sqlx::PgConnection;

use super::{Suspension, store};
use crate::audit::{self, Act, Actor};
use crate::identity::Permission;
use crate::identity::revocation::{self, Reason, Revoked};
use crate::identity::role::{self, ADMIN};
use crate::kit::error::{Error, Result};
use crate::kit::tx::Tx;

/// The suspension of a user that is in force now.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn of(conn: &mut PgConnection, user: UserId) -> Result<Option<Suspension>> {
    store::suspension(conn, user).await
}

/// Checks that a user is not suspended.
///
/// # Errors
/// `suspended`, with the reason and the end.
pub async fn refuse(conn: &mut PgConnection, user: UserId) -> Result<()> {
    match of(conn, user).await? {
        Some(suspension) => Err(suspension.into()),
        None => Ok(()),
    }
}

/// Suspends a user until this time (Unix milliseconds), or for good; an earlier suspension is replaced. The user's
/// sessions end, and their sockets are closed after the transaction has been committed.
///
/// # Errors
/// `user_not_found`; `forbidden`, also if no admin would be left.
pub async fn suspend(tx: &mut Tx, actor: &Actor, user: UserId, until: Option<i64>, reason: &str) -> Result<Suspension> {
    role::lock_acts(tx, actor, Permission::SuspendUsers).await?;
    role::act_on(tx, actor, user).await?;
    store::put(tx, user, until, reason, actor.user).await?;
    if role::has(tx, user, ADMIN).await? {
        role::one_admin_stays(tx).await?;
    }
    let act = Act::on_user("user.suspended", user).detail(json!({ "until": until })).reason(reason);
    audit::record(tx, actor, &act).await?;
    revocation::insert(tx, Revoked::User(user), Reason::Suspended).await?;
    of(tx, user).await?.ok_or_else(|| Error::new(ErrorCode::BadRequest))
}

/// Lifts a user's suspension. If the user is not suspended, nothing changes.
///
/// # Errors
/// `user_not_found`, `forbidden`.
pub async fn lift(tx: &mut Tx, actor: &Actor, user: UserId) -> Result<()> {
    role::lock_acts(tx, actor, Permission::SuspendUsers).await?;
    role::act_on(tx, actor, user).await?;
    if store::delete(tx, user).await? {
        audit::record(tx, actor, &Act::on_user("user.suspension_lifted", user)).await?;
    }
    Ok(())
}
