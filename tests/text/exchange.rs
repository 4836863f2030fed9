//! Requests as raw bytes, on a connection that is kept: what stands in a body need not be JSON.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::client::soon;

/// A connection.
pub struct Exchange {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub body: Value,
}

impl Exchange {
    pub fn with(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            head += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        let bytes = [head.as_bytes(), b"\r\n", body.unwrap_or_default().as_bytes()].concat();
        loop {
            let kept = self.stream.take();
            let is_kept = kept.is_some();
            let mut stream = match kept {
                Some(stream) => stream,
                None => BufReader::new(TcpStream::connect(self.address).await.expect("the server listens")),
            };
            let answer = soon("an answer", async {
                // What is too large is answered before it was read, and then the connection may be closed already.
                let _ = stream.write_all(&bytes).await;
                read(&mut stream).await
            });
            match answer.await {
                Some((answer, goes_on)) => {
                    self.stream = (goes_on && bytes.len() < 60_000).then_some(stream);
                    return answer;
                }
                // A connection that was kept may have been closed meanwhile; a new one is answered.
                None => assert!(is_kept, "no answer to {method} {path:.200}"),
            }
        }
    }
}

/// Reads an answer, and whether the connection goes on; `None` if it has ended before.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<(Answer, bool)> {
    let mut line = String::new();
    if !stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        return None;
    }
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
    let (mut length, mut location, mut goes_on) = (0, None, true);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.expect("a header");
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a number"),
            "location" => location = Some(value.to_owned()),
            "connection" => goes_on = value != "close",
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("the body");
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
    Some((Answer { status, location, body }, goes_on))
}
