//! The WebSocket handshake (RFC 6455, section 4.2): which ones are accepted, and why others are refused. It is read in
//! the same way from a parsed HTTP request and from the bytes of a request's head.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use parlor_protocol::{ErrorBody, ErrorCode, SUBPROTOCOL};
use sha1::{Digest, Sha1};

use crate::http::Origin;
use crate::http::request_id::{RequestId, X_REQUEST_ID};
use crate::kit::error::Error;

/// The text that the server appends to the client's key (RFC 6455, section 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The head of a request.
pub(super) trait Head {
    /// Whether it is `GET` over HTTP/1.1.
    fn is_get(&self) -> bool;

    /// All values of this header.
    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// The first value of this header, if it is text.
    fn first<'a>(&'a self, name: &'a HeaderName) -> Option<&'a str> {
        self.values(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }
}

impl<B> Head for Request<B> {
    fn is_get(&self) -> bool {
        self.method() == Method::GET && self.version() == Version::HTTP_11
    }

    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.headers().get_all(name).iter().map(HeaderValue::as_bytes)
    }
}

impl Head for httparse::Request<'_, '_> {
    fn is_get(&self) -> bool {
        self.method == Some("GET") && self.version == Some(1)
    }

    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let of_name = |header: &&httparse::Header<'a>| header.name.eq_ignore_ascii_case(name.as_str());
        self.headers.iter().filter(of_name).map(|header| header.value)
    }
}

/// A handshake that is accepted.
#[derive(Debug)]
pub(super) struct Handshake {
    accept: HeaderValue,
    subprotocol: bool,
    /// The request's id for the answer; `None` if the socket has no span in the log.
    pub request: Option<RequestId>,
}

impl Handshake {
    /// The headers of the answer.
    fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let always = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, self.accept.clone()),
        ];
        let subprotocol = (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let request = self.request.as_ref().map(|id| (X_REQUEST_ID, id.header()));
        always.into_iter().chain(self.subprotocol.then_some(subprotocol)).chain(request)
    }

    /// The answer as bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        for (name, value) in self.headers() {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// The answer as an HTTP response.
    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().extend(self.headers());
        response
    }
}

/// The refusal of a handshake.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Box<ErrorBody>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: &str) -> Self {
        let code = if status == StatusCode::FORBIDDEN { ErrorCode::Forbidden } else { ErrorCode::BadRequest };
        Self { status, body: Box::new(ErrorBody::new(code).message(message)) }
    }

    /// The refusal if there is no place for another socket: 503 with this body.
    pub(super) fn busy(body: ErrorBody) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, body: Box::new(body) }
    }

    /// Whether it was refused because there was no place.
    pub(super) fn is_busy(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// The refusal as `application/problem+json`.
    pub(super) fn response(self) -> Response<Body> {
        let mut response = Error::from(*self.body).into_response();
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            // The client retries later on a new connection, so that it does not keep its place meanwhile.
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// Reads and checks the handshake. Pages of the server's own host and of `origins` may open sockets.
///
/// # Errors
/// The refusal, if it is not a valid handshake or comes from a page of another origin.
pub(super) fn read(head: &impl Head, origins: &[String]) -> Result<Handshake, Refusal> {
    if !head.is_get() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "a socket is opened with GET over HTTP/1.1"));
    }
    if !has_token(head, &header::UPGRADE, "websocket") {
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, "this address is a WebSocket: send Upgrade: websocket"));
    }
    if !has_token(head, &header::CONNECTION, "upgrade") {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Connection: Upgrade is missing"));
    }
    if head.first(&header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, "Sec-WebSocket-Version must be 13"));
    }
    let key = head.first(&header::SEC_WEBSOCKET_KEY);
    let Some(key) = key.filter(|key| BASE64.decode(key).is_ok_and(|key| key.len() == 16)) else {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64"));
    };
    if !origin_is_let_in(head, origins) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "pages of this origin may not open sockets: gateway.origins names the origins that may",
        ));
    }
    let subprotocol = head.values(&header::SEC_WEBSOCKET_PROTOCOL).next().is_some();
    if subprotocol && !tokens(head, &header::SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == SUBPROTOCOL) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "the subprotocol of this server is parlor.v1.json"));
    }
    let accept = BASE64.encode(Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize());
    let accept = HeaderValue::try_from(accept).expect("base64 is a good value");
    Ok(Handshake { accept, subprotocol, request: None })
}

/// The comma-separated tokens of a header, which may occur several times.
fn tokens<'a>(head: &'a impl Head, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
    let values = head.values(name).filter_map(|value| std::str::from_utf8(value).ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn has_token(head: &impl Head, name: &HeaderName, token: &str) -> bool {
    tokens(head, name).any(|found| found.eq_ignore_ascii_case(token))
}

/// Whether a page of the request's origin may open sockets: a page of another site must not use what the browser knows
/// of the user. A request without `Origin` does not come from a browser.
fn origin_is_let_in(head: &impl Head, origins: &[String]) -> bool {
    let Some(origin) = head.values(&header::ORIGIN).next() else { return true };
    let Some(origin) = std::str::from_utf8(origin).ok().and_then(Origin::parse) else { return false };
    head.first(&header::HOST).is_some_and(|host| origin.is_of_host(host)) || origin.is_among(origins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::chance::Chance;
    use crate::kit::clock::Timestamp;

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

    #[test]
    fn the_sample_of_the_rfc_is_accepted_as_the_rfc_says() {
        let mut handshake = read(&request(&[]), &[]).expect("good");
        handshake.request = Some(RequestId::of(Some(b"edge_42.a-b"), Timestamp(0), &Chance::seeded(1)));
        assert_eq!(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let text = String::from_utf8(handshake.bytes()).expect("it is text");
        let response = handshake.response();
        for (name, value) in response.headers() {
            let line = format!("{name}: {}\r\n", value.to_str().expect("it is text"));
            assert!(text.contains(&line), "both ways answer with {line}");
        }
        assert!(!handshake.subprotocol);
        let offered = [("sec-websocket-protocol", Some("soap, parlor.v1.json"))];
        assert!(read(&request(&offered), &[]).expect("good").subprotocol);
    }

    #[test]
    fn an_invalid_handshake_is_refused_with_its_status() {
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
            let refusal = read(&request(&[(name, value)]), &[]).expect_err("refused");
            assert_eq!(refusal.status.as_u16(), status, "{name}: {value:?}");
            let response = refusal.response();
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.headers().contains_key("sec-websocket-version"), status == 426);
        }
    }

    #[test]
    fn the_servers_own_pages_and_those_of_the_list_open_sockets() {
        let listed = ["https://app.example".to_owned(), "capacitor://localhost".to_owned()];
        for (origin, own, foreign) in [
            ("https://Parlor.example", true, true),
            ("https://parlor.example:443", true, true),
            ("https://parlor.example/", true, true),
            ("https://app.example:443", false, true),
            ("capacitor://localhost", false, true),
            ("https://parlor.example:8443", false, false),
            ("https://evil.example", false, false),
            ("null", false, false),
        ] {
            let request = request(&[("origin", Some(origin))]);
            assert_eq!((read(&request, &[]).is_ok(), read(&request, &listed).is_ok()), (own, foreign), "{origin}");
        }
    }
}
