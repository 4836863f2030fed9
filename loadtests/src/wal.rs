//! What a round writes ahead: bytes of PostgreSQL's log, where it is a private one of this run.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};

/// A look into the log.
///
/// After each checkpoint the first change of a page writes the page whole, and how many of those fall into
/// a round is chance. `pg_walinspect` tells their bytes from the rest in the very range of the round, so
/// checkpoints need not be kept out of it. What stays in the figure is what is written between checkpoints;
/// a change that is in an image is not written beside it, but of a hundred thousand gifts that is a few
/// hundred.
#[derive(Debug)]
pub struct Wal {
    connection: PgConnection,
}

/// Bytes of a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Without whole pages.
    pub bytes: i64,
    /// Whole pages.
    pub page_bytes: i64,
}

impl Wal {
    /// Of the PostgreSQL whose socket lies in this folder.
    ///
    /// # Errors
    /// What keeps it from being read: no `pg_walinspect` (PostgreSQL 15 brings it), or no superuser.
    pub async fn of(sockets: &Path) -> sqlx::Result<Self> {
        let options = PgConnectOptions::new().socket(sockets).username("postgres").port(5432).database("postgres");
        let mut connection = PgConnection::connect_with(&options).await?;
        connection.execute("create extension if not exists pg_walinspect").await?;
        Ok(Self { connection })
    }

    /// Where its end is now.
    ///
    /// # Errors
    /// A lost connection.
    pub async fn end(&mut self) -> sqlx::Result<String> {
        sqlx::query_scalar("select pg_current_wal_flush_lsn()::text").fetch_one(&mut self.connection).await
    }

    /// What was written since.
    ///
    /// # Errors
    /// A lost connection; or the range is not kept any more.
    pub async fn since(&mut self, since: &str) -> sqlx::Result<Written> {
        let end = self.end().await?;
        let (all, page_bytes): (i64, i64) = sqlx::query_as(
            "select pg_wal_lsn_diff($2::text::pg_lsn, $1::text::pg_lsn)::bigint, coalesce(sum(fpi_size), 0)::bigint
               from pg_get_wal_stats($1::text::pg_lsn, $2::text::pg_lsn)",
        )
        .bind(since)
        .bind(end)
        .fetch_one(&mut self.connection)
        .await?;
        Ok(Written { bytes: all - page_bytes, page_bytes })
    }
}
