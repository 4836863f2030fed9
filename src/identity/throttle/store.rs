//! SQL of what is counted.

use sqlx::PgConnection;

use super::Pace;
use crate::error::Result;

/// Counts one, and blocks the key as the pace says; `false` where it is blocked.
pub(super) async fn count(conn: &mut PgConnection, pace: Pace, key: &[u8]) -> Result<bool> {
    let counted = sqlx::query_scalar!(
        r#"insert into throttles as t (kind, key, count, blocked_until)
           values ($1, $2, 1, clock_timestamp() + make_interval(secs => case when $3 <= 1 then $4::float8 else 0 end))
           on conflict (kind, key) do update
              set count = case when t.counted_at < clock_timestamp() - interval '1 day' then 1 else t.count + 1 end,
                  blocked_until = clock_timestamp() + make_interval(secs => case
                      when t.counted_at < clock_timestamp() - interval '1 day'
                      then case when $3 <= 1 then $4::float8 else 0 end
                      when t.count + 1 < $3 then 0
                      else least($5::float8, $4::float8 * power(2::float8, least(t.count + 1 - $3, 30)))
                  end),
                  counted_at = clock_timestamp()
            where t.blocked_until <= clock_timestamp()
           returning count"#,
        pace.kind,
        key,
        number(pace.free),
        f64::from(pace.first_seconds),
        f64::from(pace.max_seconds),
    )
    .fetch_optional(conn)
    .await?;
    Ok(counted.is_some())
}

/// Milliseconds for which the key is still blocked.
pub(super) async fn wait_ms(conn: &mut PgConnection, kind: &str, key: &[u8]) -> Result<Option<i64>> {
    let wait = sqlx::query_scalar!(
        r#"select (extract(epoch from blocked_until - clock_timestamp()) * 1000)::bigint as "ms!"
             from throttles
            where kind = $1 and key = $2"#,
        kind,
        key,
    );
    Ok(wait.fetch_optional(conn).await?)
}

/// Takes one back, and the block where too few are left for one.
pub(super) async fn take_back(conn: &mut PgConnection, pace: Pace, key: &[u8]) -> Result<()> {
    sqlx::query!(
        "update throttles
            set count = greatest(count - 1, 0),
                blocked_until = case when count - 1 < $3 then clock_timestamp() else blocked_until end
          where kind = $1 and key = $2",
        pace.kind,
        key,
        number(pace.free),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes what was counted of a key.
pub(super) async fn delete(conn: &mut PgConnection, kind: &str, key: &[u8]) -> Result<()> {
    sqlx::query!("delete from throttles where kind = $1 and key = $2", kind, key).execute(conn).await?;
    Ok(())
}

/// Deletes what has not been counted on for a day.
pub(super) async fn delete_forgotten(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        "delete from throttles
          where counted_at < clock_timestamp() - interval '1 day'
            and blocked_until < clock_timestamp()"
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
