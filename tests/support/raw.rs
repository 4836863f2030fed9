//! A socket without manners: it sends any bytes and shows the server's frames as they are.

use std::net::{IpAddr, SocketAddr};

pub use parlor_loadtests::socket::masked;
use parlor_protocol::SUBPROTOCOL;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::client::soon;

/// A text frame as a client writes it.
pub fn text(text: &str) -> Vec<u8> {
    masked(0x81, text.as_bytes())
}

/// The request that opens a socket.
pub fn handshake(address: SocketAddr) -> String {
    format!(
        "GET /v1/socket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )
}

/// From now on the system drops every packet that comes for this connection, and acknowledges none: to the server its
/// peer has vanished without a word.
pub fn hears_no_more(stream: &TcpStream) {
    const RETURN: u16 = 0x06;
    let nothing = socket2::SockFilter::new(RETURN, 0, 0, 0);
    socket2::SockRef::from(stream).attach_filter(&[nothing]).expect("anybody may filter what they receive");
}

/// Closes a connection of which the server is told nothing: neither FIN nor RST is sent. The system lets only its
/// administrators do so (`CAP_NET_ADMIN`); for anybody else the server is told of the end after all.
pub fn is_forgotten(stream: TcpStream) {
    // A refusal is no failure, as is said above.
    let _ = nix::sys::socket::setsockopt(&stream, nix::sys::socket::sockopt::TcpRepair, &1);
    drop(stream);
}

/// A TCP connection to a server.
pub struct Raw {
    /// The connection itself.
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    /// A connection on which nothing has been said.
    pub async fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a living socket");
        Self { stream, buffer: Vec::new() }
    }

    /// The same from this address of the machine, as if a stranger of that address had made it. With a small receive
    /// buffer, so that what is not read stays with the server. An error if the server takes no more connections.
    pub async fn tcp_from(from: IpAddr, address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4_096)?;
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// A connection that has become a socket.
    pub async fn open(address: SocketAddr) -> Self {
        let mut raw = Self::tcp(address).await;
        raw.send(handshake(address).as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: &[u8]) {
        soon("room to send", self.stream.write_all(bytes)).await.expect("the connection is open");
    }

    /// Sends a request without a body, and gives the status of its answer.
    pub async fn ask(&mut self, method: &str, path: &str) -> u16 {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
        let head = self.head().await;
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// Whether the server has ended the connection, without reading what it has sent.
    pub fn is_cut(&self) -> bool {
        matches!(self.stream.take_error(), Ok(Some(_)) | Err(_))
    }

    /// The head of an HTTP response.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = self.buffer.drain(..end + 4).collect();
                return String::from_utf8(head).expect("a head is text");
            }
            assert!(self.read().await, "the connection ended within the head");
        }
    }

    /// The next frame: its first byte and its payload. `None`: the connection has ended.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((first, header, length)) = self.header()
                && self.buffer.len() >= header + length
            {
                let frame: Vec<u8> = self.buffer.drain(..header + length).collect();
                return Some((first, frame[header..].to_vec()));
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// Reads frames up to the close frame, and says its code with the texts before it.
    pub async fn closed(&mut self) -> (u16, Vec<String>) {
        let mut texts = Vec::new();
        loop {
            match self.frame().await {
                Some((0x88, payload)) => return (u16::from_be_bytes([payload[0], payload[1]]), texts),
                Some((_, payload)) => texts.push(String::from_utf8(payload).expect("the server sends text")),
                None => panic!("the connection ended without a close frame, after {texts:?}"),
            }
        }
    }

    /// All that still comes, up to the end of the connection.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.read().await {}
        std::mem::take(&mut self.buffer)
    }

    fn header(&self) -> Option<(u8, usize, usize)> {
        let [first, second, ..] = *self.buffer else { return None };
        match second {
            126 => {
                let length: [u8; 2] = self.buffer.get(2..4)?.try_into().ok()?;
                Some((first, 4, usize::from(u16::from_be_bytes(length))))
            }
            127 => {
                let length: [u8; 8] = self.buffer.get(2..10)?.try_into().ok()?;
                Some((first, 10, usize::try_from(u64::from_be_bytes(length)).ok()?))
            }
            length => Some((first, 2, usize::from(length))),
        }
    }

    async fn read(&mut self) -> bool {
        let mut portion = [0; 4_096];
        match soon("bytes", self.stream.read(&mut portion)).await {
            Ok(0) | Err(_) => false,
            Ok(read) => {
                self.buffer.extend_from_slice(&portion[..read]);
                true
            }
        }
    }
}
