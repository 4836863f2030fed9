//! The life of a server: it is built, listens until something ends it, and is stopped in order.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::build::{Server, build};
use super::{Parts, stop, waiting};
use crate::gateway::listen;
use crate::lifecycle::Stop;
use crate::router;
use crate::start::StartError;

/// The longest that a start waits for the ledger's connection before it reports that it serves.
const LEDGER_WITHIN: Duration = Duration::from_secs(3);

/// The time from the failure of an engine task until the stop begins. `/readyz` says no meanwhile, so that a load
/// balancer that asks sends no more clients here.
const UNREADY: Duration = Duration::from_millis(500);

/// Serves at this listener until it is stopped, until another server has taken this one's place, or until an engine task
/// fails. `ready` is called once, with the address, when it takes requests. While the start takes long, `/healthz` is
/// answered and everything else refused.
///
/// # Errors
/// A sentence that says what keeps the server from starting, or what ended it although nobody asked it to stop.
pub async fn run(
    parts: Parts,
    listener: TcpListener,
    stop: Stop,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), StartError> {
    let start = async {
        let built = build(parts, &stop.soft).await?;
        if let Some(server) = &built
            && timeout(LEDGER_WITHIN, server.app.ledger.well()).await.is_err()
        {
            tracing::warn!("the ledger has no connection yet: gifts are refused until it has one");
        }
        Ok::<_, StartError>(built)
    };
    let Some(server) = waiting::answering(&listener, start).await? else { return Ok(()) };
    let Server { app, rooms, supervisor, sockets, settings, mode } = server;
    let router = router::router(app.clone(), &settings, mode);
    let address = listener.local_addr();
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
            "another server has taken this one's place, and a database can have only one: stop one of the two",
        ));
    }
    match supervisor.failure() {
        Some(failure) => Err(StartError::new(failure.to_string())),
        None => Ok(()),
    }
}
