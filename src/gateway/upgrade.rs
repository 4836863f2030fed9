//! `GET /v1/socket`: how a connection becomes a socket. One that begins with the whole of a good handshake, as nearly all
//! do, becomes one at once; any other request goes through HTTP, and out of it again if it is a handshake after all.

use std::os::fd::AsRawFd;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use tokio::net::TcpStream;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::door::{Crowded, Permit, Undecided, busy};
use super::handshake::{Head as _, Refusal, read};
use super::{GatewayState, connection};
use crate::http::bearer::{bearer, bearer_of};
use crate::http::request_id::{RequestId, X_REQUEST_ID};
use crate::kit::error::Error;
use crate::telemetry::metric;

/// The address of sockets.
pub(super) const PATH: &str = "/v1/socket";

/// Says in `application/problem+json` what is wrong with a handshake. A good one does not come here: the accept loop
/// opens it, and what stands around every route is not for it.
pub async fn refused(State(gateway): State<GatewayState>, request: Request<Body>) -> Response<Body> {
    match read(&request, &gateway.settings.origins) {
        Err(refusal) => refusal.response(),
        Ok(_) if request.extensions().get::<Crowded>().is_some() => {
            metric::SOCKETS_REFUSED.add_of("handshake", 1);
            let mut response = Error::from(busy()).into_response();
            // A client that comes back later comes back anew: its place is somebody else's meanwhile.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
        Ok(_) => Refusal::new(StatusCode::UPGRADE_REQUIRED, "this connection cannot become a socket").response(),
    }
}

/// Opens a socket if the handshake is good; otherwise the request is left as it is.
pub(super) fn open<B>(gateway: &GatewayState, request: &mut Request<B>, permit: &Permit) -> Option<Response<Body>> {
    let handshake = read(request, &gateway.settings.origins).ok()?;
    let undecided = match gateway.door.handshake() {
        Ok(undecided) => undecided,
        Err(crowded) => {
            request.extensions_mut().insert(crowded);
            return None;
        }
    };
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
    let permit = permit.clone();
    let bearer = bearer(request.headers()).map(Box::from);
    let opening = Box::new(Opening { first: Bytes::new(), bearer, undecided });
    // At `debug`: what a span takes in memory is nothing for an idle socket to carry. It stands for itself: the
    // request's span ends with the handshake.
    let span = tracing::debug_span!(parent: None, "socket", request.id = Empty, connection.id = Empty, user.id = Empty);
    let mut response = handshake.response();
    if !span.is_disabled() {
        let id = RequestId::of(request.headers(), gateway.ports.now(), gateway.ports.chance());
        span.record("request.id", id.as_str());
        response.headers_mut().insert(X_REQUEST_ID, id.header());
    }
    metric::HTTP_REQUESTS.add_of("1xx", 1);
    gateway.sockets.work("socket", serve(gateway.clone(), on_upgrade, permit, opening).instrument(span));
    Some(response)
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
    // Where sockets have a span, it has the request's id, which HTTP knows of.
    if tracing::enabled!(tracing::Level::DEBUG) {
        return None;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let is_here = head.path.is_some_and(|path| path.split('?').next() == Some(PATH));
    let has_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].iter().any(|name| head.first(name).is_some());
    if !is_here || has_body {
        return None;
    }
    let answer = read(&head, &gateway.settings.origins).ok()?.bytes();
    // Where there is no place HTTP finds it so too, and says so.
    let undecided = gateway.door.handshake().ok()?;
    let bearer = bearer_of(head.values(&header::AUTHORIZATION)).map(Box::from);
    let (mut taken, fd) = ([0; HEAD_BYTES], stream.as_raw_fd());
    // The head was there a moment ago, and a new socket takes so little at once.
    let is_taken = recv(fd, &mut taken[..length], MsgFlags::MSG_DONTWAIT) == Ok(length);
    if !is_taken || send(fd, &answer, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) != Ok(answer.len()) {
        return Some(Begins::Gone);
    }
    metric::HTTP_REQUESTS.add_of("1xx", 1);
    Some(Begins::Socket(Box::new(Opening { first: Bytes::new(), bearer, undecided })))
}

/// What a socket begins with. In a box: its task keeps room for every argument for as long as it lives.
pub(super) struct Opening {
    /// What came right behind the handshake.
    pub first: Bytes,
    /// The token that the handshake brought.
    pub bearer: Option<Box<str>>,
    /// It may have to be refused yet.
    pub undecided: Option<Undecided>,
}

/// A socket's task that begins with HTTP.
async fn serve(gateway: GatewayState, on_upgrade: OnUpgrade, permit: Permit, mut opening: Box<Opening>) {
    if let Some((stream, first)) = take(on_upgrade.await) {
        opening.first = first;
        be_socket(gateway, stream, permit, opening).await;
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
