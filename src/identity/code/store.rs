//! SQL of one-time codes, of proven addresses, and of passwords that change.

use parlor_protocol::{ErrorCode, UserId};
use sqlx::PgConnection;

use super::super::Contact;
use super::super::store::{constraint, user_id};
use crate::kit::error::{Error, Result};

/// The key of keyed hashes; `secret` becomes it where there is none yet.
pub(in crate::identity) async fn contact_key(conn: &mut PgConnection, secret: &[u8]) -> Result<Vec<u8>> {
    sqlx::query!("insert into contact_key (secret) values ($1) on conflict do nothing", secret)
        .execute(&mut *conn)
        .await?;
    Ok(sqlx::query_scalar!("select secret from contact_key").fetch_one(conn).await?)
}

/// Puts a code in the place of any before it.
pub(super) async fn put(
    conn: &mut PgConnection,
    purpose: &str,
    contact: &[u8],
    user: i64,
    hash: &[u8],
    tries: i32,
    minutes: i32,
) -> Result<()> {
    sqlx::query!(
        "insert into one_time_codes (purpose, contact, user_id, hash, tries_left, expires_at)
         values ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(mins => $6))
         on conflict (purpose, contact, user_id) do update
            set hash = excluded.hash, tries_left = excluded.tries_left, expires_at = excluded.expires_at",
        purpose,
        contact,
        user,
        hash,
        tries,
        minutes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes one of the tries and gives the hash to try it on; `None` where there is no code, or no try left.
pub(super) async fn take_try(
    conn: &mut PgConnection,
    purpose: &str,
    contact: &[u8],
    user: i64,
) -> Result<Option<Vec<u8>>> {
    let hash = sqlx::query_scalar!(
        "update one_time_codes
            set tries_left = tries_left - 1
          where purpose = $1 and contact = $2 and user_id = $3
            and tries_left > 0
            and expires_at > clock_timestamp()
         returning hash",
        purpose,
        contact,
        user,
    );
    Ok(hash.fetch_optional(conn).await?)
}

/// Deletes the code of this hash; `false` where somebody was faster.
pub(super) async fn delete(conn: &mut PgConnection, hash: &[u8], purpose: &str, contact: &[u8]) -> Result<bool> {
    let outcome = sqlx::query!(
        "delete from one_time_codes where purpose = $1 and contact = $2 and hash = $3",
        purpose,
        contact,
        hash,
    );
    Ok(outcome.execute(conn).await?.rows_affected() == 1)
}

/// Deletes the codes that have run out.
pub(in crate::identity) async fn delete_expired(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("delete from one_time_codes where expires_at < clock_timestamp()").execute(conn).await?;
    Ok(())
}

/// Whose password a code to this address may reset: the address is proven, or none of the account is. An
/// unproven one beside a proven one may be anybody's.
pub(super) async fn resettable(conn: &mut PgConnection, contact: &Contact) -> Result<Option<UserId>> {
    let (phone, email) = contact.columns();
    let id = sqlx::query_scalar!(
        "select id
           from users
          where (phone = $1 and (phone_verified_at is not null or email_verified_at is null))
             or (email = $2 and (email_verified_at is not null or phone_verified_at is null))",
        phone,
        email,
    )
    .fetch_optional(conn)
    .await?;
    id.map(user_id).transpose()
}

/// Notes that the account's address was proven. Where no address was until now, another one that came
/// with the account is let go: it may be of somebody who registered with this one before its owner.
pub(super) async fn verify(conn: &mut PgConnection, user: UserId, contact: &Contact) -> Result<bool> {
    let (phone, email) = contact.columns();
    let outcome = sqlx::query!(
        "update users
            set phone = case when $3::text is not null and phone_verified_at is null and email_verified_at is null
                             then null else phone end,
                email = case when $2::text is not null and phone_verified_at is null and email_verified_at is null
                             then null else email end,
                phone_verified_at = case when $2::text is null then phone_verified_at
                                         else coalesce(phone_verified_at, clock_timestamp()) end,
                email_verified_at = case when $3::text is null then email_verified_at
                                         else coalesce(email_verified_at, clock_timestamp()) end
          where id = $1 and (phone = $2 or email = $3)",
        user.number(),
        phone,
        email,
    )
    .execute(conn)
    .await?;
    Ok(outcome.rows_affected() == 1)
}

/// Takes the address from whoever has not proven it.
pub(in crate::identity) async fn release(
    conn: &mut PgConnection,
    contact: &Contact,
    but: Option<UserId>,
) -> Result<Option<UserId>> {
    let (phone, email) = contact.columns();
    let id = sqlx::query_scalar!(
        "update users
            set phone = case when phone = $1 then null else phone end,
                email = case when email = $2 then null else email end
          where ((phone = $1 and phone_verified_at is null) or (email = $2 and email_verified_at is null))
            and id <> $3
         returning id",
        phone,
        email,
        but.map_or(0, UserId::number),
    )
    .fetch_optional(conn)
    .await?;
    id.map(user_id).transpose()
}

/// Puts a proven address in the place of the user's former one of its kind; one that somebody else has
/// proven is `account_exists`.
pub(in crate::identity) async fn put_contact(conn: &mut PgConnection, user: UserId, contact: &Contact) -> Result<()> {
    let (phone, email) = contact.columns();
    sqlx::query!(
        "update users
            set phone = coalesce($2, phone),
                phone_verified_at = case when $2::text is null then phone_verified_at else clock_timestamp() end,
                email = coalesce($3, email),
                email_verified_at = case when $3::text is null then email_verified_at else clock_timestamp() end
          where id = $1",
        user.number(),
        phone,
        email,
    )
    .execute(conn)
    .await
    .map_err(|error| match constraint(&error) {
        Some("users_phone_key" | "users_email_key") => Error::new(ErrorCode::AccountExists),
        _ => error.into(),
    })?;
    Ok(())
}

/// The user's password hash and whether this address is theirs.
pub(super) async fn credentials(
    conn: &mut PgConnection,
    user: UserId,
    contact: Option<&Contact>,
) -> Result<Option<(String, bool)>> {
    let (phone, email) = contact.map_or((None, None), Contact::columns);
    let row = sqlx::query!(
        r#"select password_hash, coalesce(phone = $2 or email = $3, false) as "own!" from users where id = $1"#,
        user.number(),
        phone,
        email,
    );
    Ok(row.fetch_optional(conn).await?.map(|row| (row.password_hash, row.own)))
}

/// The same, of a user whom nobody else changes until the transaction ends; waits for a change that is
/// under way.
pub(super) async fn hold_credentials(
    conn: &mut PgConnection,
    user: UserId,
    contact: &Contact,
) -> Result<Option<(String, bool)>> {
    let (phone, email) = contact.columns();
    let row = sqlx::query!(
        r#"select password_hash, coalesce(phone = $2 or email = $3, false) as "own!"
             from users
            where id = $1
              for update"#,
        user.number(),
        phone,
        email,
    );
    Ok(row.fetch_optional(conn).await?.map(|row| (row.password_hash, row.own)))
}

/// The addresses of a user: what no password may be.
pub(super) async fn contacts(conn: &mut PgConnection, user: UserId) -> Result<Vec<String>> {
    let row = sqlx::query!("select phone, email from users where id = $1", user.number()).fetch_optional(conn).await?;
    Ok(row.into_iter().flat_map(|row| [row.phone, row.email]).flatten().collect())
}

/// Changes a password, in place of the one of hash `old` where that is given; `false` where that is no
/// longer it.
pub(in crate::identity) async fn set_password(
    conn: &mut PgConnection,
    user: UserId,
    hash: &str,
    old: Option<&str>,
) -> Result<bool> {
    let outcome = sqlx::query!(
        "update users
            set password_hash = $2
          where id = $1 and ($3::text is null or password_hash = $3)",
        user.number(),
        hash,
        old,
    );
    Ok(outcome.execute(conn).await?.rows_affected() == 1)
}

/// Whether this is still the user's password hash; waits for a change that is under way.
pub(in crate::identity) async fn still_holds(conn: &mut PgConnection, user: UserId, hash: &str) -> Result<bool> {
    let row = sqlx::query_scalar!("select password_hash from users where id = $1 for share", user.number());
    Ok(row.fetch_optional(conn).await?.as_deref() == Some(hash))
}
