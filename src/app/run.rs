//! A server's life: built, listening until something ends it, stopped in order.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::build::{Server, build};
use super::{Parts, stop};
use crate::gateway::listen;
use crate::lifecycle::Stop;
use crate::router;
use crate::start::StartError;

/// How long a start waits for the ledger's connection before it says that it serves.
const LEDGER_WITHIN: Duration = Duration::from_secs(3);

/// How long `/readyz` says no, after a task of the server has failed, before the stop begins: whoever asks meanwhile
/// hears it, and sends nobody here.
const UNREADY: Duration = Duration::from_millis(500);

/// Serves until it is stopped, until another server has taken this one's place, or until a task fails that it
/// lives with. `ready` is called once, with the address, when it takes requests.
///
/// # Errors
/// What keeps the server from starting, or ended it although nobody asked for that, in a sentence.
pub async fn run(parts: Parts, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), StartError> {
    let Some(server) = build(parts, &stop.soft).await? else { return Ok(()) };
    let Server { app, rooms, supervisor, sockets, settings, mode, listener } = server;
    let router = router::router(app.clone(), &settings, mode);
    let address = listener.local_addr();
    if timeout(LEDGER_WITHIN, app.ledger.well()).await.is_err() {
        tracing::warn!("the ledger has no connection yet: gifts are refused until it has one");
    }
    ready(address.map_err(|error| StartError::new("the server cannot listen any more").because(error))?);

    let accepting = stop.soft.child_token();
    let accepts = listen::listen(listener, router, app.gateway.clone(), accepting.clone());
    supervisor.engine("listener", &accepting, accepts);
    let lost = app.node.lost();
    tokio::select! {
        biased;
        () = stop.soft.cancelled() => {}
        () = lost.cancelled() => stop.begin(),
        () = supervisor.failed() => {
            let _ = timeout(UNREADY, stop.soft.cancelled()).await;
            stop.begin();
        }
    }
    app.serves_no_more();

    tokio::select! {
        biased;
        () = stop::softly(&app, &rooms, &sockets, &settings.server) => {}
        () = stop.hard.cancelled() => supervisor.stop().cancel(),
    }
    if lost.is_cancelled() {
        return Err(StartError::new(
            "another server has taken this one's place, and there can be only one on a database: stop one of them",
        ));
    }
    match supervisor.failure() {
        Some(failure) => Err(StartError::new(failure.to_string())),
        None => Ok(()),
    }
}
