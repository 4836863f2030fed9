//! Counts the transactions of the server's database, if it is a private one of this run.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

/// PostgreSQL's processes publish their counts after they have been idle for this long (PGSTAT_IDLE_INTERVAL and a
/// margin).
const TOLD_WITHIN: Duration = Duration::from_millis(10_500);

/// The connection that reads the count.
#[derive(Debug)]
pub struct Transactions {
    connection: PgConnection,
}

impl Transactions {
    /// Connects to the PostgreSQL whose socket is in this folder, as a role that may read statistics. The connection is
    /// to another database, so that it adds nothing to the count.
    ///
    /// # Errors
    /// If the connection fails.
    pub async fn of(sockets: &Path) -> sqlx::Result<Self> {
        let options = PgConnectOptions::new().socket(sockets).username("postgres").port(5432).database("postgres");
        Ok(Self { connection: PgConnection::connect_with(&options).await? })
    }

    /// The transactions so far, rolled back ones included; a single statement counts as one. Waits until all processes
    /// have published their counts.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn settled(&mut self) -> sqlx::Result<i64> {
        tokio::time::sleep(TOLD_WITHIN).await;
        let count = "select xact_commit + xact_rollback from pg_stat_database where datname = 'parlor'";
        sqlx::query_scalar(count).fetch_one(&mut self.connection).await
    }
}
