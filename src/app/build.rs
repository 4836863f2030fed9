//! Builds and starts the parts of a server, each once, in the order in which they need each other.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::stop::give_back;
use super::{App, Mode, Parts, People, figures, files, jobs, people, ports, revocations};
use crate::admin::Office;
use crate::cluster::Node;
use crate::config::Settings;
use crate::courier::{Courier, Senders};
use crate::delivery::Delivery;
use crate::economy::kinds_of;
use crate::economy::ledger::Ledger;
use crate::economy::ledger::anchor::MakeAnchor;
use crate::gateway::{Announced, GatewayState, Surroundings};
use crate::http::proxy::Proxies;
use crate::identity::Identity;
use crate::kit::chance::Chance;
use crate::kit::clock::{BootClock, Clock};
use crate::kit::edge::Edge;
use crate::kit::error::Error;
use crate::kit::jobs::Jobs;
use crate::kit::supervise::{Crew, Supervisor};
use crate::load;
use crate::media::Media;
use crate::room::port::Gifts;
use crate::room::{Crowds, Directory};
use crate::start::StartError;
use crate::voice::Voice;

/// The most batches of the ledger that wait for their announcement. Further ones are dropped: the tables have them, and
/// the rooms' sweep finds them there.
const COMMITTED: usize = 1_024;

/// A server whose parts are all built and started; it does not listen yet.
pub(super) struct Server {
    /// The state that routes share.
    pub app: App,
    /// The register of the rooms that are awake.
    pub rooms: Directory,
    /// The owner of every task.
    pub supervisor: Supervisor,
    /// The owner of the tasks of all connections.
    pub sockets: Crew,
    pub settings: Settings,
    pub mode: Mode,
}

/// Builds and starts everything. It takes the lease first, because nothing may be decided or written without it. `None`
/// if the program was told to stop before that.
///
/// # Errors
/// A sentence that says what keeps the server from starting. The lease is then given back, so that the next start need
/// not wait for it.
pub(super) async fn build(parts: Parts, stop: &CancellationToken) -> Result<Option<Server>, StartError> {
    // Before the lease, because a server that cannot keep anchors should change nothing.
    let anchor = anchors(&parts)?;
    let connections = files::connections(&parts.settings, parts.mode)?;
    let started = Node::start(parts.pool.clone(), boot_clock(), &parts.settings.cluster, &parts.supervisor);
    let Some(node) = stop.run_until_cancelled(started).await else { return Ok(None) };
    let node = node?;
    let built = stop.run_until_cancelled(lay(&parts, &node)).await;
    let built = match built {
        Some(Ok(())) => connect(parts, anchor, connections, node.clone()).await.map(Some),
        Some(Err(error)) => Err(error),
        None => Ok(None),
    };
    if !matches!(built, Ok(Some(_))) {
        give_back(&node).await;
    }
    built
}

/// Puts what `dev` brings into the database that the node has for itself now.
async fn lay(parts: &Parts, node: &Node) -> Result<(), StartError> {
    node.note(parts.mode).await?;
    match parts.mode {
        Mode::Dev => super::seed(&parts.settings, &parts.database, &People::Demo, &|_| ()).await,
        Mode::Serve => Ok(()),
    }
}

/// The job that makes anchors, if the settings name a place and a key.
fn anchors(parts: &Parts) -> Result<Option<MakeAnchor>, StartError> {
    let (edge, settings) = (edge(&parts.pool), &parts.settings);
    let anchor = MakeAnchor::of(&settings.ledger.anchor, &settings.media.s3, edge.clock().clone(), edge.chance());
    let unusable = "the ledger's anchors cannot be kept: correct ledger.anchor in the settings";
    let anchor = anchor.map_err(|error| StartError::new(unusable).because(error))?;
    if anchor.is_none() {
        tracing::warn!(
            "the ledger has no anchor outside the database: set ledger.anchor.key, and ledger.anchor.folder or \
             ledger.anchor.bucket, so that the audit notices books that were restored or rewritten as a whole"
        );
    }
    Ok(anchor)
}

/// Builds and starts all other parts, after the node has its lease.
async fn connect(
    parts: Parts,
    anchor: Option<MakeAnchor>,
    connections: usize,
    node: Node,
) -> Result<Server, StartError> {
    let Parts { settings, mode, pool, database, media_folder, metrics, supervisor } = parts;
    let sockets = supervisor.another_crew();
    let edge = edge(&pool);
    let cannot = |error: Error| StartError::new("the server cannot start").because(error);

    load::give_large_blocks_back();
    let memory = load::memory_bytes(settings.server.memory_bytes);
    let delivery = Delivery::start(&settings.delivery.clone().within(memory), node.lease(), &supervisor);
    let machine = figures::Machine { memory, delivery: delivery.clone() };
    delivery.load().start_watch(machine, &supervisor);
    let (commits, committed) = mpsc::channel(COMMITTED);
    let name = format!("{}/{}", node.identity().node_id, node.identity().incarnation);
    let ledger = Ledger::start(database, name, &settings.ledger, kinds_of(&settings.transfer), commits, &supervisor);
    let gifts = Arc::new(ports::LedgerGifts::new(ledger.clone(), edge.reads()));
    let paid: Arc<dyn Gifts> = match supervisor.faults() {
        Some(faults) => Arc::new(ports::GiftsWithFaults { gifts: gifts.clone(), faults }),
        None => gifts.clone(),
    };
    let voice = Voice::of(&settings.voice, &edge).map_err(cannot)?;
    voice.start(&supervisor);
    let of_rooms = settings.room.clone();
    let (rooms, returned) =
        Directory::new(edge.clone(), node.clone(), paid, delivery.clone(), of_rooms, voice.clone(), &supervisor);
    let wallets = ports::LedgerWallets { ledger: ledger.clone(), welcome: settings.ledger.welcome(mode == Mode::Dev) };
    let senders = Senders::new(&settings.courier, mode == Mode::Dev).map_err(cannot)?;
    let courier = Courier::new(senders, &settings.courier);
    let people = settings.identity.clone().within(memory);
    let identity = Identity::start(&edge, &people, wallets, courier.clone(), &supervisor);
    let identity = identity.await.map_err(cannot)?;
    let media = settings.media.clone().within(memory);
    let media = Media::start(&edge, &media, media_folder, &supervisor).map_err(cannot)?;
    let announced = Announced { outbox_bytes: settings.delivery.outbox_bytes, grace_ms: settings.room.grace_ms };
    let ports = ports::SocketPorts::new(identity.clone(), &edge, rooms.clone(), gifts.clone(), &supervisor);
    let delivered = delivery.clone();
    let surroundings = Surroundings { proxies: Proxies::of(&settings.http), connections, voice: voice.clone() };
    let (asked, crew) = (settings.gateway.clone(), sockets.clone());
    let gateway = GatewayState::new(asked, announced, delivery, ports, surroundings, &supervisor, crew);
    let until = || supervisor.stop().child_token();
    let (users, ends) = (gateway.users().clone(), until());
    supervisor.engine("announcer", &ends, ports::announce(committed, rooms.clone(), users, ends.clone()));
    // Longer than a request's transaction can stay open, and than a socket takes from the check of its token until it
    // stands among its user's sockets.
    let overlap = Duration::from_millis(settings.http.timeout_ms.max(settings.gateway.answer_ms) + 5_000);
    let revoked = revocations::close_revoked(edge.reads(), gateway.clone(), overlap, supervisor.stop().clone());
    supervisor.engine("watch of revocations", supervisor.stop(), revoked);
    let announcer = people::Announcer {
        identity: identity.clone(),
        reads: edge.reads(),
        rooms: rooms.clone(),
        users: gateway.users().clone(),
        again_after: overlap,
    };
    supervisor.engine("announcer of names", supervisor.stop(), announcer.run(supervisor.stop().clone()));
    let (users, ends) = (gateway.users().clone(), until());
    supervisor.engine(
        "one room at a time",
        &ends,
        ports::keep_in_one_room(returned, rooms.clone(), users, ends.clone()),
    );

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
        let served = figures.serve(metrics, supervisor.stop().clone());
        supervisor.engine("metrics listener", supervisor.stop(), served);
    }

    let job_kinds = jobs::kinds(&edge, &courier, &identity, &media, (&settings.room, gifts.clone()), &voice, anchor);
    let jobs = Jobs::open(pool.clone(), &settings.jobs, job_kinds, jobs::Metrics).await.map_err(cannot)?;
    // The lease says that no other server works on this database.
    jobs.take_over().await.map_err(cannot)?;
    jobs.start(&supervisor);
    let serving = Arc::new(AtomicBool::new(true));
    let office = Office::new(rooms.clone());
    let app = App {
        edge,
        identity,
        media,
        gateway,
        office,
        crowds: Crowds::of(rooms.clone()),
        room_allowance: settings.room.allowance(),
        jobs,
        node,
        ledger,
        coin_requests: settings.coin_request.clone(),
        supervisor: supervisor.clone(),
        serving,
    };
    Ok(Server { app, rooms, supervisor, sockets, settings, mode })
}

#[expect(clippy::disallowed_methods, reason = "the server is composed here, and everything below is handed these")]
fn edge(pool: &PgPool) -> Edge {
    Edge::new(pool.clone(), Clock::system(), Chance::system())
}

#[expect(clippy::disallowed_methods, reason = "the server is composed here, and its node is handed this clock")]
fn boot_clock() -> BootClock {
    BootClock::system()
}
