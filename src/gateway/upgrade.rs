//! `GET /v1/socket`: how a connection becomes a socket. Whether it does is decided in one place, by the head of the
//! request alone. A head that comes first on its connection and whole, as nearly all do, is answered at once; any other
//! comes by HTTP, and out of it again.

use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use tokio::net::TcpStream;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::door::{Crowded, Permit, Undecided, busy};
use super::handshake::{Handshake, Head, Refusal, read};
use super::{GatewayState, connection};
use crate::http::bearer::bearer_of;
use crate::http::request_id::{RequestId, X_REQUEST_ID};
use crate::telemetry::metric;

/// The address of sockets.
pub(super) const PATH: &str = "/v1/socket";

/// Decides whether this head makes a socket, and with what it begins.
///
/// # Errors
/// Why there is none: the handshake is no good one, or there is no place.
fn admit(gateway: &GatewayState, head: &impl Head) -> Result<(Handshake, Box<Opening>), Refusal> {
    let mut handshake = read(head, &gateway.settings.origins)?;
    let undecided = gateway.door.handshake().map_err(|Crowded| Refusal::busy(busy()))?;
    let bearer = bearer_of(head.values(&header::AUTHORIZATION)).map(Box::from);
    // At `debug`: what a span takes in memory is nothing for an idle socket to carry. It stands for itself: the
    // request's span ends with the handshake.
    let span = tracing::debug_span!(parent: None, "socket", request.id = Empty, connection.id = Empty, user.id = Empty);
    if !span.is_disabled() {
        let id = RequestId::of(head.values(&X_REQUEST_ID).next(), gateway.ports.now(), gateway.ports.chance());
        span.record("request.id", id.as_str());
        handshake.request = Some(id);
    }
    Ok((handshake, Box::new(Opening { first: Bytes::new(), bearer, undecided, span })))
}

/// Says in `application/problem+json` why a request made no socket. One that did does not come here: what stands
/// around every route is not for it.
pub async fn refused(mut request: Request<Body>) -> Response<Body> {
    let refusal = request.extensions_mut().remove::<Refusal>();
    let not_here = || Refusal::new(StatusCode::UPGRADE_REQUIRED, "this connection cannot become a socket");
    refusal.unwrap_or_else(not_here).response()
}

/// Opens a socket out of HTTP; otherwise the request goes on, and says why there is none.
pub(super) fn open<B>(gateway: &GatewayState, request: &mut Request<B>, permit: &Permit) -> Option<Response<Body>> {
    let (handshake, opening) = match admit(gateway, request) {
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
    gateway.sockets.work("socket", serve(gateway.clone(), on_upgrade, permit.clone(), opening));
    Some(handshake.response())
}

/// Bytes of a handshake that is answered at once.
const HEAD_BYTES: usize = 4 * 1024;

/// Headers of one.
const HEADERS: usize = 32;

/// What a new connection begins with.
pub(super) enum Begins {
    /// With a socket.
    Socket(Box<Opening>),
    /// With something else, or a part of something: HTTP sees to it. Nothing of it has been taken.
    Http,
    /// With nothing yet.
    Silent,
    /// With a handshake whose answer it did not take: it is gone, or as good as that.
    Gone,
}

/// Looks at what a new connection begins with. A good handshake is answered.
pub(super) fn begin(gateway: &GatewayState, stream: &TcpStream) -> Begins {
    let mut bytes = [0; HEAD_BYTES];
    match recv(stream.as_raw_fd(), &mut bytes, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT) {
        Ok(0) => Begins::Http,
        Ok(there) => at_once(gateway, stream, &bytes[..there]).unwrap_or(Begins::Http),
        Err(Errno::EAGAIN) => Begins::Silent,
        Err(_) => Begins::Http,
    }
}

/// `None`: nothing of it has been taken.
fn at_once(gateway: &GatewayState, stream: &TcpStream, bytes: &[u8]) -> Option<Begins> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let is_here = head.path.is_some_and(|path| path.split('?').next() == Some(PATH));
    let has_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].iter().any(|name| head.first(name).is_some());
    if !is_here || has_body {
        return None;
    }
    // Where there is no socket HTTP finds it so too, and says why.
    let (handshake, opening) = admit(gateway, &head).ok()?;
    let answer = handshake.bytes();
    let (mut taken, fd) = ([0; HEAD_BYTES], stream.as_raw_fd());
    // The head was there a moment ago, and a new socket takes so little at once.
    let is_taken = recv(fd, &mut taken[..length], MsgFlags::MSG_DONTWAIT) == Ok(length);
    if !is_taken || send(fd, &answer, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) != Ok(answer.len()) {
        return Some(Begins::Gone);
    }
    metric::HTTP_REQUESTS.add_of("1xx", 1);
    Some(Begins::Socket(opening))
}

/// What a socket begins with. In a box: its task keeps room for every argument for as long as it lives.
pub(super) struct Opening {
    /// What came right behind the handshake.
    pub first: Bytes,
    /// The token that the handshake brought.
    pub bearer: Option<Box<str>>,
    /// It may have to be refused yet.
    pub undecided: Option<Undecided>,
    /// The span of the socket, from the handshake to its end.
    pub span: Span,
}

/// A socket's task that begins with HTTP.
async fn serve(gateway: GatewayState, on_upgrade: OnUpgrade, permit: Permit, mut opening: Box<Opening>) {
    if let Some((stream, first)) = take(on_upgrade.await) {
        opening.first = first;
        be_socket_in_span(gateway, stream, permit, opening).await;
    }
}

/// The socket itself, to its end.
pub(super) fn be_socket(
    gateway: GatewayState,
    stream: TcpStream,
    permit: Permit,
    opening: Box<Opening>,
) -> impl Future<Output = ()> + Send {
    metric::SOCKETS_OPENED.add(1);
    connection::serve(gateway, Arc::new(stream), opening, (permit, metric::SOCKETS.hold()))
}

/// The same in its span, if it has one. In a box: the task of a socket without one keeps no room for it.
pub(super) fn be_socket_in_span(
    gateway: GatewayState,
    stream: TcpStream,
    permit: Permit,
    mut opening: Box<Opening>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let span = std::mem::replace(&mut opening.span, Span::none());
    Box::pin(be_socket(gateway, stream, permit, opening).instrument(span))
}

/// The TCP stream out of HTTP, with the bytes that came right behind the handshake.
fn take(upgraded: hyper::Result<Upgraded>) -> Option<(TcpStream, Bytes)> {
    match upgraded.map(Upgraded::downcast::<TokioIo<TcpStream>>) {
        Ok(Ok(parts)) => Some((parts.io.into_inner(), parts.read_buf)),
        Ok(Err(_)) => {
            tracing::error!("a socket was served by another listener than the gateway's");
            None
        }
        Err(error) => {
            tracing::debug!(%error, "a client left during its handshake");
            None
        }
    }
}
