//! SQL of the refusals and of the links that hash them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) struct RefusalRow {
    pub op: Uuid,
    pub actor: i64,
    pub body_hash: Vec<u8>,
    pub error: serde_json::Value,
    pub at: DateTime<Utc>,
    pub writer: Option<i64>,
    pub batch_no: Option<i64>,
}

/// Refusals above an operation, in the order of their key.
pub(super) async fn refusals(
    connection: &mut PgConnection,
    (op, actor): (Uuid, i64),
    limit: i64,
) -> Result<Vec<RefusalRow>> {
    sqlx::query_as!(
        RefusalRow,
        "select op, actor, body_hash, error, at, writer, batch_no
           from refusals
          where (op, actor) > ($1, $2)
          order by op, actor
          limit $3",
        op,
        actor,
        limit
    )
    .fetch_all(connection)
    .await
}

/// A link that hashes refusals.
pub(super) struct LinkRow {
    pub writer: i64,
    pub batch_no: i64,
    pub refusals: i32,
    pub hash: Vec<u8>,
    pub at: DateTime<Utc>,
}

/// Links with refusals above a link, in the order of their key.
pub(super) async fn links(
    connection: &mut PgConnection,
    (writer, batch_no): (i64, i64),
    limit: i64,
) -> Result<Vec<LinkRow>> {
    sqlx::query_as!(
        LinkRow,
        r#"select writer, batch_no, refusals, coalesce(refusals_hash, '') as "hash!", at
             from chain_links
            where refusals > 0 and (writer, batch_no) > ($1, $2)
            order by writer, batch_no
            limit $3"#,
        writer,
        batch_no,
        limit
    )
    .fetch_all(connection)
    .await
}

/// When the first account's opening was chained, which is when refusals began to be; and the present.
pub(super) async fn times(connection: &mut PgConnection) -> Result<(Option<DateTime<Utc>>, DateTime<Utc>)> {
    let row =
        sqlx::query!(r#"select (select min(at) from openings where no = 1) as "began?", clock_timestamp() as "now!""#)
            .fetch_one(connection)
            .await?;
    Ok((row.began, row.now))
}
