//! SQL of the first form and its seals.

use sqlx::PgConnection;
use uuid::Uuid;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Links of version 1 behind the writer's sealed one, or of a writer without one: writer, number, number of the sealed
/// one.
pub(super) async fn unsealed_links(connection: &mut PgConnection) -> Result<Vec<(i64, i64, Option<i64>)>> {
    let rows = sqlx::query!(
        r#"select l.writer, l.batch_no, e.batch_no as "sealed?"
             from chain_links l
             left join first_form_ends e on e.writer = l.writer
            where l.version = 1 and (e.writer is null or l.batch_no > e.batch_no)
            order by l.writer, l.batch_no
            limit 1000"#
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.writer, row.batch_no, row.sealed)).collect())
}

/// Sealed links that are not there as they were.
pub(super) async fn broken_ends(connection: &mut PgConnection) -> Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        "select e.writer, e.batch_no
           from first_form_ends e
           left join chain_links l on l.writer = e.writer and l.batch_no = e.batch_no and l.version = 1
          where l.hash is distinct from e.hash
          order by e.writer
          limit 1000"
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.writer, row.batch_no)).collect())
}

/// Refusals without a link that are not sealed as they are.
pub(super) async fn unsealed_refusals(connection: &mut PgConnection) -> Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query!(
        r"select r.op, r.actor
             from refusals r
             left join first_form_refusals f on f.op = r.op and f.actor = r.actor
            where (r.writer is null or r.batch_no is null)
              and f.seal is distinct from
                  sha256(convert_to(concat_ws(E'\n', encode(r.body_hash, 'hex'), r.error::text,
                                              extract(epoch from r.at)), 'UTF8'))
            order by r.op, r.actor
            limit 1000"
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.op, row.actor)).collect())
}
