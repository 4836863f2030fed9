//! The REST calls of a simulated user, each on a connection of its own or on one that is kept.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use parlor_protocol::Op;
use serde_json::Value;
use tokio::net::TcpStream;

/// The answer to a call: the status and the JSON body (null if there is none).
pub type Answer = (StatusCode, Value);

/// The reason why a run cannot go on: the server cannot be reached, or refused something that the run needs.
#[derive(Debug)]
pub struct Away(pub String);

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Away {}

fn away(error: impl std::fmt::Display) -> Away {
    Away(format!("the server is away: {error}"))
}

/// Makes one call. `token` goes into `Authorization: Bearer`.
///
/// # Errors
/// `Away` when the connection cannot be opened, or is lost before the whole answer has arrived.
pub async fn call(
    address: SocketAddr,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Result<Answer, Away> {
    call_as(None, address, method, path, token, body).await
}

/// Makes one call with this operation as its `Idempotency-Key`.
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
    let request = request(op, address, method, path, token, body)?;
    let exchange = async move {
        let (status, body) = exchange(&mut sender, request).await?;
        Ok((status, json(&body)?))
    };
    // The connection ends with the exchange, so no task outlives the call.
    let (answer, ()) = tokio::join!(exchange, async {
        let _ = connection.await;
    });
    answer
}

fn request(
    op: Option<Op>,
    address: SocketAddr,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Result<Request<Full<Bytes>>, Away> {
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
    request.body(Full::new(bytes)).map_err(away)
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), Away> {
    let response = sender.send_request(request).await.map_err(away)?;
    let status = response.status();
    Ok((status, response.into_body().collect().await.map_err(away)?.to_bytes()))
}

fn json(body: &[u8]) -> Result<Value, Away> {
    if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(body).map_err(away) }
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

/// A connection that is kept between calls, and opened again if the server has closed it. So thousands of calls do not
/// use up the ports, and a measured time is that of the call alone.
#[derive(Debug)]
pub struct Kept {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Kept {
    /// A connection to this server; the first call opens it.
    pub fn to(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// Makes a call and returns the status and the body's bytes.
    ///
    /// # Errors
    /// As `call`.
    pub async fn bytes(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Bytes), Away> {
        let request = request(None, self.address, method, path, token, body)?;
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None => self.open().await?,
        };
        // The connection is ready when the last answer was read to its end, and never again once it is closed.
        if sender.ready().await.is_err() {
            sender = self.open().await?;
            sender.ready().await.map_err(away)?;
        }
        exchange(self.sender.insert(sender), request).await
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, Away> {
        let stream = TcpStream::connect(self.address).await.map_err(away)?;
        stream.set_nodelay(true).map_err(away)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(away)?;
        // It ends with its sender; an error shows in the call that fails.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    /// `GET`.
    ///
    /// # Errors
    /// As `call`.
    pub async fn get(&mut self, path: &str, token: Option<&str>) -> Result<Answer, Away> {
        let (status, body) = self.bytes(Method::GET, path, token, None).await?;
        Ok((status, json(&body)?))
    }

    /// `POST` with a JSON body.
    ///
    /// # Errors
    /// As `call`.
    pub async fn post(&mut self, path: &str, token: Option<&str>, body: &Value) -> Result<Answer, Away> {
        let (status, body) = self.bytes(Method::POST, path, token, Some(body)).await?;
        Ok((status, json(&body)?))
    }
}
