//! The accept loop: HTTP/1.1 over TCP, with a bound on connections, a deadline for each head, and a way
//! out of HTTP for sockets.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use bytes::Bytes;
use futures_util::TryFutureExt;
use futures_util::future::{Either, ready};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt;

use super::{GatewayState, upgrade};

/// Bytes of a request's head at most.
const HEAD_BYTES: usize = 16 * 1024;

/// How long to wait when the system has no more file descriptors: the listener stays ready meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a connection without a request has at a stop for the last bytes that the system has not taken yet.
const LAST_BYTES: Duration = Duration::from_millis(200);

/// A place under `max_connections`; a socket takes it along.
#[derive(Clone, Debug)]
pub(super) struct Permit(#[allow(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

#[cfg(test)]
impl Permit {
    pub(super) fn alone() -> Self {
        let one = Arc::new(Semaphore::new(1));
        Self(Arc::new(one.try_acquire_owned().expect("there is one")))
    }
}

/// Serves sockets, and the router for all else, on this listener until `stop`. Then no more connections are accepted, those that wait
/// for a request or for the rest of its head are closed, and requests under way are finished. Connections are tasks of the tracker; who stops the server
/// waits for them as long as it likes. Each request has its peer as `ConnectInfo<SocketAddr>`.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    gateway: &GatewayState,
    stop: CancellationToken,
    tracker: &TaskTracker,
) {
    let settings = &gateway.settings;
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
        tracker.spawn(connection(http.clone(), router.clone(), gateway.clone(), stream, peer, permit, stop.clone()));
    }
}

async fn connection(
    http: Arc<http1::Builder>,
    router: Router,
    gateway: GatewayState,
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    stop: CancellationToken,
) {
    let requests = TaskTracker::new();
    let under_way = requests.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let token = under_way.token();
        let opened = (request.uri().path() == upgrade::PATH).then(|| upgrade::open(&gateway, &mut request, &permit));
        let answer = match opened.flatten() {
            Some(response) => Either::Left(ready(Ok(response))),
            None => {
                request.extensions_mut().insert(ConnectInfo(peer));
                Either::Right(router.clone().oneshot(request.map(Body::new)))
            }
        };
        answer.map_ok(|response| response.map(|body| Body::new(UnderWay { body, _token: token })))
    });
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let result = tokio::select! {
        biased;
        result = serving.as_mut() => result,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            // Hyper waits for a head that has begun; a stopping server does not.
            requests.close();
            let without_request = async {
                requests.wait().await;
                tokio::time::sleep(LAST_BYTES).await;
            };
            tokio::select! {
                biased;
                result = serving => result,
                () = without_request => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// A response's body; while it lives, its request is under way.
struct UnderWay {
    body: Body,
    _token: TaskTrackerToken,
}

impl hyper::body::Body for UnderWay {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that ended before it was accepted says nothing of the listener.
fn is_of_one_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
