//! SQL that reads refusals and the links that hash them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// A refusal's key, and what its link says.
pub(super) struct RefusalRow {
    pub op: Uuid,
    pub actor: i64,
    pub at: DateTime<Utc>,
    pub writer: Option<i64>,
    pub batch_no: Option<i64>,
    /// Whether the journal has the same operation.
    pub is_done: bool,
    /// What the link says: the number of refusals, their hash, and its time; `None` if there is no such link.
    pub refusals: Option<i32>,
    pub hash: Option<Vec<u8>>,
    pub linked_at: Option<DateTime<Utc>>,
}

/// At most `limit` refusals above this operation and actor, in the order of their key.
pub(super) async fn refusals(
    connection: &mut PgConnection,
    (op, actor): (Uuid, i64),
    limit: i64,
) -> Result<Vec<RefusalRow>> {
    sqlx::query_as!(
        RefusalRow,
        r#"select r.op, r.actor, r.at, r.writer, r.batch_no,
                  exists (select from journal j where j.op = r.op and j.actor = r.actor) as "is_done!",
                  l.refusals as "refusals?", l.refusals_hash as "hash?", l.at as "linked_at?"
             from refusals r
             left join chain_links l on l.writer = r.writer and l.batch_no = r.batch_no
            where (r.op, r.actor) > ($1, $2)
            order by r.op, r.actor
            limit $3"#,
        op,
        actor,
        limit
    )
    .fetch_all(connection)
    .await
}

/// A refusal with all that is hashed of it.
pub(super) struct RefusedRow {
    pub op: Uuid,
    pub actor: i64,
    pub body_hash: Vec<u8>,
    pub error: serde_json::Value,
    pub at: DateTime<Utc>,
    pub writer: i64,
    pub batch_no: i64,
}

/// The refusals of these links that have the time of their link.
pub(super) async fn refused(
    connection: &mut PgConnection,
    writers: &[i64],
    batch_nos: &[i64],
) -> Result<Vec<RefusedRow>> {
    sqlx::query_as!(
        RefusedRow,
        r#"select r.op, r.actor, r.body_hash, r.error, r.at, l.writer, l.batch_no
             from unnest($1::bigint[], $2::bigint[]) as named (writer, batch_no)
             join chain_links l on l.writer = named.writer and l.batch_no = named.batch_no
             join refusals r on r.at = l.at and r.writer = l.writer and r.batch_no = l.batch_no"#,
        writers,
        batch_nos
    )
    .fetch_all(connection)
    .await
}

/// A link that hashes refusals, and whether any of them exists.
pub(super) struct YoungRow {
    pub at: DateTime<Utc>,
    pub writer: i64,
    pub batch_no: i64,
    pub has_refusals: bool,
}

/// At most `limit` links with refusals that are younger than `seconds`, after this time and link, in the order of time.
pub(super) async fn young_links(
    connection: &mut PgConnection,
    (at, writer, batch_no): (DateTime<Utc>, i64, i64),
    seconds: f64,
    limit: i64,
) -> Result<Vec<YoungRow>> {
    sqlx::query_as!(
        YoungRow,
        r#"select l.at, l.writer, l.batch_no,
                  exists (select from refusals r where r.at = l.at and r.writer = l.writer and r.batch_no = l.batch_no)
                      as "has_refusals!"
             from chain_links l
            where l.refusals > 0 and l.at >= clock_timestamp() - $4 * interval '1 second'
              and (l.at, l.writer, l.batch_no) > ($1, $2, $3)
            order by l.at, l.writer, l.batch_no
            limit $5"#,
        at,
        writer,
        batch_no,
        seconds,
        limit
    )
    .fetch_all(connection)
    .await
}
