//! The REST calls that a simulated user makes: one small connection each.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use parlor_protocol::Op;
use serde_json::Value;
use tokio::net::TcpStream;

/// What a call came to: the status and the JSON body (null where there is none).
pub type Answer = (StatusCode, Value);

/// A failure below HTTP: the server is away.
#[derive(Debug)]
pub struct Away(pub String);

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server is away: {}", self.0)
    }
}

impl std::error::Error for Away {}

fn away(error: impl std::fmt::Display) -> Away {
    Away(error.to_string())
}

/// Makes one call. `token` goes into `Authorization: Bearer`.
///
/// # Errors
/// `Away` when there is no connection, or none any more before the whole answer was there.
pub async fn call(
    address: SocketAddr,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Result<Answer, Away> {
    call_as(None, address, method, path, token, body).await
}

/// The same under this operation (`Idempotency-Key`).
///
/// # Errors
/// As `call`.
pub async fn call_as(
    op: Option<Op>,
    address: SocketAddr,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Result<Answer, Away> {
    let stream = TcpStream::connect(address).await.map_err(away)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(away)?;
    let mut request = Request::builder().method(method).uri(path).header("host", address.to_string());
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(op) = op {
        request = request.header("idempotency-key", op.to_string());
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let request = request.body(Full::new(bytes)).map_err(away)?;
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(away)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(away)?.to_bytes();
        let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).map_err(away)? };
        Ok((status, value))
    };
    // The connection ends with the exchange: nothing is left behind.
    let (answer, ()) = tokio::join!(exchange, async {
        let _ = connection.await;
    });
    answer
}

/// `GET`.
///
/// # Errors
/// As `call`.
pub async fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Result<Answer, Away> {
    call(address, Method::GET, path, token, None).await
}

/// `POST` with a JSON body.
///
/// # Errors
/// As `call`.
pub async fn post(address: SocketAddr, path: &str, token: Option<&str>, body: &Value) -> Result<Answer, Away> {
    call(address, Method::POST, path, token, Some(body)).await
}
