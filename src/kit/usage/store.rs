//! SQL of allowances. Ages are measured by the database's clock. What it dates in the future was written while it was
//! ahead, and does not count.

use sqlx::PgConnection;

use super::Used;
use crate::kit::error::Result;

/// Takes the lock of an allowance until the transaction ends. There may be no row yet to lock.
pub(super) async fn lock(conn: &mut PgConnection, kind: &str, key: &[u8]) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1 || encode($2, 'hex'), 0))", kind, key)
        .execute(conn)
        .await?;
    Ok(())
}

/// The uses of the last day, newest first, at most `most`.
pub(super) async fn used(conn: &mut PgConnection, kind: &str, key: &[u8], most: i64) -> Result<Vec<Used>> {
    let used = sqlx::query_as!(
        Used,
        r#"select (extract(epoch from clock_timestamp() - at) * 1000)::bigint as "age_ms!", amount, used_by as by
             from usages
            where kind = $1 and key = $2
              and at between clock_timestamp() - interval '1 day' and clock_timestamp()
            order by at desc
            limit $3"#,
        kind,
        key,
        most,
    );
    Ok(used.fetch_all(conn).await?)
}

/// Inserts a use.
pub(super) async fn insert(
    conn: &mut PgConnection,
    kind: &str,
    key: &[u8],
    by: Option<&[u8]>,
    amount: i64,
) -> Result<()> {
    sqlx::query!("insert into usages (kind, key, used_by, amount) values ($1, $2, $3, $4)", kind, key, by, amount)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes the newest use of an allowance.
pub(super) async fn delete_newest(conn: &mut PgConnection, kind: &str, key: &[u8]) -> Result<()> {
    sqlx::query!(
        "delete from usages
          where id = (select id from usages where kind = $1 and key = $2 order by at desc limit 1)",
        kind,
        key
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the uses that do not count: those older than a day, and those of the future.
pub(super) async fn delete_old(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        "delete from usages
          where at < clock_timestamp() - interval '1 day' or at > clock_timestamp() + interval '1 minute'"
    )
    .execute(conn)
    .await?;
    Ok(())
}
