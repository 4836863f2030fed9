//! The table of abuses: the name, what the stranger does, what is right, what of that is seen in a second (as `tally.rs`
//! counts it), and the act itself, which goes on until its process is ended. Errors mean that the server has had enough of
//! it; they are counted, and it begins again.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use parlor_loadtests::socket::masked;
use rand::RngExt as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};

use super::Target;
use super::tally::{Ear, count};
use crate::support::raw::{handshake, hears_no_more, is_forgotten, text};
use crate::support::time::moment;

type Act = fn(Target) -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! table {
    ($($name:literal, $does:literal, $right:literal, [$($sees:literal),+], |$target:ident| $act:expr;)*) => {
        /// All abuses.
        pub(super) const TABLE: &[(&str, &str, &str, &[&str], Act)] =
            &[$(($name, $does, $right, &[$($sees),+], |$target: Target| Box::pin($act))),*];
    };
}

table! {
    "silent", "many connections from one address say nothing", "the address has its share, and each ends after head_ms", ["closed"],
        |target| wide(target, 1, b"".to_vec(), Then::Waits);
    "silent-eight", "the same from eight addresses", "newcomers take the places of the address that has the most", ["closed"],
        |target| wide(target, 8, b"".to_vec(), Then::Waits);
    "slow-head", "a head comes a byte at a time, from eight addresses", "a head has head_ms from its first byte", ["closed"],
        |target| wide(target, 8, b"GET /healthz HTTP/1.1\r\nX: ".to_vec(), Then::Drips);
    "slow-body", "a body comes a byte at a time, from eight addresses", "a request has http.timeout_ms", ["closed"],
        |target| wide(target, 8, head("POST", "/v1/auth/login", "Content-Type: application/json\r\nContent-Length: 60000\r\n"), Then::Drips);
    "unread", "a large answer is never read", "an answer that makes no progress is given up after write_ms", ["503"],
        |target| wide(target, 1, head("GET", "/v1/openapi.json", ""), Then::Waits);
    "unread-eight", "the same from eight addresses", "as from one, and newcomers find places meanwhile", ["reset"],
        |target| wide(target, 8, head("GET", "/v1/openapi.json", ""), Then::Waits);
    "unread-queue", "a hundred requests in a row, of whose answers none is read", "one answer at a time is held", ["reset"],
        |target| wide(target, 8, head("GET", "/v1/openapi.json", "").repeat(100), Then::Waits);
    "slow-reader", "a large answer is read a byte at a time", "a byte is no progress", ["200"],
        |target| wide(target, 8, head("GET", "/v1/openapi.json", ""), Then::Sips);
    "half-closed", "a request, and then the sending side is closed", "the answer ends the connection", ["200"],
        |target| wide(target, 8, head("GET", "/v1/openapi.json", ""), Then::HalfCloses);
    "half-open", "sockets whose peers vanish without a word, some of them in the room", "strangers end after connect_ms, \
     people after silence_ms", ["101", "vanished"],
        |target| half_open(target);
    "silent-sockets", "sockets that never connect, from eight addresses", "they are strangers until connect, for connect_ms", ["101"],
        |target| { let hello = handshake(target.address).into_bytes(); wide(target, 8, hello, Then::Waits) };
    "slow-frame", "sockets whose first frame comes a byte at a time", "connect has connect_ms, whatever comes before it", ["101"],
        |target| { let hello = opening(target.address, &masked(0x81, &[b' '; 8_000])[..20]); wide(target, 8, hello, Then::Drips) };
    "huge-frame", "a socket announces a frame of 2^62 bytes, or sends 64 KiB before its connect", "too large: closed", ["101", "1009"],
        |target| {
            let announced = [&[0x81, 0xFF][..], &(1_u64 << 62).to_be_bytes(), &[0; 4]].concat();
            let hello = opening(target.address, &[announced, masked(0x81, &[b' '; 60_000])].concat());
            wide(target, 8, hello, Then::Waits)
        };
    "storm", "connections come and go as fast as they can", "an address has connections_per_minute_address", ["connected"],
        |target| storm(target, 1, b"".to_vec());
    "storm-eight", "the same from eight addresses", "each has its own rate", ["connected"],
        |target| storm(target, 8, b"".to_vec());
    "reset-storm", "sockets are opened and reset as fast as they can", "as connections", ["connected"],
        |target| { let hello = handshake(target.address).into_bytes(); storm(target, 8, hello) };
    "stolen-doors", "connects with tokens of nobody, as fast as they can", "each costs its own connection", ["connected"],
        |target| {
            let connect = text(r#"{"id":1,"type":"connect","data":{"token":"nobody","device":"phone"}}"#);
            let hello = opening(target.address, &connect);
            storm(target, 8, hello)
        };
    "requests", "requests as fast as they are answered", "an address has its rate of requests, and waits above it", ["200"],
        |target| busy(target, 8, head("GET", "/healthz", "").repeat(50));
    "large-answers", "large answers, read as fast as they come", "as requests", ["200"],
        |target| busy(target, 8, head("GET", "/v1/openapi.json", ""));
    "junk", "random bytes instead of HTTP", "a bad request ends its connection", ["connected"],
        |target| { let junk: Vec<u8> = (0..4_096).map(|_| rand::rng().random()).collect(); storm(target, 8, junk) };
    "huge-head", "a head of a mebibyte", "a head has at most 16 KiB", ["connected"],
        |target| storm(target, 8, head("GET", "/healthz", &format!("X: {}\r\n", "x".repeat(1 << 20))));
    "huge-body", "a body of a hundred mebibytes to whoever takes one", "a body has at most http.body_bytes", ["connected"],
        |target| {
            let post = head("POST", "/v1/auth/login", "Content-Type: application/json\r\nContent-Length: 104857600\r\n");
            storm(target, 8, [post, vec![b' '; 4 << 20]].concat())
        };
    "bad-frames", "frames that break the protocol, on socket after socket", "closed with 1002", ["connected"],
        |target| { let hello = opening(target.address, b"\x81\x02{}\xC3\x00"); storm(target, 8, hello) };
    "strangers-pings", "sockets that never connect and send pings without end", "a sixteenth of a budget, then 4005", ["101", "written"],
        |target| flood(target, 32, |target, _| handshake(target.address).into_bytes(), masked(0x89, b"x"));
    "pings", "a user who is in sends pings without end", "slowed, then closed with 4005", ["101", "written"],
        |target| flood(target, 8, |target, number| coming_in(target, number, false), masked(0x89, b"x"));
    "commands", "a user who is in sends commands without end", "as pings", ["101", "written"],
        |target| flood(target, 8, |target, number| coming_in(target, number, false), text(r#"{"id":7,"type":"ping"}"#));
    "lists", "a user asks for lists without end", "as pings, and the lists have a rate of their own", ["101", "written"],
        |target| {
            let list = text(&format!(r#"{{"id":7,"type":"gift.list","data":{{"room":{},"after":0}}}}"#, target.room));
            flood(target, 4, |target, number| coming_in(target, number, true), list)
        };
    "fragments", "a message that never ends, of empty fragments", "each is a frame of the budget", ["101", "written"],
        |target| flood(
            target,
            8,
            |target, number| [coming_in(target, number, false), masked(0x01, b"")].concat(),
            masked(0x00, b""),
        );
    "large-frames", "a user sends frames of 60 KB without end", "each byte is of the budget", ["101", "written"],
        |target| {
            let large = text(&format!(r#"{{"id":7,"type":"ping","data":{{"x":"{}"}}}}"#, "x".repeat(60_000)));
            flood(target, 8, |target, number| coming_in(target, number, false), large)
        };
    "deaf-in-room", "somebody in the room pings and reads nothing", "one pong waits, and a full outbox is closed with 4000", ["connected"],
        |target| deaf(target);
    "replaced", "one device connects again and again", "the rate of connect, and each replaces the one before", ["connected"],
        |target| { let hello = coming_in(&target, 1, true); storm(target, 1, hello) };
}

/// What is done on a connection after its first bytes.
#[derive(Clone, Copy)]
enum Then {
    Waits,
    Drips,
    Sips,
    HalfCloses,
}

fn head(method: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").into_bytes()
}

/// A handshake with what comes right behind it.
fn opening(address: SocketAddr, behind: &[u8]) -> Vec<u8> {
    [handshake(address).as_bytes(), behind].concat()
}

/// A handshake of the stranger's account on the device of this number, into the room if `joins`.
fn coming_in(Target { address, token, room, room_token, .. }: &Target, device: usize, joins: bool) -> Vec<u8> {
    let join = format!(r#"{{"room":{room},"token":"{room_token}"}}"#);
    let joins = if joins { join } else { String::new() };
    let connect =
        format!(r#"{{"id":1,"type":"connect","data":{{"token":"{token}","device":"{device}","joins":[{joins}]}}}}"#);
    opening(*address, &text(&connect))
}

/// A connection from one of the stranger's addresses.
async fn open(target: &Target, number: usize, addresses: usize) -> io::Result<TcpStream> {
    let last = u8::try_from(20 + number % addresses).expect("few");
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4_096)?;
    socket.bind(SocketAddr::new(IpAddr::from([127, 0, 0, last]), 0))?;
    let opened = tokio::time::timeout(Duration::from_secs(2), socket.connect(target.address)).await;
    count(if matches!(opened, Ok(Ok(_))) { "connected" } else { "refused" }, 1);
    opened?
}

/// Writes all of this, and counts it.
async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    count("written", bytes.len());
    Ok(())
}

/// Reads to the end.
async fn read_all(stream: &mut (impl AsyncRead + Unpin), ear: &mut Ear) {
    let mut portion = vec![0; 64 * 1024];
    while ear.hears(stream.read(&mut portion).await, &portion) {}
}

/// Keeps many connections open.
async fn wide(target: Target, addresses: usize, first: Vec<u8>, then: Then) {
    let one = async |number: usize| {
        loop {
            // Whatever ends it, the next one begins.
            let _ = held(&target, number, addresses, &first, then).await;
            moment(20..60).await;
        }
    };
    join_all((0..target.wide).map(one)).await;
}

async fn held(target: &Target, number: usize, addresses: usize, first: &[u8], then: Then) -> io::Result<()> {
    let mut stream = open(target, number, addresses).await?;
    let (mut ear, mut portion) = (Ear::default(), [0; 4_096]);
    let said = write(&mut stream, first).await;
    let acts = async {
        said?;
        match then {
            // Nothing is read before the server has ended it, so that its answer stays with it.
            Then::Waits => {
                while !is_ended(&stream) {
                    moment(200..400).await;
                }
            }
            Then::Drips => {
                while !is_ended(&stream) {
                    moment(200..400).await;
                    write(&mut stream, b"x").await?;
                }
            }
            Then::Sips => loop {
                moment(200..400).await;
                if !ear.hears(stream.read(&mut portion[..16]).await, &portion) {
                    break;
                }
            },
            Then::HalfCloses => {
                stream.shutdown().await?;
                moment(200..400).await;
            }
        }
        Ok::<_, io::Error>(())
    };
    let outcome = acts.await;
    // What was said before the end, which is not waited for.
    while let Ok(read) = stream.try_read(&mut portion)
        && ear.hears(Ok(read), &portion)
    {}
    if outcome.is_err() || matches!(stream.take_error(), Ok(Some(_))) {
        count("reset", 1);
    }
    outcome
}

/// Whether the server has ended it, without reading what it has sent.
fn is_ended(stream: &TcpStream) -> bool {
    let ready = stream.ready(Interest::READABLE | Interest::ERROR).now_or_never();
    ready.is_some_and(|ready| ready.map_or(true, |ready| ready.is_read_closed() || ready.is_error()))
}

/// Keeps sockets open whose peers vanish: they hear nothing more and say no farewell. The first eight are in the room.
async fn half_open(target: Target) {
    let one = async |number: usize| {
        loop {
            if let Ok(mut stream) = open(&target, number, 8).await {
                let joins = coming_in(&target, number, true);
                let hello = if number < 8 { joins } else { handshake(target.address).into_bytes() };
                let (mut ear, mut portion) = (Ear::default(), [0; 4_096]);
                if write(&mut stream, &hello).await.is_ok() && ear.hears(stream.read(&mut portion).await, &portion) {
                    hears_no_more(&stream);
                    count("vanished", 1);
                    moment(2_000..3_000).await;
                    is_forgotten(stream);
                }
            }
            moment(20..60).await;
        }
    };
    join_all((0..target.wide).map(one)).await;
}

/// Opens connections as fast as it can, says something on each, and resets it.
async fn storm(target: Target, addresses: usize, first: Vec<u8>) {
    let one = async |number: usize| {
        loop {
            if let Ok(mut stream) = open(&target, number, addresses).await {
                let (mut ear, mut portion) = (Ear::default(), vec![0; 16 * 1024]);
                let written = tokio::time::timeout(Duration::from_millis(500), write(&mut stream, &first)).await;
                if !matches!(written, Ok(Ok(()))) {
                    count("cut", 1);
                }
                // Every eighth waits for what the server says to it.
                if number.is_multiple_of(8) {
                    let heard = async { while ear.hears(stream.read(&mut portion).await, &portion) {} };
                    let _ = tokio::time::timeout(Duration::from_millis(100), heard).await;
                }
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            }
            tokio::task::yield_now().await;
        }
    };
    join_all((0..64).map(one)).await;
}

/// Asks on some connections as fast as it is answered.
async fn busy(target: Target, addresses: usize, asks: Vec<u8>) {
    let one = async |number: usize| {
        loop {
            if let Ok(stream) = open(&target, number, addresses).await {
                let (mut reads, mut writes) = stream.into_split();
                let mut ear = Ear::default();
                let sends = async { while write(&mut writes, &asks).await.is_ok() {} };
                tokio::select! { () = sends => {}, () = read_all(&mut reads, &mut ear) => {} }
            }
            moment(20..60).await;
        }
    };
    join_all((0..64).map(one)).await;
}

/// Sends the same frame without end on some sockets, and reads what comes.
async fn flood(target: Target, sockets: usize, first: impl Fn(&Target, usize) -> Vec<u8>, frame: Vec<u8>) {
    let many = frame.repeat((64 * 1024 / frame.len()).max(1));
    let one = async |number: usize| {
        loop {
            if let Ok(mut stream) = open(&target, number, 8).await {
                let (mut ear, mut portion) = (Ear::default(), vec![0; 64 * 1024]);
                // The first answer comes before the flood, or a frame would come before the handshake is answered.
                if write(&mut stream, &first(&target, number)).await.is_ok()
                    && ear.hears(stream.read(&mut portion).await, &portion)
                {
                    let (mut reads, mut writes) = stream.into_split();
                    let sends = async {
                        while write(&mut writes, &many).await.is_ok() {}
                        // What the server said at the end is still to be read.
                        moment(200..300).await;
                    };
                    tokio::select! { () = sends => {}, () = read_all(&mut reads, &mut ear) => {} }
                }
            }
            moment(20..60).await;
        }
    };
    join_all((0..sockets).map(one)).await;
}

/// Comes into the room and pings, and reads nothing.
async fn deaf(target: Target) {
    let ping = text(r#"{"id":7,"type":"ping"}"#);
    loop {
        if let Ok(mut stream) = open(&target, 0, 1).await
            && write(&mut stream, &coming_in(&target, 0, true)).await.is_ok()
        {
            while write(&mut stream, &ping).await.is_ok() {
                moment(20..30).await;
            }
        }
        moment(20..60).await;
    }
}
