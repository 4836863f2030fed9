//! The composition of the server: each part is built once and connected; all are started and stopped in order.
//!
//! This is the only place where `room` and `economy` meet. It holds no rule of the product.

mod build;
#[cfg(feature = "bench")]
mod crowd;
mod demo;
mod figures;
mod files;
mod jobs;
mod people;
mod ports;
mod revocations;
mod run;
mod stop;
mod waiting;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRef;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;

pub use crate::cluster::Mode;
pub use demo::{People, demo_accounts, demo_users, seed};
pub use run::run;
pub use waiting::answering;
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
use crate::room::{Crowds, RoomAllowance};

/// What a server is built from. The database is migrated, and the role that serves was found to have no right too
/// many.
#[derive(Debug)]
pub struct Parts {
    /// The settings, which are known to have no problems.
    pub settings: Settings,
    /// For whom the server runs.
    pub mode: Mode,
    /// The pool of connections as `parlor_app`.
    pub pool: PgPool,
    /// The address of the same database, for connections outside the pool, such as the ledger's writer.
    pub database: PgConnectOptions,
    /// The folder of uploaded files, unless the settings name another place.
    pub media_folder: Option<PathBuf>,
    /// The bound socket at which metrics are asked for; `None` if they are served nowhere.
    pub metrics: Option<TcpListener>,
    /// The owner of every task of the server.
    pub supervisor: Supervisor,
}

/// The state that routes share. A handler extracts the part that it needs.
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
    crowds: Crowds,
    room_allowance: RoomAllowance,
    jobs: Jobs,
    supervisor: Supervisor,
    /// `true` while the server takes new work.
    serving: Arc<AtomicBool>,
}

impl App {
    /// Whether the server takes new work: it is not stopping, no engine task has failed, it proves its lease, and its
    /// ledger has a connection that answers.
    pub fn is_serving(&self) -> bool {
        let is_whole = self.supervisor.failure().is_none();
        is_whole && self.serving.load(Ordering::Relaxed) && self.node.serves() && self.ledger.is_well()
    }

    /// Makes [`App::is_serving`] say no from now on, and `/readyz` with it.
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

impl FromRef<App> for Crowds {
    fn from_ref(app: &App) -> Self {
        app.crowds.clone()
    }
}

impl FromRef<App> for RoomAllowance {
    fn from_ref(app: &App) -> Self {
        app.room_allowance
    }
}

impl FromRef<App> for GatewayState {
    fn from_ref(app: &App) -> Self {
        app.gateway.clone()
    }
}
