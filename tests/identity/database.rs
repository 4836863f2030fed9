//! A fresh, migrated database for one test, served as `parlor_app`; dropped with the value.
//!
//! A stand-in until the suite's own harness: a PostgreSQL with the three roles runs already, its socket
//! directory is in `PARLOR_TEST_PG`.

use std::env;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;

pub struct Database {
    /// As the server has it.
    pub app: PgPool,
    name: String,
}

impl Database {
    pub async fn fresh() -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let create = format!("create database {name} owner parlor_owner");
        let mut admin = PgConnection::connect_with(&options("postgres", "postgres")).await.expect("PostgreSQL runs");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await.expect("a database is made");
        let mut owner = PgConnection::connect_with(&options("parlor_owner", &name)).await.expect("the owner connects");
        sqlx::migrate!("./migrations").run(&mut owner).await.expect("the migrations apply");
        let app = PgPoolOptions::new().max_connections(8).connect_with(options("parlor_app", &name)).await;
        Self { app: app.expect("parlor_app connects"), name }
    }

    /// Past every right of the server, to make a test's world.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect_with(&options("postgres", &self.name)).await.expect("the superuser connects")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("drop database if exists {} with (force)", self.name);
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(async {
                let mut admin = PgConnection::connect_with(&options("postgres", "postgres")).await?;
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await.map(|_| ())
            })
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a test's database stays behind: {error}");
        }
    }
}

fn options(role: &str, database: &str) -> PgConnectOptions {
    let socket = env::var("PARLOR_TEST_PG").unwrap_or_else(|_| "/tmp/pg".to_owned());
    PgConnectOptions::new_without_pgpass().socket(socket).username(role).database(database)
}
