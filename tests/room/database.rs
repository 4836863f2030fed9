//! A fresh database per test, served as `parlor_app`.
//!
//! STAND-IN of the room worktree: to be replaced by `support::postgres`, with the same `Database`.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A migrated database of its own.
pub struct Database {
    /// Connections of the serving role.
    pub app: PgPool,
    /// Connections of the schema's owner.
    pub owner: PgPool,
}

fn options(role: &str, database: &str) -> PgConnectOptions {
    let socket = std::env::var("PARLOR_TEST_PG").unwrap_or_else(|_| "/tmp/pg".into());
    PgConnectOptions::new_without_pgpass().socket(socket).username(role).database(database)
}

impl Database {
    /// Creates and migrates a database.
    pub async fn fresh() -> Self {
        let name = format!("test_room_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = options("postgres", "postgres").connect().await.expect("the server of the tests is there");
        for statement in [
            format!("drop database if exists {name} with (force)"),
            format!("create database {name} owner parlor_owner"),
        ] {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await.expect("a superuser may");
        }
        let pool = |role| PgPoolOptions::new().max_connections(8).connect_with(options(role, &name));
        let owner = pool("parlor_owner").await.expect("connects");
        sqlx::migrate!("./migrations").run(&owner).await.expect("migrates");
        Self { app: pool("parlor_app").await.expect("connects"), owner }
    }
}
