//! SQL of sessions and their refresh tokens. The database's clock decides about ages and ends.

use parlor_protocol::UserId;
use parlor_protocol::room::Person;
use sqlx::PgConnection;
use uuid::Uuid;

use super::refresh::{Exchange, Secret, Stored};
use super::{Device, SessionList};
use crate::identity::store::person;
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;

/// Inserts a session.
pub(super) async fn insert_session(conn: &mut PgConnection, id: Uuid, user: UserId, device: &str) -> Result<()> {
    sqlx::query!("insert into sessions (id, user_id, device) values ($1, $2, $3)", id, user.number(), device)
        .execute(conn)
        .await?;
    Ok(())
}

/// The sessions of this user that have not ended, without the `kept` that were used last.
pub(super) async fn unused_longest(conn: &mut PgConnection, user: UserId, kept: i64) -> Result<Vec<Uuid>> {
    let sessions = sqlx::query_scalar!(
        "select id
           from sessions
          where user_id = $1
            and revoked_at is null
          order by last_used_at desc, id desc
         offset $2",
        user.number(),
        kept,
    );
    Ok(sessions.fetch_all(conn).await?)
}

/// Deletes at most `most` sessions that ended more than a month ago; gives how many.
pub(in crate::identity) async fn delete_ended(conn: &mut PgConnection, most: i64) -> Result<u64> {
    let deleted = sqlx::query!(
        "delete from sessions
          where id in (
                select id from sessions where revoked_at < clock_timestamp() - interval '30 days'
                 union all
                select session_id from refresh_tokens where expires_at < clock_timestamp() - interval '30 days'
                 limit $1
          )",
        most,
    );
    Ok(deleted.execute(conn).await?.rows_affected())
}

/// Inserts the first refresh token of a session, which holds for `seconds`; gives until when.
pub(super) async fn insert_token(
    conn: &mut PgConnection,
    session: Uuid,
    family_hash: &Secret,
    hash: &Secret,
    seconds: f64,
) -> Result<Timestamp> {
    let until = sqlx::query_scalar!(
        r#"insert into refresh_tokens (session_id, family_hash, current_hash, expires_at)
           values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
           returning (extract(epoch from expires_at) * 1000)::bigint as "expires_ms!""#,
        session,
        family_hash,
        hash,
        seconds,
    )
    .fetch_one(conn)
    .await?;
    Ok(Timestamp(until))
}

/// The refresh tokens of a session, and the session's user.
pub(super) struct Family {
    pub(super) user: Person,
    pub(super) stored: Stored,
    pub(super) expires_at: Timestamp,
}

/// The refresh tokens of a session, locked until the transaction ends, so that nobody else exchanges them.
/// `max_seconds` is how long a session may last at most.
pub(super) async fn hold_family(conn: &mut PgConnection, session: Uuid, max_seconds: f64) -> Result<Option<Family>> {
    let row = sqlx::query!(
        r#"select u.id, u.name, u.picture, r.family_hash, r.current_hash, r.previous_hash, r.salt,
                  s.revoked_at is null
                      and r.expires_at > clock_timestamp()
                      and s.created_at + make_interval(secs => $2) > clock_timestamp() as "stands!",
                  (extract(epoch from clock_timestamp() - r.exchanged_at) * 1000)::bigint as age_ms,
                  (extract(epoch from r.expires_at) * 1000)::bigint as "expires_ms!"
             from refresh_tokens r
             join sessions s on s.id = r.session_id
             join users u on u.id = s.user_id
            where r.session_id = $1
              for update of r, s"#,
        session,
        max_seconds,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let exchange = match (row.previous_hash, row.salt, row.age_ms) {
            (Some(previous_hash), Some(salt), Some(age_ms)) => {
                let salt = Secret::try_from(salt).map_err(|_| Error::internal("a stored salt has another length"))?;
                Some(Exchange { previous_hash, salt, age_ms })
            }
            _ => None,
        };
        let (family_hash, current_hash, stands) = (row.family_hash, row.current_hash, row.stands);
        Ok(Family {
            user: person(row.id, row.name, row.picture)?,
            stored: Stored { family_hash, current_hash, stands, exchange },
            expires_at: Timestamp(row.expires_ms),
        })
    })
    .transpose()
}

/// Makes the token with this hash the live one; it was computed from the former one with this salt. It holds for
/// `seconds`, but no longer than the session, which lasts `max_seconds`; gives until when.
pub(super) async fn exchange_token(
    conn: &mut PgConnection,
    session: Uuid,
    hash: &Secret,
    salt: &Secret,
    seconds: f64,
    max_seconds: f64,
) -> Result<Timestamp> {
    let until = sqlx::query_scalar!(
        r#"with used as (
              update sessions set last_used_at = clock_timestamp() where id = $1 returning created_at
           )
           update refresh_tokens
              set previous_hash = current_hash, current_hash = $2, salt = $3, exchanged_at = clock_timestamp(),
                  expires_at = least(
                      clock_timestamp() + make_interval(secs => $4),
                      used.created_at + make_interval(secs => $5)
                  )
             from used
            where session_id = $1
            returning (extract(epoch from expires_at) * 1000)::bigint as "expires_ms!""#,
        session,
        hash,
        salt,
        seconds,
        max_seconds,
    )
    .fetch_one(conn)
    .await?;
    Ok(Timestamp(until))
}

/// The user's sessions that have not ended, newest first: as many as the window looks for.
pub(super) async fn devices(
    conn: &mut PgConnection,
    user: UserId,
    window: &Window<SessionList>,
) -> Result<Vec<Device>> {
    let rows = sqlx::query!(
        r#"select s.id, s.device,
                  (extract(epoch from s.created_at) * 1000)::bigint as "created_ms!",
                  (extract(epoch from s.last_used_at) * 1000)::bigint as "last_used_ms!"
             from sessions s
             join refresh_tokens r on r.session_id = s.id
            where s.user_id = $1
              and s.revoked_at is null
              and r.expires_at > clock_timestamp()
              and ($2::uuid is null or s.id < $2)
            order by s.id desc
            limit $3"#,
        user.number(),
        window.behind(),
        window.one_more(),
    )
    .fetch_all(conn)
    .await?;
    let device = |id, name, created_ms, last_used_ms| Device {
        id,
        name,
        created_at: Timestamp(created_ms),
        last_used_at: Timestamp(last_used_ms),
    };
    Ok(rows.into_iter().map(|row| device(row.id, row.device, row.created_ms, row.last_used_ms)).collect())
}
