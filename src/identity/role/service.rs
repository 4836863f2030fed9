//! Giving and taking roles, and the question whether somebody may do something.

use std::collections::BTreeSet;

use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use serde_json::json;
use sqlx::PgConnection;

use super::{ADMIN, Role, forbidden, store};
use crate::audit::{self, Act, Actor};
use crate::identity::Permission;
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;
use crate::kit::tx::Tx;

/// Checks that the database knows the permissions that the code asks about, and no others.
///
/// # Errors
/// A fault that names what differs.
pub async fn agree(conn: &mut PgConnection) -> Result<()> {
    let stored: BTreeSet<_> = store::permissions(conn).await?.into_iter().collect();
    let known: BTreeSet<_> = Permission::ALL.iter().map(|permission| permission.name().to_owned()).collect();
    let odd: Vec<_> = stored.symmetric_difference(&known).map(String::as_str).collect();
    if odd.is_empty() {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the table `permissions` and this program differ in {}: rows there come and go by migrations alone",
        odd.join(", ")
    )))
}

/// Every role with its permissions.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn roles(conn: &mut PgConnection) -> Result<Vec<Role>> {
    store::roles(conn).await
}

/// The roles that somebody has been given.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn of(conn: &mut PgConnection, user: UserId) -> Result<Vec<String>> {
    store::roles_of(conn, user).await
}

/// Whether somebody has this role.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn has(conn: &mut PgConnection, user: UserId, role: &str) -> Result<bool> {
    Ok(of(conn, user).await?.iter().any(|given| given == role))
}

/// Whether somebody may do this, as of now: one query, nothing is remembered.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn may(conn: &mut PgConnection, user: UserId, permission: Permission) -> Result<bool> {
    store::is_permitted(conn, user, permission.name()).await
}

/// Lets through whoever may do this.
///
/// # Errors
/// `forbidden`.
pub async fn require(conn: &mut PgConnection, user: UserId, permission: Permission) -> Result<()> {
    if may(conn, user, permission).await? { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
}

/// Staff's acts on people come one after the other until the transaction ends, and whoever has
/// lost the permission while they waited is too late.
pub(in crate::identity) async fn lock_acts(tx: &mut Tx, actor: &Actor, permission: Permission) -> Result<()> {
    store::lock_acts(tx).await?;
    match actor.user {
        None => Ok(()),
        Some(actor) if store::is_suspended(tx, actor).await? => Err(ErrorCode::Suspended.into()),
        Some(actor) => require(tx, actor, permission).await,
    }
}

/// Lets somebody act on this user: not on themselves, and not on one who may do what they may not. The
/// operator may act on everybody.
///
/// # Errors
/// `user_not_found`, `forbidden`.
pub async fn act_on(conn: &mut PgConnection, actor: &Actor, user: UserId) -> Result<()> {
    if !store::is_user(conn, user).await? {
        return Err(ErrorCode::UserNotFound.into());
    }
    let Some(actor) = actor.user else { return Ok(()) };
    if actor == user {
        return Err(forbidden("nobody does this to themselves"));
    }
    let (own, theirs) = (store::rights_of(conn, actor).await?, store::rights_of(conn, user).await?);
    own.must_cover(&theirs, "this user may do what you may not")
}

/// Gives somebody a role; once more changes nothing.
///
/// # Errors
/// `user_not_found`, `not_found` for a role that there is not, `forbidden`.
pub async fn grant(tx: &mut Tx, actor: &Actor, user: UserId, role: &str) -> Result<()> {
    changeable(tx, actor, user, role).await?;
    if store::insert_user_role(tx, user, role, actor.user).await? {
        audit::record(tx, actor, &Act::on_user("role.granted", user).detail(json!({ "role": role }))).await?;
    }
    Ok(())
}

/// Takes a role from somebody; once more changes nothing.
///
/// # Errors
/// `user_not_found`, `not_found` for a role that there is not, `forbidden`; also where no admin would be
/// left.
pub async fn take(tx: &mut Tx, actor: &Actor, user: UserId, role: &str) -> Result<()> {
    changeable(tx, actor, user, role).await?;
    if store::delete_user_role(tx, user, role).await? {
        if role == ADMIN {
            one_admin_stays(tx).await?;
        }
        audit::record(tx, actor, &Act::on_user("role.taken", user).detail(json!({ "role": role }))).await?;
    }
    Ok(())
}

async fn changeable(tx: &mut Tx, actor: &Actor, user: UserId, role: &str) -> Result<()> {
    lock_acts(tx, actor, Permission::GrantRoles).await?;
    act_on(tx, actor, user).await?;
    if role == "user" {
        return Err(bad_field("role", "`user` is everybody's: it is neither given nor taken"));
    }
    let brings = store::rights_of_role(tx, role).await?;
    let brings = brings.ok_or_else(|| ErrorBody::new(ErrorCode::NotFound).message("there is no such role"))?;
    match actor.user {
        None => Ok(()),
        Some(actor) => {
            let own = store::rights_of(tx, actor).await?;
            own.must_cover(&brings, "the role has a permission that you do not have")
        }
    }
}

/// Asked behind an act on an admin: `forbidden`, where nobody would be left to let others in again.
pub(in crate::identity) async fn one_admin_stays(conn: &mut PgConnection) -> Result<()> {
    if store::is_admin_left(conn, ADMIN).await? { Ok(()) } else { Err(forbidden("the last admin stays")) }
}
