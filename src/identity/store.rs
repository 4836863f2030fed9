//! SQL of accounts, sessions and keys.

use std::collections::HashMap;

use parlor_protocol::room::Person;
use parlor_protocol::{ErrorCode, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Contact;
use super::key::StoredKey;
use crate::kit::error::{Error, Result, broken};

/// Inserts an account under this id; `None` if the id is taken, and `account_exists` if the phone number or the e-mail
/// address is.
pub(super) async fn insert_user(
    conn: &mut PgConnection,
    id: i64,
    phone: Option<&str>,
    email: Option<&str>,
    password_hash: &str,
    name: &str,
) -> Result<Option<UserId>> {
    let inserted = sqlx::query_scalar!(
        "insert into users (id, phone, email, password_hash, name)
         values ($1, $2, $3, $4, $5)
         on conflict (id) do nothing
         returning id",
        id,
        phone,
        email,
        password_hash,
        name,
    )
    .fetch_optional(conn)
    .await
    .map_err(|error| match broken(&error) {
        Some("users_phone_key" | "users_email_key") => Error::new(ErrorCode::AccountExists),
        _ => error.into(),
    })?;
    inserted.map(user_id).transpose()
}

/// Inserts accounts for load tests under these ids; gives those whose id was not taken.
pub(super) async fn insert_people(
    conn: &mut PgConnection,
    ids: &[i64],
    emails: &[String],
    password_hash: &str,
) -> Result<Vec<UserId>> {
    let inserted = sqlx::query_scalar!(
        "insert into users (id, email, password_hash, name)
         select id, email, $3, 'Load ' || id
           from unnest($1::bigint[], $2::text[]) as person (id, email)
         on conflict (id) do nothing
         returning id",
        ids,
        emails,
        password_hash,
    )
    .fetch_all(conn)
    .await?;
    inserted.into_iter().map(user_id).collect()
}

/// Inserts a session for each of these users; the ids are in the order of the users.
pub(super) async fn insert_sessions(
    conn: &mut PgConnection,
    ids: &[Uuid],
    users: &[UserId],
    device: &str,
) -> Result<()> {
    let users: Vec<i64> = users.iter().map(|user| user.number()).collect();
    sqlx::query!(
        "insert into sessions (id, user_id, device)
         select id, user_id, $3
           from unnest($1::uuid[], $2::bigint[]) as session (id, user_id)",
        ids,
        &users,
        device,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What signing in needs to know of an account.
pub(super) struct Account {
    pub(super) user: Person,
    pub(super) password_hash: String,
}

/// Whether there is any account.
pub(super) async fn has_users(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from users) as "any!""#).fetch_one(conn).await
}

/// The account with this phone number or e-mail address.
pub(super) async fn account(conn: &mut PgConnection, contact: &Contact) -> Result<Option<Account>> {
    let (phone, email) = contact.columns();
    let row = sqlx::query!(
        "select id, name, picture, password_hash
           from users
          where phone = $1 or email = $2",
        phone,
        email,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let user = person(row.id, row.name, row.picture)?;
        Ok(Account { user, password_hash: row.password_hash })
    })
    .transpose()
}

/// A session with its user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// The session's user.
    pub user: Person,
    /// Whether it has been ended: by the user, by staff, or because a refresh token was used again.
    pub revoked: bool,
    /// Whether the user is suspended now.
    pub suspended: bool,
}

/// The session with this id, if it is this user's.
pub async fn session_of(conn: &mut PgConnection, id: Uuid, user: UserId) -> Result<Option<Session>> {
    Ok(sessions_of(conn, &[(id, user)]).await?.remove(&(id, user)))
}

/// The sessions with these ids, each only if it belongs to the user beside it.
pub(super) async fn sessions_of(
    conn: &mut PgConnection,
    asked: &[(Uuid, UserId)],
) -> Result<HashMap<(Uuid, UserId), Session>> {
    let (ids, users): (Vec<Uuid>, Vec<i64>) = asked.iter().map(|(id, user)| (*id, user.number())).unzip();
    let rows = sqlx::query!(
        r#"select s.id as session, u.id, u.name, u.picture, s.revoked_at is not null as "revoked!",
                  p.user_id is not null as "suspended!"
             from unnest($1::uuid[], $2::bigint[]) as asked (id, user_id)
             join sessions s on s.id = asked.id and s.user_id = asked.user_id
             join users u on u.id = s.user_id
             left join suspensions p on p.user_id = u.id and (p.until is null or p.until > clock_timestamp())"#,
        &ids,
        &users,
    )
    .fetch_all(conn)
    .await?;
    let session = rows.into_iter().map(|row| {
        let user = person(row.id, row.name, row.picture)?;
        Ok(((row.session, user.id), Session { user, revoked: row.revoked, suspended: row.suspended }))
    });
    session.collect()
}

/// These users as others see them, ordered by id. Users who do not exist are left out.
pub async fn names(conn: &mut PgConnection, users: &[UserId]) -> Result<Vec<Person>> {
    let ids: Vec<i64> = users.iter().map(|user| user.number()).collect();
    let rows = sqlx::query!("select id, name, picture from users where id = any($1) order by id", &ids);
    rows.fetch_all(conn).await?.into_iter().map(|row| person(row.id, row.name, row.picture)).collect()
}

/// A user as others see them, from their row.
pub(super) fn person(id: i64, name: String, picture: Option<i32>) -> Result<Person> {
    Ok(Person { id: user_id(id)?, name, picture: picture.map(i32::unsigned_abs) })
}

/// Stores the number that stands for the user's picture; `None` if they have none any more.
pub(super) async fn set_picture(conn: &mut PgConnection, user: UserId, picture: Option<i32>) -> Result<()> {
    sqlx::query!("update users set picture = $2 where id = $1", user.number(), picture).execute(conn).await?;
    Ok(())
}

/// Takes the lock under which signing keys are made and deleted, until the transaction ends.
pub(super) async fn lock_signing_keys(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('signing_keys'))").execute(conn).await?;
    Ok(())
}

/// Inserts a key, unless there is one for the same purpose that is younger than `seconds`.
pub(super) async fn succeed_key(
    conn: &mut PgConnection,
    id: Uuid,
    purpose: &str,
    secret: &[u8],
    seconds: i64,
) -> Result<()> {
    sqlx::query!(
        "insert into signing_keys (id, purpose, secret)
         select $1, $2, $3
          where not exists (
                select from signing_keys
                 where purpose = $2
                   and created_at > clock_timestamp() - make_interval(secs => $4)
          )",
        id,
        purpose,
        secret,
        seconds as f64,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the keys that have had a successor for more than `seconds`.
pub(super) async fn delete_outlived_keys(conn: &mut PgConnection, seconds: i64) -> Result<()> {
    sqlx::query!(
        "delete from signing_keys old
          using signing_keys successor
          where successor.purpose = old.purpose
            and successor.created_at > old.created_at
            and successor.created_at < clock_timestamp() - make_interval(secs => $1)",
        seconds as f64,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Every key, with its age by the database's clock.
pub(super) async fn signing_keys(conn: &mut PgConnection) -> Result<Vec<StoredKey>> {
    let keys = sqlx::query_as!(
        StoredKey,
        r#"select id, purpose, secret,
                  (extract(epoch from clock_timestamp() - created_at) * 1000)::bigint as "age_ms!"
             from signing_keys"#,
    )
    .fetch_all(conn)
    .await?;
    Ok(keys)
}

/// Converts a user's id from the database; `internal` if it is out of range.
pub(super) fn user_id(number: i64) -> Result<UserId> {
    UserId::new(number).ok_or_else(|| Error::internal(format!("the store has a user {number}, which is no id")))
}
