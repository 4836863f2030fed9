//! The rules of roles: giving and taking them, and checking what a user may do.

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

/// Checks that the database has exactly the permissions that the code asks for.
///
/// # Errors
/// `internal`, with the names of the permissions that differ.
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

/// The roles that a user has been given.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn of(conn: &mut PgConnection, user: UserId) -> Result<Vec<String>> {
    store::roles_of(conn, user).await
}

/// Whether a user has been given this role.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn has(conn: &mut PgConnection, user: UserId, role: &str) -> Result<bool> {
    Ok(of(conn, user).await?.iter().any(|given| given == role))
}

/// Whether a user has this permission now. Each call is one query; nothing is cached.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn may(conn: &mut PgConnection, user: UserId, permission: Permission) -> Result<bool> {
    store::is_permitted(conn, user, permission.name()).await
}

/// Checks that a user has this permission now.
///
/// # Errors
/// `forbidden`.
pub async fn require(conn: &mut PgConnection, user: UserId, permission: Permission) -> Result<()> {
    if may(conn, user, permission).await? { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
}

/// Makes staff's acts on users run one after the other, until the transaction ends, and then checks the permission
/// again: the actor may have lost it while they waited.
pub(in crate::identity) async fn lock_acts(tx: &mut Tx, actor: &Actor, permission: Permission) -> Result<()> {
    store::lock_acts(tx).await?;
    match actor.user {
        None => Ok(()),
        Some(actor) if store::is_suspended(tx, actor).await? => Err(ErrorCode::Suspended.into()),
        Some(actor) => require(tx, actor, permission).await,
    }
}

/// Checks that the actor may act on this user. Nobody may act on themselves, or on a user with a permission that they
/// do not have. The operator may act on everybody.
///
/// # Errors
/// `user_not_found`, `forbidden`.
pub async fn act_on(conn: &mut PgConnection, actor: &Actor, user: UserId) -> Result<()> {
    if !store::is_user(conn, user).await? {
        return Err(ErrorCode::UserNotFound.into());
    }
    let Some(actor) = actor.user else { return Ok(()) };
    if actor == user {
        return Err(forbidden("you cannot do this to yourself"));
    }
    let (own, theirs) = (store::rights_of(conn, actor).await?, store::rights_of(conn, user).await?);
    own.must_cover(&theirs, "this user has a permission that you do not have")
}

/// Gives a user a role. If the user has it already, nothing changes.
///
/// # Errors
/// `user_not_found`; `not_found` for a role that does not exist; `bad_request` for the role `user`; `forbidden`.
pub async fn grant(tx: &mut Tx, actor: &Actor, user: UserId, role: &str) -> Result<()> {
    changeable(tx, actor, user, role).await?;
    if store::insert_user_role(tx, user, role, actor.user).await? {
        audit::record(tx, actor, &Act::on_user("role.granted", user).detail(json!({ "role": role }))).await?;
    }
    Ok(())
}

/// Takes a role from a user. If the user does not have it, nothing changes.
///
/// # Errors
/// `user_not_found`; `not_found` for a role that does not exist; `bad_request` for the role `user`; `forbidden`, also
/// if no admin would be left.
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
        return Err(bad_field("role", "every user has the role `user`: it cannot be given or taken"));
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

/// Checks, after an act on an admin, that an admin is left who is not suspended; `forbidden` if not.
pub(in crate::identity) async fn one_admin_stays(conn: &mut PgConnection) -> Result<()> {
    if store::is_admin_left(conn, ADMIN).await? {
        Ok(())
    } else {
        Err(forbidden("the last admin cannot be suspended or lose the role"))
    }
}
