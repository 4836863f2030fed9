//! How many transactions the server's database has seen, where it is a private one of this run.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

/// PostgreSQL's processes tell what they have counted when they have been idle for so long (PGSTAT_IDLE_INTERVAL, and
/// a little).
const TOLD_WITHIN: Duration = Duration::from_millis(10_500);

/// The count of a database.
#[derive(Debug)]
pub struct Transactions {
    connection: PgConnection,
}

impl Transactions {
    /// Of the PostgreSQL whose socket lies in this folder. A role that sees statistics and adds nothing to the count:
    /// it works in a database of its own.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn of(sockets: &Path) -> sqlx::Result<Self> {
        let options = PgConnectOptions::new().socket(sockets).username("postgres").port(5432).database("postgres");
        Ok(Self { connection: PgConnection::connect_with(&options).await? })
    }

    /// All so far, those that were rolled back as well; a statement by itself is one. Waits until everybody has told.
    ///
    /// # Errors
    /// A lost connection.
    pub async fn settled(&mut self) -> sqlx::Result<i64> {
        tokio::time::sleep(TOLD_WITHIN).await;
        let count = "select xact_commit + xact_rollback from pg_stat_database where datname = 'parlor'";
        sqlx::query_scalar(count).fetch_one(&mut self.connection).await
    }
}
