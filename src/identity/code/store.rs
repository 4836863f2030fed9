//! SQL of one-time codes, of addresses that are proven or change, and of changes of passwords.

use parlor_protocol::{ErrorCode, UserId};
use sqlx::PgConnection;

use super::super::Contact;
use super::super::store::user_id;
use super::tries::Tries;
use crate::kit::error::{Error, Result, broken};

/// The key of the keyed hashes. If there is none yet, `secret` becomes the key.
pub(in crate::identity) async fn contact_key(conn: &mut PgConnection, secret: &[u8]) -> Result<Vec<u8>> {
    sqlx::query!("insert into contact_key (secret) values ($1) on conflict do nothing", secret)
        .execute(&mut *conn)
        .await?;
    Ok(sqlx::query_scalar!("select secret from contact_key").fetch_one(conn).await?)
}

/// Stores a code's hash, and who asked for it, for so many seconds. An earlier code for the same purpose, contact and
/// user is replaced.
pub(super) async fn put(
    conn: &mut PgConnection,
    (purpose, contact, user): (&str, &[u8], i64),
    hash: &[u8],
    asker: &[u8],
    seconds: f64,
) -> Result<()> {
    // Older programs count tries in `tries_left`, so it gets a number.
    sqlx::query!(
        "insert into one_time_codes (purpose, contact, user_id, hash, asker, tries_left, expires_at)
         values ($1, $2, $3, $4, $5, 5, clock_timestamp() + make_interval(secs => $6))
         on conflict (purpose, contact, user_id) do update
            set hash = excluded.hash, asker = excluded.asker, tries_left = excluded.tries_left,
                expires_at = excluded.expires_at",
        purpose,
        contact,
        user,
        hash,
        asker,
        seconds,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A code that holds.
pub(super) struct Held {
    /// Its hash.
    pub(super) hash: Vec<u8>,
    /// Who asked for it.
    pub(super) asker: Option<Vec<u8>>,
}

/// The code for this purpose, contact and user, locked until the transaction ends, so that tries at it are counted one
/// after the other; `None` if there is none.
pub(super) async fn hold(conn: &mut PgConnection, purpose: &str, contact: &[u8], user: i64) -> Result<Option<Held>> {
    let held = sqlx::query_as!(
        Held,
        "select hash, asker
           from one_time_codes
          where purpose = $1 and contact = $2 and user_id = $3
            and expires_at > clock_timestamp()
            for update",
        purpose,
        contact,
        user,
    );
    Ok(held.fetch_optional(conn).await?)
}

/// Everybody's tries at the code with this hash.
pub(super) async fn tries(conn: &mut PgConnection, code: &[u8]) -> Result<Vec<Tries>> {
    let tries = sqlx::query_as!(Tries, "select trier, stranger, tries from code_tries where code = $1", code);
    Ok(tries.fetch_all(conn).await?)
}

/// Counts a try at a code.
pub(super) async fn count_try(conn: &mut PgConnection, code: &[u8], trier: &[u8], stranger: bool) -> Result<()> {
    sqlx::query!(
        "insert into code_tries as t (code, trier, stranger, tries)
         values ($1, $2, $3, 1)
         on conflict (code, trier) do update
            set tries = t.tries + 1",
        code,
        trier,
        stranger,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the tries at codes that are used, replaced or expired.
pub(in crate::identity) async fn delete_tries_of_no_code(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("delete from code_tries t where not exists (select from one_time_codes c where c.hash = t.code)")
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes the code with this hash; `false` if it does not exist any more.
pub(super) async fn delete(conn: &mut PgConnection, hash: &[u8], purpose: &str, contact: &[u8]) -> Result<bool> {
    let outcome = sqlx::query!(
        "delete from one_time_codes where purpose = $1 and contact = $2 and hash = $3",
        purpose,
        contact,
        hash,
    );
    Ok(outcome.execute(conn).await?.rows_affected() == 1)
}

/// Deletes the codes that have expired.
pub(in crate::identity) async fn delete_expired(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("delete from one_time_codes where expires_at < clock_timestamp()").execute(conn).await?;
    Ok(())
}

/// The user whose password a code to this address may reset: the address is proven, or the account has no proven
/// address. An unproven address beside a proven one may belong to anybody, so it resets nothing.
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

/// Marks the account's address as proven; `false` if the account does not have it. If no address was proven until now,
/// the account loses its other one: somebody may have registered with that one and with this person's address.
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

/// Takes the address from an account other than `but` that has not proven it, and gives that account.
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

/// Makes a proven address the user's phone number or e-mail address, in place of the former one; `account_exists` if
/// another account has it.
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
    .map_err(|error| match broken(&error) {
        Some("users_phone_key" | "users_email_key") => Error::new(ErrorCode::AccountExists),
        _ => error.into(),
    })?;
    Ok(())
}

/// The hash of the user's password, and whether this address is theirs.
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

/// As [`credentials`], but the user's row is locked until the transaction ends. It waits for a change that is under
/// way.
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

/// The user's phone number and e-mail address, which their password must not be.
pub(super) async fn contacts(conn: &mut PgConnection, user: UserId) -> Result<Vec<String>> {
    let row = sqlx::query!("select phone, email from users where id = $1", user.number()).fetch_optional(conn).await?;
    Ok(row.into_iter().flat_map(|row| [row.phone, row.email]).flatten().collect())
}

/// Sets a password's hash. If `old` is given, the present hash must still be `old`; `false` if it is not.
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

/// Whether `hash` is still the hash of the user's password. It waits for a change that is under way, and the user
/// cannot be changed until the transaction ends.
pub(in crate::identity) async fn still_holds(conn: &mut PgConnection, user: UserId, hash: &str) -> Result<bool> {
    let row = sqlx::query_scalar!("select password_hash from users where id = $1 for share", user.number());
    Ok(row.fetch_optional(conn).await?.as_deref() == Some(hash))
}
