//! `GET /v1/socket`: the handshake of RFC 6455, section 4.2, and the way out of HTTP.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use parlor_protocol::{ErrorBody, ErrorCode, SUBPROTOCOL};
use sha1::{Digest, Sha1};
use tokio::net::TcpStream;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::listen::Permit;
use super::{GatewayState, connection};
use crate::error::Error;
use crate::http::request_id::{RequestId, X_REQUEST_ID};
use crate::http::user::bearer;
use crate::telemetry::metric;

/// What the server adds to the client's key (RFC 6455, section 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The address of sockets.
pub(super) const PATH: &str = "/v1/socket";

/// Says in `application/problem+json` what is wrong with a handshake. A good one does not come here: the accept loop
/// opens it, and what stands around every route is not for it.
pub async fn refused(State(gateway): State<GatewayState>, request: Request<Body>) -> Response<Body> {
    let refusal = read(&request, &gateway.settings.origins).err();
    let no_upgrade = || Refusal::new(StatusCode::UPGRADE_REQUIRED, "this connection cannot become a socket");
    refusal.unwrap_or_else(no_upgrade).response()
}

/// Opens a socket if the handshake is good; otherwise the request is left as it is.
pub(super) fn open<B>(gateway: &GatewayState, request: &mut Request<B>, permit: &Permit) -> Option<Response<Body>> {
    let handshake = read(request, &gateway.settings.origins).ok()?;
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
    let permit = permit.clone();
    let bearer = bearer(request.headers()).map(Box::from);
    let opening = Box::new(Opening { first: Bytes::new(), bearer });
    // At `debug`: what a span takes in memory is nothing for an idle socket to carry. It stands for itself: the
    // request's span ends with the handshake.
    let span = tracing::debug_span!(parent: None, "socket", request.id = Empty, connection.id = Empty, user.id = Empty);
    let mut response = handshake.response();
    if !span.is_disabled() {
        let id = RequestId::of(request.headers());
        span.record("request.id", id.as_str());
        response.headers_mut().insert(X_REQUEST_ID, id.header());
    }
    metric::HTTP_REQUESTS.add_of("1xx", 1);
    gateway.tracker.spawn(serve(gateway.clone(), on_upgrade, permit, opening).instrument(span));
    Some(response)
}

/// What a socket begins with. In a box: its task keeps room for every argument for as long as it lives.
pub(super) struct Opening {
    /// What came right behind the handshake.
    pub first: Bytes,
    /// The token that the handshake brought.
    pub bearer: Option<Box<str>>,
}

/// A socket's task, from the end of its handshake to its own.
async fn serve(gateway: GatewayState, on_upgrade: OnUpgrade, permit: Permit, mut opening: Box<Opening>) {
    if let Some((stream, first)) = take(on_upgrade.await) {
        opening.first = first;
        metric::SOCKETS_OPENED.add(1);
        let _open = metric::SOCKETS.hold();
        connection::serve(gateway, stream, opening).await;
    }
    drop(permit);
}

/// The TCP stream out of HTTP, with the bytes that came right behind the handshake.
fn take(upgraded: hyper::Result<Upgraded>) -> Option<(Arc<TcpStream>, Bytes)> {
    match upgraded.map(Upgraded::downcast::<TokioIo<TcpStream>>) {
        Ok(Ok(parts)) => {
            let stream = parts.io.into_inner();
            // Without it a lone frame could wait for the last one's acknowledgement; a socket that
            // refuses it is dead, and shows so at the first read.
            let _ = stream.set_nodelay(true);
            Some((Arc::new(stream), parts.read_buf))
        }
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

/// A good handshake.
struct Handshake {
    accept: HeaderValue,
    subprotocol: bool,
}

impl Handshake {
    fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        if self.subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        }
        response
    }
}

/// Why there is no socket.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    body: Box<ErrorBody>,
}

impl Refusal {
    fn new(status: StatusCode, message: &str) -> Self {
        let code = if status == StatusCode::FORBIDDEN { ErrorCode::Forbidden } else { ErrorCode::BadRequest };
        Self { status, body: Box::new(ErrorBody::new(code).message(message)) }
    }

    fn response(self) -> Response<Body> {
        let mut response = Error::from(*self.body).into_response();
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }
}

fn read<B>(request: &Request<B>, origins: &[String]) -> Result<Handshake, Refusal> {
    let headers = request.headers();
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "a socket is opened with GET over HTTP/1.1"));
    }
    if !has_token(headers, &header::UPGRADE, "websocket") {
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, "this address is a WebSocket: Upgrade: websocket"));
    }
    if !has_token(headers, &header::CONNECTION, "upgrade") {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Connection: Upgrade is missing"));
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, "Sec-WebSocket-Version has to be 13"));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let Some(key) = key.filter(|key| BASE64.decode(key).is_ok_and(|key| key.len() == 16)) else {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key has to be 16 bytes in base64"));
    };
    if !origin_is_let_in(headers, origins) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "sockets are not open to pages of this origin: gateway.origins names those that may",
        ));
    }
    let subprotocol = headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL);
    if subprotocol && !tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == SUBPROTOCOL) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "the subprotocol of this server is parlor.v1.json"));
    }
    let accept = BASE64.encode(Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize());
    let accept = HeaderValue::from_str(&accept).expect("base64 is a good header value");
    Ok(Handshake { accept, subprotocol })
}

/// The comma-separated tokens of a header that may stand several times.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

/// A page of another site must not open sockets with what the browser knows of the user. No `Origin`: no
/// browser.
fn origin_is_let_in(headers: &HeaderMap, origins: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if !origins.is_empty() {
        return origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.split_once("://").is_some_and(|(_, authority)| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)))
}

#[cfg(test)]
mod tests {
    use parlor_protocol::{RoomId, UserId};
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::delivery::{self, Delivery};
    use crate::room::port::{CommittedGifts, PortFuture};

    fn request(change: &[(&str, Option<&str>)]) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        for (name, value) in [
            ("host", "parlor.example"),
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in change {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a good name");
            request.headers_mut().remove(&name);
            if let Some(value) = value {
                request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a good value"));
            }
        }
        request
    }

    struct NoPorts;

    impl crate::gateway::Ports for NoPorts {
        fn named(&self, _: &str) -> PortFuture<Result<crate::gateway::Named, ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
        fn sign_in(&self, _: crate::gateway::Named) -> PortFuture<Result<crate::gateway::SignedIn, ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
        fn verify_room_token(&self, _: String, _: RoomId, _: UserId) -> PortFuture<Result<(), ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
        fn awake(&self, _: RoomId) -> Option<crate::room::RoomHandle> {
            None
        }
        fn wake(&self, _: RoomId) -> PortFuture<Result<crate::room::RoomHandle, ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
        fn gifts_above(&self, _: RoomId, _: i64, _: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>> {
            Box::pin(async { Err(ErrorCode::Internal.into()) })
        }
    }

    #[tokio::test]
    async fn a_sockets_task_costs_less_than_a_kibibyte() {
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let delivery = Delivery::start(&delivery::Settings::default(), stop.clone(), &tracker);
        let announced = crate::gateway::Announced { outbox_bytes: 0, grace_ms: 0 };
        let settings = crate::gateway::Settings::default();
        let gateway = GatewayState::new(settings, announced, delivery, NoPorts, stop.clone(), tracker);
        let task = serve(
            gateway,
            hyper::upgrade::on(Request::new(())),
            Permit::alone(),
            Box::new(Opening { first: Bytes::new(), bearer: None }),
        );
        let bytes = std::mem::size_of_val(&task);
        println!("a socket's task has {bytes} bytes");
        assert!(bytes <= 1_024, "{bytes} bytes");
        stop.cancel();
    }

    #[test]
    fn the_sample_of_the_rfc_is_accepted_as_the_rfc_says() {
        let handshake = read(&request(&[]), &[]).expect("good");
        assert_eq!(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!handshake.subprotocol);
        let offered = [("sec-websocket-protocol", Some("soap, parlor.v1.json"))];
        assert!(read(&request(&offered), &[]).expect("good").subprotocol);
    }

    #[test]
    fn what_is_no_good_handshake_is_refused() {
        for (name, value, status) in [
            ("upgrade", None, 426),
            ("upgrade", Some("h2c"), 426),
            ("connection", Some("keep-alive"), 400),
            ("sec-websocket-version", Some("8"), 426),
            ("sec-websocket-version", None, 426),
            ("sec-websocket-key", None, 400),
            ("sec-websocket-key", Some("c2hvcnQ="), 400),
            ("sec-websocket-protocol", Some("soap"), 400),
            ("origin", Some("https://evil.example"), 403),
            ("origin", Some("null"), 403),
        ] {
            let refusal = read(&request(&[(name, value)]), &[]).err().expect("refused");
            assert_eq!(refusal.status.as_u16(), status, "{name}: {value:?}");
            let response = refusal.response();
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.headers().contains_key("sec-websocket-version"), status == 426);
        }
    }

    #[test]
    fn without_a_list_only_the_servers_own_pages_open_sockets() {
        let own = [("origin", Some("https://Parlor.example"))];
        assert!(read(&request(&own), &[]).is_ok());
        let listed = ["https://app.example".to_owned()];
        assert!(read(&request(&own), &listed).is_err());
        assert!(read(&request(&[("origin", Some("https://app.example"))]), &listed).is_ok());
    }
}
