//! The soft stop, step by step: sockets are told to come back, what they asked for is finished, rooms write their
//! checkpoints and end, and the lease is given back. A hard stop drops everything where it stands; the next start goes
//! on from what is stored.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};

use super::App;
use crate::cluster::Node;
use crate::config::ServerSettings;
use crate::kit::supervise::Crew;
use crate::room::Directory;

/// When each step is cut off, in percent of `server.stop_within_ms`. So the later steps have time left whichever step
/// hangs; a step that ends early leaves its time to them.
const SOCKETS_BY: u32 = 45;
const ORDERS_BY: u32 = 65;
const ROOMS_BY: u32 = 85;
const LEASE_BY: u32 = 95;

/// Stops everything in order. The caller drops this future at the deadline.
pub(super) async fn softly(app: &App, rooms: &Directory, sockets: &Crew, settings: &ServerSettings) {
    let (begun, within) = (Instant::now(), Duration::from_millis(settings.stop_within_ms));
    let by = |percent: u32| begun + within * percent / 100;
    let all_sockets = async {
        app.gateway.drain(Duration::from_millis(settings.drain_spread_ms)).await;
        sockets.finish().await;
    };
    step("every socket has ended", by(SOCKETS_BY), all_sockets).await;
    step("every order has its answer", by(ORDERS_BY), app.ledger.drain()).await;
    let rooms_and_jobs = async { tokio::join!(rooms.stop(), app.jobs.drain()) };
    step("every room has ended and every job is marked", by(ROOMS_BY), rooms_and_jobs.map(drop)).await;
    if !app.node.lost().is_cancelled() {
        step("the lease is given back", by(LEASE_BY), give_back(&app.node)).await;
    }
    app.supervisor.finish().await;
    tracing::debug!("every task has ended");
}

/// Waits for one step of a soft stop until its time. `done` says what holds when it is done.
async fn step(done: &'static str, by: Instant, work: impl Future<Output = ()>) {
    match timeout_at(by, work).await {
        Ok(()) => tracing::debug!("{done}"),
        Err(_) => tracing::warn!("a step of the stop was cut off before {done}"),
    }
}

/// Ends the lease, so that the next start need not wait for it.
pub(super) async fn give_back(node: &Node) {
    if let Err(error) = node.release().await {
        tracing::warn!(%error, "the lease was not given back; it runs out by itself");
    }
}
