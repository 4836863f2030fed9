//! SQL of the end of sessions.

use parlor_protocol::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Ended, Reason};
use crate::kit::error::{Error, Result};

/// Locks the user's row: this waits for the user's sign-ins that are under way, and later ones wait for this
/// transaction.
pub(super) async fn lock_user(conn: &mut PgConnection, user: UserId) -> Result<()> {
    sqlx::query!("select 1 as one from users where id = $1 for update", user.number()).fetch_optional(conn).await?;
    Ok(())
}

/// Ends sessions of a user that have not ended, and inserts a revocation for each: `only` this one if it is given, and
/// all except `but` if that is given. Gives how many.
pub(super) async fn end_sessions(
    conn: &mut PgConnection,
    user: UserId,
    only: Option<Uuid>,
    but: Option<Uuid>,
    reason: &str,
) -> Result<u64> {
    let outcome = sqlx::query!(
        "with ended as (
            update sessions
               set revoked_at = clock_timestamp()
             where user_id = $1
               and revoked_at is null
               and ($2::uuid is null or id = $2)
               and ($3::uuid is null or id <> $3)
            returning id
         )
         insert into revocations (session_id, user_id, reason)
         select id, $1, $4 from ended",
        user.number(),
        only,
        but,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(outcome.rows_affected())
}

/// The revocations whose number is above `number`, in the order of their numbers.
pub(super) async fn ended_above(conn: &mut PgConnection, number: i64) -> Result<Vec<Ended>> {
    let rows = sqlx::query!(
        "select id, user_id, session_id, reason
           from revocations
          where id > $1
          order by id",
        number,
    )
    .fetch_all(conn)
    .await?;
    let wrong = |what: &str| Error::internal(format!("the store has a revocation with {what}"));
    rows.into_iter()
        .map(|row| {
            let user = UserId::new(row.user_id).ok_or_else(|| wrong("a user that is none"))?;
            let reason = Reason::from_name(&row.reason).ok_or_else(|| wrong("an unknown reason"))?;
            Ok(Ended { number: row.id, user, session: row.session_id, reason })
        })
        .collect()
}

/// Deletes the revocations that are older than `seconds`.
pub(super) async fn delete_older(conn: &mut PgConnection, seconds: f64) -> Result<()> {
    sqlx::query!("delete from revocations where at < clock_timestamp() - make_interval(secs => $1)", seconds)
        .execute(conn)
        .await?;
    Ok(())
}
