//! A fresh database a test, copied from a migrated template. To be replaced by `tests/support/postgres.rs`.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

/// Three ways into one database that this test alone uses.
pub struct Database {
    pub app: PgPool,
    pub audit: PgPool,
    pub superuser: PgPool,
    name: String,
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Where the test's PostgreSQL has its socket.
pub fn socket_dir() -> String {
    std::env::var("PARLOR_TEST_PG").unwrap_or_else(|_| "/tmp/pg".into())
}

fn options(role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir())
        .port(5432)
        .ssl_mode(PgSslMode::Disable)
        .username(role)
        .database(database)
}

impl Database {
    pub async fn fresh() -> Self {
        let template = TEMPLATE.get_or_init(template).await;
        let name = format!("ledger_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut root = PgConnection::connect_with(&options("postgres", "postgres")).await.expect("the test PostgreSQL");
        let create = format!("create database {name} template {template} owner parlor_owner");
        sqlx::query(AssertSqlSafe(create)).execute(&mut root).await.expect("a copy of the template");
        let pool = |role| PgPoolOptions::new().max_connections(4).connect_lazy_with(options(role, &name));
        Self { app: pool("parlor_app"), audit: pool("parlor_audit"), superuser: pool("postgres"), name }
    }

    /// How a ledger's writer connects.
    pub fn writer(&self) -> PgConnectOptions {
        options("parlor_app", &self.name)
    }
}

/// Migrates the template, and drops what processes left that are no more.
async fn template() -> String {
    let mut root = PgConnection::connect_with(&options("postgres", "postgres")).await.expect("the test PostgreSQL");
    let left: Vec<String> =
        sqlx::query_scalar("select datname from pg_database where datname like 'ledger\\_test\\_%'")
            .fetch_all(&mut root)
            .await
            .expect("a list of databases");
    for name in left {
        let process = name.split('_').nth(2).unwrap_or_default();
        if !std::path::Path::new("/proc").join(process).exists() {
            let drop = format!("drop database if exists {name} with (force)");
            let _ = sqlx::query(AssertSqlSafe(drop)).execute(&mut root).await; // another process may be at it
        }
    }
    let name = format!("ledger_test_{}_template", std::process::id());
    let create = format!("create database {name} owner parlor_owner");
    sqlx::query(AssertSqlSafe(create)).execute(&mut root).await.expect("an empty database");
    let mut owner = PgConnection::connect_with(&options("parlor_owner", &name)).await.expect("the owner's connection");
    sqlx::migrate!("./migrations").run(&mut owner).await.expect("migrations");
    owner.close().await.expect("a template nobody is connected to");
    name
}
