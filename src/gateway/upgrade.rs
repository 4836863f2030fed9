//! `GET /v1/socket`: how a connection becomes a socket. Whether it does is decided in one place ([`admit`]), by the head
//! of the request alone. There are two entries to it, and neither can go.
//!
//! - **At once**: a head that comes first on its connection and whole, as nearly all do, is answered before HTTP is set
//!   up. Without this entry each socket would begin with a connection of HTTP, with its buffers, its body and a second
//!   task to take the stream out of it, which the joins of a crowd pay for (docs/performance.md, Sockets and joins).
//! - **Out of HTTP**: the connections of a proxy have served other requests before, and a slow network brings a head in
//!   parts. Only a reader of HTTP that keeps what it has read can take those, and to write a second one here would be a
//!   second parser with its own mistakes. It is also what says in HTTP why there is no socket.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::future::Either;
use hyper::upgrade::{OnUpgrade, Upgraded};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::door::{Crowded, Permit, Undecided, busy};
use super::handshake::{Handshake, Head, Refusal, read};
use super::progress::Watched;
use super::{GatewayState, connection};
use crate::http::bearer::bearer_of;
use crate::http::proxy;
use crate::http::request_id::{RequestId, X_REQUEST_ID};
use crate::kit::limit::holder;
use crate::telemetry::metric;

/// The path at which sockets are opened.
pub(super) const PATH: &str = "/v1/socket";

/// Decides whether a request with this head becomes a socket. Returns the answer, and what the socket begins with.
///
/// # Errors
/// The refusal, if the handshake is not valid or there is no place.
fn admit(
    gateway: &GatewayState,
    head: &impl Head,
    peer: SocketAddr,
    permit: &Permit,
) -> Result<(Handshake, Box<Opening>), Refusal> {
    let mut handshake = read(head, &gateway.settings.origins)?;
    let busy = |Crowded| Refusal::busy(busy());
    let undecided = gateway.door.handshake(permit).map_err(busy)?;
    let permit = of_client(gateway, head, peer, permit).map_err(busy)?;
    let bearer = bearer_of(head.values(&header::AUTHORIZATION)).map(Box::from);
    // The span is at level `debug`, so that an idle socket does not normally pay for its memory. It has no parent,
    // because the span of the request ends with the handshake.
    let span = tracing::debug_span!(parent: None, "socket", request.id = Empty, connection.id = Empty, user.id = Empty);
    if !span.is_disabled() {
        let id = RequestId::of(head.values(&X_REQUEST_ID).next(), gateway.ports.now(), gateway.ports.chance());
        span.record("request.id", id.as_str());
        handshake.request = Some(id);
    }
    Ok((handshake, Box::new(Opening { first: Bytes::new(), bearer, permit, undecided, span })))
}

/// The place of a new socket: that of its connection, or if it comes by a trusted proxy, one of its client's address.
fn of_client(gateway: &GatewayState, head: &impl Head, peer: SocketAddr, permit: &Permit) -> Result<Permit, Crowded> {
    const FORWARDED: [HeaderName; 2] = [HeaderName::from_static("x-forwarded-for"), header::FORWARDED];
    if !permit.is_proxied() {
        return Ok(permit.clone());
    }
    let mut headers = HeaderMap::new();
    for name in FORWARDED {
        for value in head.values(&name).filter_map(|value| HeaderValue::from_bytes(value).ok()) {
            headers.append(name.clone(), value);
        }
    }
    let client = proxy::client(peer.ip().to_canonical(), &headers, &gateway.proxies);
    if gateway.is_proxy(client) {
        return Ok(permit.clone());
    }
    gateway.door.arrive_proxied(holder(client), Instant::now())
}

/// The handler of `/v1/socket`: answers with the refusal of a handshake as `application/problem+json`. A request that
/// became a socket does not reach the router.
pub async fn refused(mut request: Request<Body>) -> Response<Body> {
    let refusal = request.extensions_mut().remove::<Refusal>();
    let not_here = || Refusal::new(StatusCode::UPGRADE_REQUIRED, "this connection cannot become a socket");
    refusal.unwrap_or_else(not_here).response()
}

/// Opens a socket from an HTTP request, and returns the answer. `None` if it is refused: then the request carries the
/// refusal and goes on to [`refused`].
pub(super) fn open<B>(
    gateway: &GatewayState,
    request: &mut Request<B>,
    peer: SocketAddr,
    permit: &Permit,
) -> Option<Response<Body>> {
    let (handshake, opening) = match admit(gateway, request, peer, permit) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            if refusal.is_busy() {
                metric::SOCKETS_REFUSED.add_of("handshake", 1);
            }
            request.extensions_mut().insert(refusal);
            return None;
        }
    };
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
    metric::HTTP_REQUESTS.add_of("1xx", 1);
    gateway.sockets.work("socket", serve(gateway.clone(), on_upgrade, opening));
    Some(handshake.response())
}

/// The most bytes of a handshake that is answered directly.
const HEAD_BYTES: usize = 4 * 1024;

/// The most headers of such a handshake.
const HEADERS: usize = 32;

/// How a new connection begins.
pub(super) enum Begins {
    /// With a handshake that was accepted.
    Socket(Box<Opening>),
    /// With something else, or with an incomplete head. Nothing was read, so that HTTP can serve it.
    Http,
    /// With nothing so far.
    Silent,
    /// With a handshake whose answer could not be written at once: the peer is gone, or does not read.
    Gone,
}

/// Looks at how a new connection begins, and answers a handshake that is accepted.
pub(super) fn begin(gateway: &GatewayState, stream: &TcpStream, peer: SocketAddr, permit: &Permit) -> Begins {
    let mut bytes = [0; HEAD_BYTES];
    match recv(stream.as_raw_fd(), &mut bytes, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) {
        Ok(0) => Begins::Http,
        Ok(there) => at_once(gateway, stream, &bytes[..there], peer, permit).unwrap_or(Begins::Http),
        Err(Errno::EAGAIN) => Begins::Silent,
        Err(_) => Begins::Http,
    }
}

/// Answers a handshake in these bytes, which were not taken from the stream yet. `None` if there is none that is
/// accepted; then nothing was taken.
fn at_once(
    gateway: &GatewayState,
    stream: &TcpStream,
    bytes: &[u8],
    peer: SocketAddr,
    permit: &Permit,
) -> Option<Begins> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let is_here = head.path.is_some_and(|path| path.split('?').next() == Some(PATH));
    let has_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].iter().any(|name| head.first(name).is_some());
    if !is_here || has_body {
        return None;
    }
    // A handshake that is refused here is refused by HTTP as well, which answers it.
    let (handshake, opening) = admit(gateway, &head, peer, permit).ok()?;
    let answer = handshake.bytes();
    let (mut taken, fd) = ([0; HEAD_BYTES], stream.as_raw_fd());
    // The head was in the receive buffer a moment ago, and a new socket's send buffer takes the short answer.
    let is_taken = recv(fd, &mut taken[..length], MsgFlags::MSG_DONTWAIT) == Ok(length);
    if !is_taken || send(fd, &answer, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) != Ok(answer.len()) {
        return Some(Begins::Gone);
    }
    metric::HTTP_REQUESTS.add_of("1xx", 1);
    Some(Begins::Socket(opening))
}

/// What a socket begins with. It is boxed because the arguments of a task take up room until it ends.
pub(super) struct Opening {
    /// The bytes that came right after the handshake.
    pub first: Bytes,
    /// The token that the handshake brought.
    pub bearer: Option<Box<str>>,
    /// Its place among the strangers, until it is connected.
    pub permit: Permit,
    /// Set if the socket may still be refused because the node is overloaded.
    pub undecided: Option<Undecided>,
    /// The span of the socket, from the handshake to its end.
    pub span: Span,
}

/// The task of a socket that was opened through HTTP.
async fn serve(gateway: GatewayState, on_upgrade: OnUpgrade, mut opening: Box<Opening>) {
    if let Some((stream, first)) = take(on_upgrade.await) {
        opening.first = first;
        be_socket(gateway, stream, opening).await;
    }
}

/// The socket itself, to its end, in its span if it has one. Not an `async fn`, whose future would keep room for the
/// arguments beside the socket's; and with a span in a box, so that the task of a socket without one has no room for it.
pub(super) fn be_socket(
    gateway: GatewayState,
    stream: TcpStream,
    mut opening: Box<Opening>,
) -> impl Future<Output = ()> + Send {
    metric::SOCKETS_OPENED.add(1);
    let span = std::mem::replace(&mut opening.span, Span::none());
    let socket = connection::serve(gateway, Arc::new(stream), opening, metric::SOCKETS.hold());
    if span.is_disabled() { Either::Left(socket) } else { Either::Right(Box::pin(socket.instrument(span))) }
}

/// The TCP stream that HTTP has given up, with the bytes that came right after the handshake.
fn take(upgraded: hyper::Result<Upgraded>) -> Option<(TcpStream, Bytes)> {
    match upgraded.map(Upgraded::downcast::<Watched>) {
        Ok(Ok(parts)) => Some((parts.io.into_stream(), parts.read_buf)),
        Ok(Err(_)) => {
            tracing::error!("an upgraded connection is not a TCP stream of the gateway's listener");
            None
        }
        Err(error) => {
            tracing::debug!(%error, "a client left during its handshake");
            None
        }
    }
}
