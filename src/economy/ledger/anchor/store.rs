//! SQL that reads the ends of the chains.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The last link of a writer's chain.
pub(super) struct HeadRow {
    pub writer: i64,
    pub batch_no: i64,
    pub hash: Vec<u8>,
    pub at: DateTime<Utc>,
}

/// The last link of every writer's chain that has one.
pub(super) async fn heads(connection: &mut PgConnection) -> Result<Vec<HeadRow>> {
    sqlx::query_as!(
        HeadRow,
        r#"select w.id as "writer!", l.batch_no as "batch_no!", l.hash as "hash!", l.at as "at!"
             from writers w
            cross join lateral (
                   select batch_no, hash, at
                     from chain_links
                    where writer = w.id
                    order by batch_no desc
                    limit 1) l
            order by w.id"#
    )
    .fetch_all(connection)
    .await
}

/// The number and the hash of the last opening; `None` if there is none.
pub(super) async fn openings_head(connection: &mut PgConnection) -> Result<Option<(i64, Vec<u8>)>> {
    let row = sqlx::query!("select no, hash from openings order by no desc limit 1").fetch_optional(connection).await?;
    Ok(row.map(|row| (row.no, row.hash)))
}

/// The id of the newest row of the journal; 0 if there is none.
pub(super) async fn last_transfer(connection: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "last!" from journal"#).fetch_one(connection).await
}
