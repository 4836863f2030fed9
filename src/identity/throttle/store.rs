//! SQL of counted attempts.

use sqlx::PgConnection;

use super::{Counted, Pace};
use crate::kit::error::Result;

const DAY_SECONDS: f64 = 86_400.0;

/// Counts an attempt, and blocks the key as the pace says; `None` if the key is blocked.
pub(super) async fn count(conn: &mut PgConnection, pace: Pace, key: &[u8]) -> Result<Option<Counted>> {
    // A block that lasts longer than the longest wait was written while the clock was ahead. It keeps nobody out.
    // The sub-query of `returning` sees the row as it was before this statement. It compares the counts, so that it
    // gives nothing if another attempt was counted in between.
    let counted = sqlx::query_as!(
        Counted,
        r#"insert into throttles as t (kind, key, count, blocked_until)
           values ($1, $2, 1, clock_timestamp() + make_interval(secs => case when $3 <= 1 then $4::float8 else 0 end))
           on conflict (kind, key) do update
              set count = case when t.counted_at < clock_timestamp() - make_interval(secs => $6) then 1
                               else t.count + 1 end,
                  blocked_until = clock_timestamp() + make_interval(secs => case
                      when t.counted_at < clock_timestamp() - make_interval(secs => $6)
                      then case when $3 <= 1 then $4::float8 else 0 end
                      when t.count + 1 < $3 then 0
                      else least($5::float8, $4::float8 * power(2::float8, least(t.count + 1 - $3, 30)))
                  end),
                  counted_at = clock_timestamp()
            where t.blocked_until <= clock_timestamp()
               or t.blocked_until > clock_timestamp() + make_interval(secs => $5::float8 + 1)
           returning count as number,
                     (select (extract(epoch from b.counted_at) * 1000)::bigint
                        from throttles b
                       where b.kind = t.kind and b.key = t.key and b.count = t.count - 1) as before_ms"#,
        pace.kind,
        key,
        number(pace.free),
        f64::from(pace.first_seconds),
        f64::from(pace.max_seconds),
        DAY_SECONDS,
    );
    Ok(counted.fetch_optional(conn).await?)
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

/// Takes an attempt back. If it was the last one, its block and its time are undone; and any block is undone if too few
/// attempts are left for one.
pub(super) async fn take_back(conn: &mut PgConnection, pace: Pace, key: &[u8], counted: Counted) -> Result<()> {
    sqlx::query!(
        "update throttles
            set count = greatest(count - 1, 0),
                blocked_until = case when count = $4 or count - 1 < $3 then clock_timestamp() else blocked_until end,
                counted_at = case when count = $4 then coalesce(to_timestamp($5::bigint / 1000.0), counted_at)
                                  else counted_at end
          where kind = $1 and key = $2",
        pace.kind,
        key,
        number(pace.free),
        counted.number,
        counted.before_ms,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the count of a key.
pub(super) async fn delete(conn: &mut PgConnection, kind: &str, key: &[u8]) -> Result<()> {
    sqlx::query!("delete from throttles where kind = $1 and key = $2", kind, key).execute(conn).await?;
    Ok(())
}

/// Deletes the counts to which no attempt was added for a day.
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
