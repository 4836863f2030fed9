//! The composition: every part built once, connected, started in order and stopped in order.
//!
//! The only place where `room` and `economy` meet. No rule lives here.

mod demo;
mod figures;
mod ports;
mod revocations;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::FromRef;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use demo::{People, seed};

use crate::admin::Office;
use crate::cluster::Node;
use crate::config::Settings;
use crate::courier::{Courier, Senders};
use crate::delivery::Delivery;
use crate::economy::ledger::Ledger;
use crate::gateway::{Announced, GatewayState, listen};
use crate::identity::Identity;
use crate::lifecycle::Stop;
use crate::load;
use crate::media::Media;
use crate::room::Directory;
use crate::router;
use crate::start::StartError;

/// Batches of the ledger that wait for their announcement. Beyond it they are dropped: the tables have
/// them, the rooms' sweep finds them.
const COMMITTED: usize = 1_024;

/// How long a start waits for the ledger's connection before it says that it serves.
const LEDGER_WITHIN: Duration = Duration::from_secs(3);

/// When each step of a soft stop is cut off, in percent of `server.stop_within_ms`: whatever hangs, the
/// later steps have their time. A step that ends early leaves it to them.
const SOCKETS_BY: u32 = 45;
const ORDERS_BY: u32 = 65;
const ROOMS_BY: u32 = 85;
const LEASE_BY: u32 = 95;

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
}

/// What routes share. Handlers take the part they need.
#[derive(Clone)]
pub struct App {
    pool: PgPool,
    identity: Identity,
    media: Media,
    gateway: GatewayState,
    node: Node,
    ledger: Ledger,
    office: Office,
    /// Set while the server takes new work.
    serving: Arc<AtomicBool>,
}

impl App {
    /// The server takes new work: it has started and does not drain, proves its lease, and its ledger has
    /// a connection that answers.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed) && self.node.serves() && self.ledger.is_well()
    }
}

impl FromRef<App> for PgPool {
    fn from_ref(app: &App) -> Self {
        app.pool.clone()
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

/// Serves until it is stopped, or until another server has taken this one's place. `ready` is called
/// once, with the address, when it takes requests.
///
/// # Errors
/// What keeps the server from starting, in a sentence.
pub async fn run(parts: Parts, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), StartError> {
    let Parts { settings, mode, pool, database, media_folder, listener, metrics } = parts;
    let (tracker, sockets, engines) = (TaskTracker::new(), TaskTracker::new(), CancellationToken::new());
    let cannot = |error: crate::kit::error::Error| StartError::new("the server cannot start").because(error);

    let started = Node::start(pool.clone(), &settings.cluster, engines.clone(), &tracker);
    let node = tokio::select! {
        biased;
        () = stop.soft.cancelled() => return Ok(()),
        node = started => node?,
    };
    let memory = load::memory_bytes(settings.server.memory_bytes);
    let delivery = Delivery::start(&settings.delivery.clone().within(memory), engines.clone(), &tracker);
    let machine = figures::Machine { memory, delivery: delivery.clone() };
    tracker.spawn(delivery.load().clone().watch(machine, engines.clone()));
    let (commits, committed) = mpsc::channel(COMMITTED);
    let name = format!("{}/{}", node.identity().node_id, node.identity().incarnation);
    let ledger = Ledger::start(database, name, &settings.ledger, commits, &engines, &tracker);
    let gifts = Arc::new(ports::LedgerGifts::new(ledger.clone(), pool.clone()));
    let (rooms, returned) = Directory::new(
        pool.clone(),
        node.clone(),
        gifts.clone(),
        delivery.clone(),
        settings.room.clone(),
        engines.clone(),
        tracker.clone(),
    );
    let wallets = ports::LedgerWallets { ledger: ledger.clone(), welcome: settings.ledger.welcome(mode == Mode::Dev) };
    let senders = Senders::new(&settings.courier, mode == Mode::Dev).map_err(cannot)?;
    let courier = Courier::start(senders, &settings.courier, &engines, &tracker);
    let identity = Identity::start(pool.clone(), &settings.identity, wallets, courier, engines.clone(), &tracker);
    let identity = identity.await.map_err(cannot)?;
    let media = Media::start(pool.clone(), &settings.media, media_folder, engines.clone(), &tracker).map_err(cannot)?;
    let announced = Announced { outbox_bytes: settings.delivery.outbox_bytes, grace_ms: settings.room.grace_ms };
    let ports = ports::SocketPorts::new(identity.clone(), pool.clone(), rooms.clone(), gifts);
    let delivered = delivery.clone();
    let gateway =
        GatewayState::new(settings.gateway.clone(), announced, delivery, ports, engines.clone(), sockets.clone());
    tracker.spawn(ports::announce(committed, rooms.clone(), gateway.users().clone()));
    // Longer than a request's transaction stays open, and than a socket takes from its token to its place.
    let overlap = Duration::from_millis(settings.http.timeout_ms.max(settings.gateway.answer_ms) + 5_000);
    tracker.spawn(revocations::close_revoked(pool.clone(), gateway.clone(), overlap, engines.clone()));
    let one_room = ports::keep_in_one_room(returned, rooms.clone(), gateway.users().clone());
    let stopped = engines.clone();
    tracker.spawn(async move { stopped.run_until_cancelled(one_room).await });

    if let Some(metrics) = metrics {
        let figures = figures::Figures {
            pool: pool.clone(),
            pool_max: settings.database.pool.connections,
            node: node.clone(),
            delivery: delivered,
            rooms: rooms.clone(),
            ledger: ledger.clone(),
            identity: identity.clone(),
        };
        tracker.spawn(figures.serve(metrics, engines.clone()));
    }

    let serving = Arc::new(AtomicBool::new(true));
    let office = Office::new(pool.clone(), rooms.clone());
    let app = App {
        pool,
        identity,
        media,
        gateway: gateway.clone(),
        office,
        node: node.clone(),
        ledger: ledger.clone(),
        serving: serving.clone(),
    };
    let router = router::router(app, &settings, mode);
    let address = listener.local_addr();
    if timeout(LEDGER_WITHIN, ledger.well()).await.is_err() {
        tracing::warn!("the ledger has no connection yet: gifts are refused until it has one");
    }
    ready(address.map_err(|error| StartError::new("the server cannot listen any more").because(error))?);

    let accepting = stop.soft.child_token();
    let lost = node.lost();
    tokio::select! {
        () = listen::listen(listener, router, &gateway, accepting.clone(), &sockets) => {}
        () = lost.cancelled() => stop.begin(),
        () = ledger.ended() => {
            tracing::error!("the ledger's writer has ended: the server ends with it");
            stop.begin();
        }
    }
    accepting.cancel();
    serving.store(false, Ordering::Relaxed);

    // Soft: sockets are told to come back, what they asked for is finished, rooms are laid down, the
    // lease is given back. Hard: all of it is dropped where it stands; the next start finds it stored.
    let (begun, within) = (Instant::now(), Duration::from_millis(settings.server.stop_within_ms));
    let by = |percent: u32| begun + within * percent / 100;
    let soft = async {
        let all_sockets = async {
            gateway.drain(Duration::from_millis(settings.server.drain_spread_ms)).await;
            sockets.close();
            sockets.wait().await;
        };
        step("every socket has ended", by(SOCKETS_BY), all_sockets).await;
        step("every order has its answer", by(ORDERS_BY), ledger.drain()).await;
        step("every room is laid down", by(ROOMS_BY), rooms.stop()).await;
        if !lost.is_cancelled() {
            step("the lease is given back", by(LEASE_BY), give_back(&node)).await;
        }
        engines.cancel();
        tracker.close();
        tracker.wait().await;
        tracing::debug!("every task has ended");
    };
    tokio::select! {
        biased;
        () = soft => {}
        () = stop.hard.cancelled() => engines.cancel(),
    }
    if lost.is_cancelled() {
        return Err(StartError::new(
            "another server has taken this one's place, and there can be only one on a database: stop one of them",
        ));
    }
    Ok(())
}

/// One step of a soft stop, cut off at its time.
async fn step(done: &'static str, by: Instant, work: impl Future<Output = ()>) {
    match timeout_at(by, work).await {
        Ok(()) => tracing::debug!("{done}"),
        Err(_) => tracing::warn!("stopping goes on before {done}"),
    }
}

async fn give_back(node: &Node) {
    if let Err(error) = node.release().await {
        tracing::warn!(%error, "the lease was not given back; it runs out by itself");
    }
}
