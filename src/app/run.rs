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

/// Serves until it is stopped, or until another server has taken this one's place. `ready` is called
/// once, with the address, when it takes requests.
///
/// # Errors
/// What keeps the server from starting, or ended it, in a sentence.
pub async fn run(parts: Parts, stop: Stop, ready: impl FnOnce(SocketAddr)) -> Result<(), StartError> {
    let Some(server) = build(parts, &stop.soft).await? else { return Ok(()) };
    let Server { app, rooms, engines, tracker, sockets, settings, mode, listener } = server;
    let router = router::router(app.clone(), &settings, mode);
    let address = listener.local_addr();
    if timeout(LEDGER_WITHIN, app.ledger.well()).await.is_err() {
        tracing::warn!("the ledger has no connection yet: gifts are refused until it has one");
    }
    ready(address.map_err(|error| StartError::new("the server cannot listen any more").because(error))?);

    let accepting = stop.soft.child_token();
    let lost = app.node.lost();
    tokio::select! {
        () = listen::listen(listener, router, &app.gateway, accepting.clone(), &sockets) => {}
        () = lost.cancelled() => stop.begin(),
        () = app.ledger.ended() => {
            tracing::error!("the ledger's writer has ended: the server ends with it");
            stop.begin();
        }
    }
    accepting.cancel();
    app.serves_no_more();

    tokio::select! {
        biased;
        () = stop::softly(&app, &rooms, &engines, &tracker, &sockets, &settings.server) => {}
        () = stop.hard.cancelled() => engines.cancel(),
    }
    if lost.is_cancelled() {
        return Err(StartError::new(
            "another server has taken this one's place, and there can be only one on a database: stop one of them",
        ));
    }
    Ok(())
}
