//! A WebSocket client that uses as little as the servers that it measures: it has no buffer of its own and reads once
//! per turn.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::LazyLock;
use std::time::Duration;

use nix::sys::socket::sockopt::{IpBindAddressNoPort, TcpMaxSeg};
use nix::sys::socket::{Shutdown, setsockopt, shutdown};
use parlor_protocol::SUBPROTOCOL;
use tokio::net::{TcpSocket, TcpStream};

use crate::rest::Away;

/// Bytes read in one turn, shared by all sockets of a thread.
const SCRATCH_BYTES: usize = 256 * 1024;
/// The most sockets from one address of this machine. Linux has 28,232 ports for an address, and the ports of cut
/// sockets stay in use for a while.
const PER_SOURCE: usize = 12_000;
/// The receive buffer and the segment size of a throttled socket, as in a phone's network. Together they limit what the
/// server's kernel holds for the socket to some 70 kB. With the buffers and segments of loopback it would hold up to
/// four megabytes, unless the server sets a bound (`TCP_NOTSENT_LOWAT`), and only when all of it is full does the
/// server notice a slow reader.
const NARROW_BYTES: u32 = 2 * 1024;
const NARROW_SEGMENT: u32 = 1_400;
/// How much a throttled socket reads at once, and how often: 12 kB a second.
const SIP_BYTES: usize = 768;
const SIP: Duration = Duration::from_millis(64);
/// The mask of every frame. RFC 6455 requires an unpredictable one, to protect proxies; there are none here.
const MASK: [u8; 4] = [0x5a, 0x17, 0xc3, 0x2e];

/// The most sockets from one address: at most half of the ports that this machine has.
static SOCKETS_A_SOURCE: LazyLock<usize> = LazyLock::new(|| {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    sockets_a_source(&range)
});

fn sockets_a_source(range: &str) -> usize {
    let ports: Vec<usize> = range.split_whitespace().filter_map(|port| port.parse().ok()).collect();
    match ports[..] {
        [first, last] => (last.saturating_sub(first) / 2).clamp(1, PER_SOURCE),
        _ => PER_SOURCE,
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// What a server sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incoming<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A close frame, with its code if it has one.
    Close(Option<u16>),
}

/// One open socket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    is_throttled: bool,
}

/// The local address from which socket number `index` is opened, because one address has too few ports for many
/// sockets. `None`: the usual one. A server on another machine sees one address, and no more sockets than that has
/// ports.
pub fn source(server: SocketAddr, index: usize) -> Option<IpAddr> {
    let many = u8::try_from(index / *SOCKETS_A_SOURCE).unwrap_or(u8::MAX).min(200);
    (server.ip().is_loopback() && server.is_ipv4() && many > 0).then(|| IpAddr::V4(Ipv4Addr::new(127, 0, 1, many)))
}

impl Socket {
    /// Opens a socket at this path. `index` chooses its local address. A throttled socket reads a few kilobytes a
    /// second and has a small receive buffer.
    ///
    /// # Errors
    /// `Away` if there is no server, or if it refuses the upgrade.
    pub async fn open(server: SocketAddr, path: &str, index: usize, is_throttled: bool) -> Result<Self, Away> {
        let away = |error: io::Error| Away(format!("the server is away: {error}"));
        let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(away)?;
        if is_throttled {
            socket.set_recv_buffer_size(NARROW_BYTES).map_err(away)?;
            setsockopt(&socket, TcpMaxSeg, &NARROW_SEGMENT).map_err(|error| away(error.into()))?;
        }
        let source = source(server, index);
        let no_port = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Away(format!(
                "no port is left for socket {index} to {server}{}: wait a minute for those of closed sockets, widen \
                 net.ipv4.ip_local_port_range, or take fewer --users",
                source.map_or_else(String::new, |source| format!(" from {source}"))
            )),
            _ => away(error),
        };
        if let Some(source) = source {
            // The kernel chooses the port when it connects, so it can reuse the port of a socket that was cut.
            setsockopt(&socket, IpBindAddressNoPort, &true).map_err(|error| away(error.into()))?;
            socket.bind(SocketAddr::new(source, 0)).map_err(no_port)?;
        }
        let stream = socket.connect(server).await.map_err(no_port)?;
        stream.set_nodelay(true).map_err(away)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: cGFybG9yLWxvYWQtdGVzdA==\r\n\
             sec-websocket-protocol: {SUBPROTOCOL}\r\n\r\n"
        );
        let socket = Self { stream, is_throttled };
        socket.write(request.as_bytes()).await.map_err(away)?;
        socket.handshake().await.map_err(away)?;
        Ok(socket)
    }

    /// Reads the answer to the upgrade and no byte beyond it, because the first frame may follow at once.
    async fn handshake(&self) -> io::Result<()> {
        let mut head = [0; 4_096];
        loop {
            let there = self.stream.peek(&mut head).await?;
            let Some(end) = head[..there].windows(4).position(|window| window == b"\r\n\r\n") else {
                if there == 0 || there == head.len() {
                    return Err(io::Error::other("no answer to the upgrade"));
                }
                // The head rarely comes in two parts; the rest may be there in the next turn.
                tokio::task::yield_now().await;
                continue;
            };
            let taken = self.stream.try_read(&mut head[..end + 4])?;
            let line = String::from_utf8_lossy(&head[..taken]).lines().next().unwrap_or_default().to_owned();
            return if line.starts_with("HTTP/1.1 101") { Ok(()) } else { Err(io::Error::other(line)) };
        }
    }

    /// Sends one text message.
    ///
    /// # Errors
    /// If the socket is lost.
    pub async fn say(&self, text: &str) -> io::Result<()> {
        self.write(&masked(0x81, text.as_bytes())).await
    }

    /// Sends a close frame with this code.
    ///
    /// # Errors
    /// If the socket is lost.
    pub async fn close(&self, code: u16) -> io::Result<()> {
        self.write(&masked(0x88, &code.to_be_bytes())).await
    }

    /// Shuts the connection down in both directions at once, as a lost network does; a reader of the socket sees its
    /// end.
    pub fn cut(&self) {
        // The connection may be lost already.
        let _ = shutdown(self.stream.as_raw_fd(), Shutdown::Both);
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            match self.stream.try_write(bytes) {
                Ok(written) if written == bytes.len() => return Ok(()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for data, reads once and passes every whole frame to `hear`; an incomplete frame is kept in `partial`.
    /// Returns the number of bytes; 0 means that the server has closed the connection.
    ///
    /// # Errors
    /// If the socket is lost, or the server sends what is no frame of a server.
    pub async fn read(&self, partial: &mut Vec<u8>, mut hear: impl FnMut(Incoming<'_>)) -> io::Result<usize> {
        let most = if self.is_throttled {
            tokio::time::sleep(SIP).await;
            SIP_BYTES
        } else {
            usize::MAX
        };
        loop {
            self.stream.readable().await?;
            let turn = SCRATCH.with_borrow_mut(|scratch| {
                let kept = partial.len();
                if scratch.len() < kept + SCRATCH_BYTES / 2 {
                    scratch.resize(kept + SCRATCH_BYTES, 0);
                }
                scratch[..kept].copy_from_slice(partial);
                let end = scratch.len().min(kept.saturating_add(most));
                match self.stream.try_read(&mut scratch[kept..end]) {
                    Ok(0) => Ok(Some(0)),
                    Ok(read) => {
                        let used = frames(&scratch[..kept + read], &mut hear)?;
                        partial.clear();
                        partial.extend_from_slice(&scratch[used..kept + read]);
                        if partial.is_empty() {
                            *partial = Vec::new();
                        }
                        Ok(Some(read))
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                    Err(error) => Err(error),
                }
            })?;
            if let Some(read) = turn {
                return Ok(read);
            }
        }
    }
}

/// A client's frame with this first byte: its payload is masked.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(first);
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            frame.push(0xFE);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0xFF);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    frame
}

/// Passes each whole frame to `hear`, and returns how many bytes they took.
fn frames(bytes: &[u8], hear: &mut impl FnMut(Incoming<'_>)) -> io::Result<usize> {
    let mut at = 0;
    while let Some((first, payload, end)) = frame(&bytes[at..]) {
        let payload = &bytes[at + payload..at + end];
        match first & 0x0F {
            0x1 if first & 0x80 != 0 => {
                hear(Incoming::Text(std::str::from_utf8(payload).map_err(io::Error::other)?));
            }
            0x8 => hear(Incoming::Close(payload.first_chunk().map(|code: &[u8; 2]| u16::from_be_bytes(*code)))),
            0x9 | 0xA => {}
            other => return Err(io::Error::other(format!("a frame of opcode {other}"))),
        }
        at += end;
    }
    Ok(at)
}

/// Reads a whole frame of a server: its first byte, where its payload begins, and where it ends. `None` if it is
/// incomplete.
pub fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let [first, second, ..] = *bytes else { return None };
    let (length, payload): (usize, usize) = match second & 0x7F {
        126 => (usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])), 4),
        127 => (usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let end = payload.checked_add(length)?;
    (bytes.len() >= end).then_some((first, payload, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gives_at_most_half_of_its_ports() {
        assert_eq!(sockets_a_source("32768\t60999\n"), PER_SOURCE);
        assert_eq!(sockets_a_source("40000 50000"), 5_000);
        assert_eq!(sockets_a_source(""), PER_SOURCE);
        let server = SocketAddr::from(([127, 0, 0, 1], 80));
        assert_eq!(source(server, 0), None);
        assert_eq!(source(server, 100_000).map(|source| source.is_loopback()), Some(true));
        assert_eq!(source(SocketAddr::from(([192, 0, 2, 1], 80)), 100_000), None);
    }

    #[tokio::test]
    async fn sockets_beyond_the_first_thousands_come_from_another_address() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = listener.local_addr().expect("bound");
        let accept = async {
            let (stream, from) = listener.accept().await.expect("somebody comes");
            stream.writable().await.expect("it is open");
            stream.try_write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").expect("there is room for a line");
            from.ip()
        };
        let (opened, from) = tokio::join!(Socket::open(server, "/", 3 * PER_SOURCE, false), accept);
        opened.expect("a socket");
        assert_eq!(Some(from), source(server, 3 * PER_SOURCE));
    }

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let long = "x".repeat(70_000);
        let texts = ["", "short", &"y".repeat(300), &long];
        let mut bytes = Vec::new();
        for text in texts {
            bytes.push(0x81);
            match text.len() {
                length @ 0..=125 => bytes.push(length as u8),
                length @ 126..=65_535 => {
                    bytes.push(126);
                    bytes.extend_from_slice(&(length as u16).to_be_bytes());
                }
                length => {
                    bytes.push(127);
                    bytes.extend_from_slice(&(length as u64).to_be_bytes());
                }
            }
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&[0x88, 2, 0x0F, 0xA0]);
        for cut in [0, 1, 2, 7, 200, 1_000, bytes.len()] {
            let (mut heard, mut closed) = (Vec::new(), None);
            let mut hear = |incoming: Incoming<'_>| match incoming {
                Incoming::Text(text) => heard.push(text.to_owned()),
                Incoming::Close(code) => closed = code,
            };
            let used = frames(&bytes[..cut], &mut hear).expect("frames");
            let rest = frames(&bytes[used..], &mut hear).expect("frames");
            assert_eq!(used + rest, bytes.len());
            assert_eq!((heard, closed), (texts.map(str::to_owned).to_vec(), Some(4_000)));
        }
    }
}
