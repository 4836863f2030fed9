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
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt;

use super::GatewayState;
use super::door::Permit;
use super::upgrade::{self, Begins};

/// Bytes of a request's head at most.
const HEAD_BYTES: usize = 16 * 1024;

/// How long to wait when the system has no more file descriptors: the listener stays ready meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a connection without a request has at a stop for the last bytes that the system has not taken yet.
const LAST_BYTES: Duration = Duration::from_millis(200);

/// Serves sockets, and the router for all else, on this listener until `stop`. Then no more connections are accepted, those that wait
/// for a request or for the rest of its head are closed, and requests under way are finished. Connections are work of the gateway's crew; who stops the server
/// waits for them as long as it likes. Each request has its peer as `ConnectInfo<SocketAddr>`.
pub async fn listen(listener: TcpListener, router: Router, gateway: GatewayState, stop: CancellationToken) {
    let settings = &gateway.settings;
    // Every connection has these from its listener, without a call of its own. Without the first a lone frame could
    // wait for the last one's acknowledgement.
    let socket = SockRef::from(&listener);
    if let Err(error) = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_notsent_lowat(settings.unsent_bytes))
    {
        tracing::warn!(%error, "the listener's options cannot be set");
    }
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
        // Over bound and reserve: closed at once, which costs less than any word.
        let Some(permit) = gateway.door.place() else { continue };
        let (http, router, stop) = (http.clone(), router.clone(), stop.clone());
        let arrival = Box::new(Arrival { http, router, gateway: gateway.clone(), stream, peer, permit, stop });
        gateway.sockets.work("connection", connection(arrival));
    }
}

/// A new connection. In a box, which a socket's task lets go of: what a task is given it has room for to its end.
struct Arrival {
    http: Arc<http1::Builder>,
    router: Router,
    gateway: GatewayState,
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    stop: CancellationToken,
}

/// A connection: a socket from the beginning, or HTTP.
async fn connection(arrival: Box<Arrival>) {
    let mut begins = upgrade::begin(&arrival.gateway, &arrival.stream);
    if matches!(begins, Begins::Silent) && Box::pin(says_something(&arrival)).await {
        begins = upgrade::begin(&arrival.gateway, &arrival.stream);
    }
    match begins {
        Begins::Socket(opening) => {
            let Arrival { gateway, stream, permit, .. } = *arrival;
            if opening.span.is_disabled() {
                upgrade::be_socket(gateway, stream, permit, opening).await;
            } else {
                upgrade::be_socket_in_span(gateway, stream, permit, opening).await;
            }
        }
        Begins::Http => Box::pin(requests(*arrival)).await,
        Begins::Silent | Begins::Gone => {}
    }
}

/// Whether there is anything to read before the time for a head is over.
async fn says_something(Arrival { gateway, stream, stop, .. }: &Arrival) -> bool {
    let head_ms = Duration::from_millis(gateway.settings.head_ms);
    matches!(stop.run_until_cancelled(timeout(head_ms, stream.peek(&mut [0]))).await, Some(Ok(Ok(1))))
}

async fn requests(Arrival { http, router, gateway, stream, peer, permit, stop }: Arrival) {
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

#[cfg(test)]
mod tests {
    use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};

    use super::*;
    use crate::cluster::Lease;
    use crate::delivery::{self, Delivery};
    use crate::kit::chance::Chance;
    use crate::kit::clock::Timestamp;
    use crate::kit::supervise::Supervisor;
    use crate::room::port::{CommittedGifts, PortFuture};

    struct NoPorts(Chance);

    impl crate::presence::Rooms for NoPorts {
        fn awake(&self, _: RoomId) -> Option<crate::room::RoomHandle> {
            None
        }
    }

    impl crate::gateway::Ports for NoPorts {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn chance(&self) -> &Chance {
            &self.0
        }
        fn named(&self, _: &str) -> PortFuture<Result<crate::gateway::Named, ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
        fn sign_in(&self, _: crate::gateway::Named) -> PortFuture<Result<crate::gateway::SignedIn, ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
        fn verify_room_token(&self, _: String, _: RoomId, _: UserId) -> PortFuture<Result<(), ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
        fn wake(&self, _: RoomId) -> PortFuture<Result<crate::room::RoomHandle, ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
        fn gifts_above(&self, _: RoomId, _: i64, _: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
    }

    #[tokio::test]
    async fn a_connections_task_costs_less_than_a_kibibyte() {
        let supervisor = Supervisor::default();
        let (stop, crew) = (supervisor.stop().clone(), supervisor.another_crew());
        let delivery = Delivery::start(&delivery::Settings::default(), Lease::endless(), &supervisor);
        let announced = crate::gateway::Announced { outbox_bytes: 0, grace_ms: 0 };
        let settings = crate::gateway::Settings::default();
        let ports = NoPorts(Chance::seeded(1));
        let gateway = GatewayState::new(settings, announced, delivery, ports, &supervisor, crew);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let (stream, _) = tokio::join!(TcpStream::connect(address), listener.accept());
        let permit = gateway.door.place().expect("there is one");
        let task = connection(Box::new(Arrival {
            http: Arc::new(http1::Builder::new()),
            router: Router::new(),
            gateway,
            stream: stream.expect("it listens"),
            peer: address,
            permit,
            stop: stop.clone(),
        }));
        let bytes = std::mem::size_of_val(&task);
        println!("a connection's task has {bytes} bytes");
        assert!(bytes <= 1_024, "{bytes} bytes");
        stop.cancel();
    }
}
