//! The assembled server. PLACEHOLDER: health alone, until the engines are connected here.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgPool};
use tokio::net::TcpListener;

use crate::config::Settings;
use crate::lifecycle::Stop;
use crate::start::StartError;

/// How the server is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// For one developer: demo data and the playground.
    Dev,
    /// For people.
    Serve,
}

/// What a server is made of. The database is migrated, the role has been judged.
#[derive(Debug)]
pub struct Parts {
    /// Checked.
    pub settings: Settings,
    /// How it is run.
    pub mode: Mode,
    /// The pool, as parlor_app.
    pub pool: PgPool,
    /// The same address, for connections outside the pool (the ledger's writer).
    pub database: PgConnectOptions,
    /// Bound; who connects early waits in its backlog.
    pub listener: TcpListener,
}

/// Serves until it is stopped. `ready` is called once, with the address, when it takes requests.
pub async fn run(parts: Parts, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), StartError> {
    let failed = |error: std::io::Error| StartError::new("the server cannot listen any more").because(error);
    let router =
        Router::new().route("/healthz", get(StatusCode::OK)).route("/readyz", get(readyz)).with_state(parts.pool);
    ready(parts.listener.local_addr().map_err(failed)?);
    let soft = stop.soft.clone().cancelled_owned();
    tokio::select! {
        biased;
        () = stop.hard.cancelled() => Ok(()),
        served = axum::serve(parts.listener, router).with_graceful_shutdown(soft) => served.map_err(failed),
    }
}

/// 200 while the store answers within a second.
async fn readyz(State(pool): State<PgPool>) -> StatusCode {
    let asked = async { pool.acquire().await?.ping().await };
    match tokio::time::timeout(Duration::from_secs(1), asked).await {
        Ok(Ok(())) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
