//! The accept loop: HTTP/1.1 over TCP, with a bound on connections, a deadline for each head, and a way
//! out of HTTP for sockets.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::Settings;

/// Bytes of a request's head at most.
const HEAD_BYTES: usize = 16 * 1024;

/// How long to wait when the system has no more file descriptors: the listener stays ready meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A place under `max_connections`. In the extensions of every request; a socket takes it along.
#[derive(Clone, Debug)]
pub struct Permit(#[allow(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

/// Serves the router on this listener until `stop`. Then no more connections are accepted, idle ones are
/// closed, and requests under way are finished. Connections are tasks of the tracker; who stops the server
/// waits for them as long as it likes. Each request has its peer as `ConnectInfo<SocketAddr>`.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    settings: &Settings,
    stop: CancellationToken,
    tracker: &TaskTracker,
) {
    let permits = Arc::new(Semaphore::new(settings.max_connections));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_millis(settings.head_ms)).max_buf_size(HEAD_BYTES);
    let http = Arc::new(http);
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_peer(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Over the bound: closed at once, which costs less than any word.
        let Ok(permit) = permits.clone().try_acquire_owned() else { continue };
        let permit = Permit(Arc::new(permit));
        tracker.spawn(connection(http.clone(), router.clone(), stream, peer, permit, stop.clone()));
    }
}

async fn connection(
    http: Arc<http1::Builder>,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    stop: CancellationToken,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(permit.clone());
        router.clone().oneshot(request.map(Body::new))
    });
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let result = tokio::select! {
        biased;
        result = serving.as_mut() => result,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// A connection that ended before it was accepted says nothing of the listener.
fn is_of_one_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
