//! A proxy that changes one event of each socket, or one entry of each page, in a way that no server may.

use std::net::SocketAddr;

use parlor_loadtests::socket::frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The violation that the proxy plants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// None.
    Nothing,
    /// The event never arrives.
    Drop,
    /// The event arrives twice.
    Double,
    /// The event arrives after the next one.
    Swap,
    /// An account's entry has another amount.
    ChangeEntry,
    /// An account's entry is missing.
    DropEntry,
}

/// The number of the event that is changed; the events before it belong to the join.
const AT: usize = 8;

/// The proxy.
pub struct Planter {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Planter {
    pub async fn before(server: SocketAddr, plant: Plant) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A connection that ends by itself is no error of the proxy.
                tokio::spawn(async move { carry(client, server, plant).await.ok() });
            }
        });
        Self { address, task }
    }
}

impl Drop for Planter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(client: TcpStream, server: SocketAddr, plant: Plant) -> std::io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let (mut buffer, mut pending, mut events) = (vec![0; 65_536], Vec::new(), 0);
    let mut held: Option<Vec<u8>> = None;
    let mut upgraded = None;
    loop {
        let read = from_server.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        pending.extend_from_slice(&buffer[..read]);
        if upgraded.is_none() && pending.len() >= 12 {
            upgraded = Some(pending.starts_with(b"HTTP/1.1 101"));
            if upgraded == Some(true) {
                let Some(end) = pending.windows(4).position(|window| window == b"\r\n\r\n") else {
                    upgraded = None;
                    continue;
                };
                to_client.write_all(&pending[..end + 4]).await?;
                pending.drain(..end + 4);
            }
        }
        if upgraded != Some(true) {
            if matches!(plant, Plant::ChangeEntry | Plant::DropEntry) {
                if !is_whole(&pending) {
                    continue;
                }
                spoil(&mut pending, plant);
            }
            to_client.write_all(&std::mem::take(&mut pending)).await?;
            continue;
        }
        while let Some((_, _, length)) = frame(&pending) {
            let frame: Vec<u8> = pending.drain(..length).collect();
            let is_event = frame.windows(7).any(|window| window == b"{\"room\"")
                && frame.windows(6).any(|window| window == b"\"seq\":");
            events += usize::from(is_event);
            match plant {
                _ if !is_event || events != AT => {
                    to_client.write_all(&frame).await?;
                    if let (true, Some(late)) = (is_event, held.take()) {
                        to_client.write_all(&late).await?;
                    }
                }
                Plant::Nothing | Plant::ChangeEntry | Plant::DropEntry => to_client.write_all(&frame).await?,
                Plant::Drop => {}
                Plant::Double => {
                    to_client.write_all(&frame).await?;
                    to_client.write_all(&frame).await?;
                }
                Plant::Swap => held = Some(frame),
            }
        }
    }
    up.abort();
    Ok(())
}

/// Whether an HTTP answer is complete.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let lines = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
    let length = lines.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    answer.len() >= head + 4 + length.unwrap_or(0)
}

/// Changes the second paid gift of a page, and keeps the length of the answer.
fn spoil(answer: &mut [u8], plant: Plant) {
    const BEGINS: &[u8] = b"{\"transfer\":";
    const AMOUNT: &[u8] = b"\"amount\":-";
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let is_paid = |item: &[u8]| find(item, b"\"kind\":\"gift\"").is_some() && find(item, AMOUNT).is_some();
    let begins: Vec<usize> =
        (0..answer.len().saturating_sub(BEGINS.len())).filter(|at| answer[*at..].starts_with(BEGINS)).collect();
    let Some(pair) = begins.windows(2).filter(|pair| is_paid(&answer[pair[0]..pair[1]])).nth(1) else { return };
    let item = &mut answer[pair[0]..pair[1]];
    match plant {
        Plant::DropEntry => item.fill(b' '),
        _ => {
            let digit = find(item, AMOUNT).expect("it was paid for") + AMOUNT.len();
            item[digit] = if item[digit] == b'9' { b'8' } else { item[digit] + 1 };
        }
    }
}
