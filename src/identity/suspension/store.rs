//! SQL of suspensions. One that has expired counts as none.

use parlor_protocol::UserId;
use sqlx::PgConnection;

use super::Suspension;
use crate::kit::error::Result;

/// The suspension of a user that is in force now.
pub(super) async fn suspension(conn: &mut PgConnection, user: UserId) -> Result<Option<Suspension>> {
    let row = sqlx::query!(
        r#"select (extract(epoch from until) * 1000)::bigint as until, reason,
                  (extract(epoch from suspended_at) * 1000)::bigint as "at!", suspended_by
             from suspensions
            where user_id = $1 and (until is null or until > clock_timestamp())"#,
        user.number(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Suspension {
        until: row.until,
        reason: row.reason,
        at: row.at,
        by: row.suspended_by.and_then(UserId::new),
    }))
}

/// Stores a suspension; an earlier one is replaced.
pub(super) async fn put(
    conn: &mut PgConnection,
    user: UserId,
    until: Option<i64>,
    reason: &str,
    by: Option<UserId>,
) -> Result<()> {
    sqlx::query!(
        "insert into suspensions (user_id, until, reason, suspended_by)
         values ($1, to_timestamp($2::bigint / 1000.0), $3, $4)
         on conflict (user_id) do update
            set until = excluded.until, reason = excluded.reason, suspended_by = excluded.suspended_by,
                suspended_at = clock_timestamp()",
        user.number(),
        until,
        reason,
        by.map(UserId::number),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a user's suspension; `false` if there was none in force.
pub(super) async fn delete(conn: &mut PgConnection, user: UserId) -> Result<bool> {
    let held = sqlx::query_scalar!(
        r#"delete from suspensions
            where user_id = $1
           returning until is null or until > clock_timestamp() as "held!""#,
        user.number(),
    );
    Ok(held.fetch_optional(conn).await?.unwrap_or(false))
}
