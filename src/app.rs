//! The composition: every part built once, connected, started in order and stopped in order.
//!
//! The only place where `room` and `economy` meet. No rule lives here.

mod build;
mod demo;
mod figures;
mod jobs;
mod ports;
mod revocations;
mod run;
mod stop;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRef;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;

pub use demo::{People, seed};
pub use run::run;
pub use world::Scale;

use crate::admin::Office;
use crate::cluster::Node;
use crate::config::Settings;
use crate::economy::coin_request;
use crate::economy::ledger::{Kinds, Ledger};
use crate::gateway::GatewayState;
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::jobs::Jobs;
use crate::kit::supervise::Supervisor;
use crate::media::Media;

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
    /// Where uploaded files lie, unless the settings say otherwise.
    pub media_folder: Option<PathBuf>,
    /// Bound; who connects early waits in its backlog.
    pub listener: TcpListener,
    /// Where metrics are asked for, bound; `None`: nowhere.
    pub metrics: Option<TcpListener>,
    /// Owns every task of the server.
    pub supervisor: Supervisor,
}

/// What routes share. Handlers take the part they need.
#[derive(Clone)]
pub struct App {
    edge: Edge,
    identity: Identity,
    media: Media,
    gateway: GatewayState,
    node: Node,
    ledger: Ledger,
    coin_requests: coin_request::Settings,
    office: Office,
    jobs: Jobs,
    supervisor: Supervisor,
    /// Set while the server takes new work.
    serving: Arc<AtomicBool>,
}

impl App {
    /// The server takes new work: it has started and does not drain, every task that it lives with goes on, it
    /// proves its lease, and its ledger has a connection that answers.
    pub fn is_serving(&self) -> bool {
        let is_whole = self.supervisor.failure().is_none();
        is_whole && self.serving.load(Ordering::Relaxed) && self.node.serves() && self.ledger.is_well()
    }

    /// From now on no new work is taken, and readiness says so.
    fn serves_no_more(&self) {
        self.serving.store(false, Ordering::Relaxed);
    }
}

impl FromRef<App> for Edge {
    fn from_ref(app: &App) -> Self {
        app.edge.clone()
    }
}

impl FromRef<App> for Ledger {
    fn from_ref(app: &App) -> Self {
        app.ledger.clone()
    }
}

impl FromRef<App> for coin_request::Settings {
    fn from_ref(app: &App) -> Self {
        app.coin_requests.clone()
    }
}

impl FromRef<App> for Kinds {
    fn from_ref(app: &App) -> Self {
        app.ledger.kinds().clone()
    }
}

impl FromRef<App> for Identity {
    fn from_ref(app: &App) -> Self {
        app.identity.clone()
    }
}

impl FromRef<App> for Media {
    fn from_ref(app: &App) -> Self {
        app.media.clone()
    }
}

impl FromRef<App> for Office {
    fn from_ref(app: &App) -> Self {
        app.office.clone()
    }
}

impl FromRef<App> for GatewayState {
    fn from_ref(app: &App) -> Self {
        app.gateway.clone()
    }
}
