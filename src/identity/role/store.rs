//! SQL of roles and permissions.

use parlor_protocol::UserId;
use sqlx::PgConnection;

use super::{Rights, Role};
use crate::kit::error::Result;

/// Every permission's name.
pub(super) async fn permissions(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!("select name from permissions order by name").fetch_all(conn).await?)
}

/// Every role, by name.
pub(super) async fn roles(conn: &mut PgConnection) -> Result<Vec<Role>> {
    let roles = sqlx::query_as!(
        Role,
        r#"select r.name, r.description,
                  array(select permission from role_permissions where role = r.name order by permission)
                  as "permissions!"
             from roles r
            order by r.name"#,
    );
    Ok(roles.fetch_all(conn).await?)
}

/// The roles that a user has been given, by name.
pub(super) async fn roles_of(conn: &mut PgConnection, user: UserId) -> Result<Vec<String>> {
    let roles = sqlx::query_scalar!("select role from user_roles where user_id = $1 order by role", user.number());
    Ok(roles.fetch_all(conn).await?)
}

/// Whether one of the user's roles, or the role `user` that everybody has, has this permission.
pub(super) async fn is_permitted(conn: &mut PgConnection, user: UserId, permission: &str) -> Result<bool> {
    let permitted = sqlx::query_scalar!(
        r#"select exists (
               select from role_permissions
                where permission = $2
                  and (role = 'user' or role in (select role from user_roles where user_id = $1))
           ) as "permitted!""#,
        user.number(),
        permission,
    );
    Ok(permitted.fetch_one(conn).await?)
}

/// All permissions of a user.
pub(super) async fn rights_of(conn: &mut PgConnection, user: UserId) -> Result<Rights> {
    let names = sqlx::query_scalar!(
        "select distinct permission
           from role_permissions
          where role = 'user' or role in (select role from user_roles where user_id = $1)",
        user.number(),
    );
    Ok(names.fetch_all(conn).await?.into_iter().collect())
}

/// The permissions of a role; `None` if there is no role with this name.
pub(super) async fn rights_of_role(conn: &mut PgConnection, role: &str) -> Result<Option<Rights>> {
    let names = sqlx::query_scalar!(
        r#"select array(select permission from role_permissions where role = r.name) as "permissions!"
             from roles r
            where r.name = $1"#,
        role,
    );
    Ok(names.fetch_optional(conn).await?.map(|names| names.into_iter().collect()))
}

/// Takes the lock under which staff acts on users, until the transaction ends.
pub(super) async fn lock_acts(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('staff_acts'))").execute(conn).await?;
    Ok(())
}

/// Whether there is a user with this id.
pub(super) async fn is_user(conn: &mut PgConnection, user: UserId) -> Result<bool> {
    let there = sqlx::query_scalar!(r#"select exists (select from users where id = $1) as "there!""#, user.number());
    Ok(there.fetch_one(conn).await?)
}

/// Whether a user is suspended now.
pub(super) async fn is_suspended(conn: &mut PgConnection, user: UserId) -> Result<bool> {
    let suspended = sqlx::query_scalar!(
        r#"select exists (
               select from suspensions
                where user_id = $1 and (until is null or until > clock_timestamp())
           ) as "suspended!""#,
        user.number(),
    );
    Ok(suspended.fetch_one(conn).await?)
}

/// Gives a user a role; `false` if they have it already.
pub(super) async fn insert_user_role(
    conn: &mut PgConnection,
    user: UserId,
    role: &str,
    granted_by: Option<UserId>,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "insert into user_roles (user_id, role, granted_by)
         values ($1, $2, $3)
         on conflict (user_id, role) do nothing",
        user.number(),
        role,
        granted_by.map(UserId::number),
    );
    Ok(inserted.execute(conn).await?.rows_affected() == 1)
}

/// Takes a role from a user; `false` if they do not have it.
pub(super) async fn delete_user_role(conn: &mut PgConnection, user: UserId, role: &str) -> Result<bool> {
    let deleted =
        sqlx::query!("delete from user_roles where user_id = $1 and role = $2", user.number(), role).execute(conn);
    Ok(deleted.await?.rows_affected() == 1)
}

/// Whether any user has the role `admin` and is not suspended.
pub(super) async fn is_admin_left(conn: &mut PgConnection, admin: &str) -> Result<bool> {
    let left = sqlx::query_scalar!(
        r#"select exists (
               select from user_roles r
                where r.role = $1
                  and not exists (
                      select from suspensions s
                       where s.user_id = r.user_id and (s.until is null or s.until > clock_timestamp())
                  )
           ) as "left!""#,
        admin,
    );
    Ok(left.fetch_one(conn).await?)
}
