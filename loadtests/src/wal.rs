//! The bytes of write-ahead log that a round makes PostgreSQL write, if it is a private one of this run.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};

/// The connection that reads the log.
///
/// After each checkpoint the first change of a page writes an image of the whole page, and how many of these fall into
/// a round is chance. `pg_walinspect` separates their bytes from the others within the round, so that a round may
/// include a checkpoint. The figure without images is slightly too low, because a change inside an image is not written
/// again; of a hundred thousand gifts that concerns a few hundred.
#[derive(Debug)]
pub struct Wal {
    connection: PgConnection,
}

/// The bytes of a range of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Bytes without full-page images.
    pub bytes: i64,
    /// Bytes of full-page images.
    pub page_bytes: i64,
}

impl Wal {
    /// Connects to the PostgreSQL whose socket is in this folder.
    ///
    /// # Errors
    /// If the connection fails, or if there is no `pg_walinspect` (it comes with PostgreSQL 15 and later).
    pub async fn of(sockets: &Path) -> sqlx::Result<Self> {
        let options = PgConnectOptions::new().socket(sockets).username("postgres").port(5432).database("postgres");
        let mut connection = PgConnection::connect_with(&options).await?;
        connection.execute("create extension if not exists pg_walinspect").await?;
        Ok(Self { connection })
    }

    /// The present end of the log.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn end(&mut self) -> sqlx::Result<String> {
        sqlx::query_scalar("select pg_current_wal_flush_lsn()::text").fetch_one(&mut self.connection).await
    }

    /// The bytes written since this place.
    ///
    /// # Errors
    /// If the connection is lost, or if PostgreSQL has removed the range.
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
