//! SQL that finds what an anchor names.

use sqlx::PgConnection;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The hashes of these links, in this order; `None` for a link that does not exist.
pub(in super::super) async fn hashes(
    connection: &mut PgConnection,
    writers: &[i64],
    batch_nos: &[i64],
) -> Result<Vec<Option<Vec<u8>>>> {
    sqlx::query_scalar!(
        r#"select l.hash as "hash?"
             from unnest($1::bigint[], $2::bigint[]) with ordinality as named (writer, batch_no, place)
             left join chain_links l on l.writer = named.writer and l.batch_no = named.batch_no
            order by named.place"#,
        writers,
        batch_nos
    )
    .fetch_all(connection)
    .await
}

/// The hashes of these openings, in this order; `None` for an opening that does not exist.
pub(in super::super) async fn opening_hashes(
    connection: &mut PgConnection,
    numbers: &[i64],
) -> Result<Vec<Option<Vec<u8>>>> {
    sqlx::query_scalar!(
        r#"select o.hash as "hash?"
             from unnest($1::bigint[]) with ordinality as named (no, place)
             left join openings o on o.no = named.no
            order by named.place"#,
        numbers
    )
    .fetch_all(connection)
    .await
}

/// The number of links of all chains, as the sum of the numbers of their last links, and the id of the newest row of
/// the journal.
pub(super) async fn extent(connection: &mut PgConnection) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"select (select coalesce(sum(l.batch_no), 0)::bigint
                     from writers w
                    cross join lateral (select max(batch_no) as batch_no from chain_links where writer = w.id) l)
                      as "links!",
                  (select coalesce(max(id), 0) from journal) as "last_transfer!""#
    )
    .fetch_one(connection)
    .await?;
    Ok((row.links, row.last_transfer))
}
