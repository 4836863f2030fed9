//! The accept loop: HTTP/1.1 over TCP, with a place for each connection and a deadline for whatever is awaited of its
//! peer. Connections that open a socket leave HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, header};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{Either, ready};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt;

use super::GatewayState;
use super::door::Permit;
use super::handshake::Refusal;
use super::progress::{Answering, Times, Watched};
use super::upgrade::{self, Begins};
use crate::kit::budget::{Price, nanos};
use crate::kit::limit::holder;

/// The most bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;

/// The wait after the system refused to accept, as when it has no more file descriptors. The listener stays ready
/// meanwhile, so without a wait the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The pause between two looks whether connections that have lost their places have ended.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// After so many looks the next connection is accepted in any case.
const MOST_LOOKS: u32 = 100;

/// The time that a connection on the porch has for the head of its request, and for the progress of the answer.
const PORCH_TIME: Duration = Duration::from_secs(1);

/// What a connection on the porch may ask for: whether the server is well must be known above all when it is crowded.
const OF_HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// The time that a connection without a request gets at a stop to write its last bytes.
const LAST_BYTES: Duration = Duration::from_millis(200);

/// Serves sockets, and all other requests by the router, on this listener until `stop`. Then no more connections are
/// accepted, connections that wait for a request or for the rest of its head are closed, and requests that are under
/// way are finished. Connections are work of the gateway's crew, so whoever stops the server can wait for them. Each
/// request has its peer's address as `ConnectInfo<SocketAddr>`.
pub async fn listen(listener: TcpListener, router: Router, gateway: GatewayState, stop: CancellationToken) {
    let settings = &gateway.settings;
    // Every connection inherits these options from the listener, which saves a system call each. Without TCP_NODELAY a
    // single frame could wait until the one before is acknowledged.
    let socket = SockRef::from(&listener);
    if let Err(error) = socket.set_tcp_nodelay(true).and_then(|()| socket.set_tcp_notsent_lowat(settings.unsent_bytes))
    {
        tracing::warn!(%error, "the TCP options of the listener could not be set");
    }
    // The system itself gives up a peer that acknowledges nothing for so long, also after the server has let go of it.
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_user_timeout(Some(Duration::from_millis(settings.silence_ms))) {
        tracing::warn!(%error, "the time for unacknowledged bytes could not be set");
    }
    let mut http = http1::Builder::new();
    // `Watched` keeps the times.
    http.header_read_timeout(None).max_buf_size(HEAD_BYTES);
    let http = Arc::new(http);
    loop {
        room_for_one(&gateway).await;
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_peer(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let address = peer.ip().to_canonical();
        let address = (!gateway.is_proxy(address)).then(|| holder(address));
        let Some(permit) = gateway.door.arrive(address, Instant::now()) else { continue };
        let (http, router, stop) = (http.clone(), router.clone(), stop.clone());
        let arrival = Box::new(Arrival { http, router, gateway: gateway.clone(), stream, peer, permit, stop });
        gateway.sockets.work("connection", connection(arrival));
    }
}

/// Waits while more connections are open than have places. The others are about to end: whoever connects in a burst is
/// accepted faster than the tasks run that have lost their places.
async fn room_for_one(gateway: &GatewayState) {
    for _ in 0..MOST_LOOKS {
        if gateway.sockets.under_way() <= gateway.door.all_places() {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A new connection. It is boxed so that a socket's task can free it: the arguments of a task take up room until it
/// ends.
struct Arrival {
    http: Arc<http1::Builder>,
    router: Router,
    gateway: GatewayState,
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    stop: CancellationToken,
}

impl Arrival {
    /// What a socket goes on with. Everything else is freed, its place among the strangers included, which the socket
    /// has in what it was opened with.
    #[expect(
        clippy::boxed_local,
        reason = "a box that is emptied where the task waits would be freed at the task's end"
    )]
    fn of_socket(self: Box<Self>) -> (GatewayState, TcpStream) {
        (self.gateway, self.stream)
    }
}

/// Serves a connection, as a socket if it begins with a handshake, and otherwise as HTTP.
async fn connection(arrival: Box<Arrival>) {
    let mut begins = upgrade::begin(&arrival.gateway, &arrival.stream, arrival.peer, &arrival.permit);
    if matches!(begins, Begins::Silent) && Box::pin(says_something(&arrival)).await {
        begins = upgrade::begin(&arrival.gateway, &arrival.stream, arrival.peer, &arrival.permit);
    }
    match begins {
        Begins::Socket(opening) => {
            let (gateway, stream) = arrival.of_socket();
            upgrade::be_socket(gateway, stream, opening).await;
        }
        Begins::Http => Box::pin(requests(*arrival)).await,
        Begins::Silent | Begins::Gone => {}
    }
}

/// The times of a connection.
fn times(gateway: &GatewayState, permit: &Permit) -> Times {
    if permit.is_on_porch() {
        return Times { head: PORCH_TIME, idle: PORCH_TIME, write: PORCH_TIME };
    }
    let settings = &gateway.settings;
    let ms = Duration::from_millis;
    Times { head: ms(settings.head_ms), idle: ms(settings.keep_alive_ms), write: ms(settings.write_ms) }
}

/// Waits until there is something to read. `false` if nothing comes within the time for a head, or if the connection
/// has lost its place.
async fn says_something(Arrival { gateway, stream, permit, stop, .. }: &Arrival) -> bool {
    let mut first = [0];
    let says = timeout(times(gateway, permit).head, stream.peek(&mut first));
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        said = says => matches!(said, Ok(Ok(1))),
        () = permit.out() => false,
    }
}

/// Serves HTTP requests on a connection until it ends, or has lost its place.
async fn requests(Arrival { http, router, gateway, stream, peer, permit, stop }: Arrival) {
    let requests = TaskTracker::new();
    let (under_way, place, answering) = (requests.clone(), permit.clone(), Answering::default());
    let stream = Watched::new(stream, times(&gateway, &permit), answering.clone(), Instant::now());
    let service = service_fn(move |mut request: Request<Incoming>| {
        answering.begin();
        permit.is_busy(true);
        let under_way = UnderWayFor { answering: answering.clone(), permit: permit.clone(), _token: under_way.token() };
        let path = request.uri().path();
        let waits = if permit.is_on_porch() && !OF_HEALTH.contains(&path) && path != upgrade::PATH {
            Err(Refusal::busy(super::door::busy()).response())
        } else {
            Ok(excess(&gateway, &permit))
        };
        let opened = (path == upgrade::PATH).then(|| upgrade::open(&gateway, &mut request, peer, &permit));
        let answer = match (waits, opened.flatten()) {
            (Err(refusal), _) => Either::Left(ready(refusal)),
            (Ok(_), Some(response)) => Either::Left(ready(response)),
            (Ok(wait), None) => {
                request.extensions_mut().insert(ConnectInfo(peer));
                let router = router.clone();
                Either::Right(async move {
                    if wait > Duration::ZERO {
                        tokio::time::sleep(wait).await;
                    }
                    let Ok(answer) = router.oneshot(request.map(Body::new)).await;
                    answer
                })
            }
        };
        let on_porch = permit.is_on_porch();
        answer.map(move |mut response| {
            if on_porch {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| Body::new(UnderWay { body, _for: under_way })))
        })
    });
    let mut serving = pin!(http.serve_connection(stream, service).with_upgrades());
    let result = tokio::select! {
        biased;
        result = serving.as_mut() => result,
        () = place.out() => {
            tracing::trace!("a connection has lost its place");
            return;
        }
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            // Hyper would wait for the rest of a head that has begun. A stopping server does not.
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

/// How long a request has to wait because its address asks too often.
fn excess(gateway: &GatewayState, permit: &Permit) -> Duration {
    let now = nanos(gateway.began, Instant::now());
    let wait = permit.requests().map_or(0, |spent| spent.take(1, Price::of(gateway.settings.requests), now));
    Duration::from_nanos(wait)
}

/// While it lives, a request counts as under way.
struct UnderWayFor {
    answering: Answering,
    permit: Permit,
    _token: TaskTrackerToken,
}

impl Drop for UnderWayFor {
    fn drop(&mut self) {
        self.permit.is_busy(false);
        self.answering.end();
    }
}

/// The body of a response. While it lives, its request counts as under way.
struct UnderWay {
    body: Body,
    _for: UnderWayFor,
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

/// Whether the error concerns one connection only, which ended before it was accepted.
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
    async fn the_task_of_a_connection_takes_at_most_a_kibibyte() {
        let supervisor = Supervisor::default();
        let (stop, crew) = (supervisor.stop().clone(), supervisor.another_crew());
        let delivery = Delivery::start(&delivery::Settings::default(), Lease::endless(), &supervisor);
        let announced = crate::gateway::Announced { outbox_bytes: 0, grace_ms: 0 };
        let settings = crate::gateway::Settings::default();
        let ports = NoPorts(Chance::seeded(1));
        let gateway = GatewayState::new(
            settings,
            announced,
            delivery,
            ports,
            crate::gateway::Surroundings::default(),
            &supervisor,
            crew,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let (stream, _) = tokio::join!(TcpStream::connect(address), listener.accept());
        let permit = gateway.door.arrive(None, Instant::now()).expect("there is one");
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
