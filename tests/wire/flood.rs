//! What comes in costs its sender: frames and bytes of every kind, on each socket and for all sockets of a user.

use std::time::{Duration, Instant};

use parlor::kit::rate::Rate;
use parlor::{delivery, gateway};
use parlor_protocol::CloseCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{Server, room};
use crate::support::client::{Client, soon};
use crate::support::raw::{Raw, masked, text};
use crate::support::time::moment;

/// A kind of frame: its name, whether it is sent on a socket whose user is in, and the frame.
type Frames = (&'static str, bool, fn() -> Vec<u8>);

/// Each kind of frame that can be sent without end.
const KINDS: &[Frames] = &[
    ("pings of the layer", true, || masked(0x89, b"x")),
    ("pings of the layer before connect", false, || masked(0x89, b"x")),
    ("pongs of the layer", true, || masked(0x8A, b"")),
    ("pongs of the layer before connect", false, || masked(0x8A, b"")),
    ("pongs", true, || text(r#"{"type":"pong"}"#)),
    ("pings", true, || text(r#"{"id":7,"type":"ping"}"#)),
    ("commands of no known type", true, || text(r#"{"id":7,"type":"no.such","data":{}}"#)),
    ("commands that are refused", true, || text(r#"{"id":7,"type":"people.list","data":{"room":104000009}}"#)),
    ("commands above their rate", true, || {
        text(
            r#"{"id":7,"op":"01990000-0000-7000-8000-000000000005","type":"chat.send","data":{"room":104000001,"text":"x"}}"#,
        )
    }),
    ("connects of no user", false, || {
        text(r#"{"id":1,"type":"connect","data":{"token":"user:1","device":"phone","joins":7}}"#)
    }),
    ("unreadable frames, every other one", true, || [text("junk"), text(r#"{"type":"pong"}"#)].concat()),
    ("empty fragments", true, || {
        [masked(0x01, b""), masked(0x00, b"").repeat(200), masked(0x80, br#"{"type":"pong"}"#)].concat()
    }),
    ("large frames", true, || text(&format!(r#"{{"id":7,"type":"ping","data":{{"x":"{}"}}}}"#, "x".repeat(60_000)))),
];

/// Sends one kind without end, reading what comes, until the server closes the socket; returns the code.
async fn flooded(address: std::net::SocketAddr, number: usize, is_in: bool, frames: Vec<u8>) -> u16 {
    let mut raw = Raw::open(address).await;
    if is_in {
        raw.send(&text(&format!(r#"{{"id":1,"type":"connect","data":{{"token":"user:{number}","device":"phone"}}}}"#)))
            .await;
        raw.frame().await.expect("a reply");
    }
    let many = frames.repeat((64 * 1024 / frames.len()).max(1));
    let (mut reads, mut writes) = raw.stream.into_split();
    let sends = tokio::spawn(async move { while writes.write_all(&many).await.is_ok() {} });
    let (mut tail, mut portion) = (Vec::new(), vec![0; 64 * 1024]);
    while let Ok(read @ 1..) = soon("the end of a flood", reads.read(&mut portion)).await {
        tail.extend_from_slice(&portion[..read]);
        tail.drain(..tail.len().saturating_sub(1_024));
    }
    sends.abort();
    let close = tail.windows(2).rposition(|bytes| bytes[0] == 0x88 && bytes[1] >= 2).expect("a close frame");
    u16::from_be_bytes([tail[close + 2], tail[close + 3]])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_socket_sends_without_end_it_is_slowed_and_closed() {
    let settings = gateway::Settings { flood_ms: 700, connect_ms: 60_000, ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut speaker = Client::connected(server.address, "user:1", "phone").await;
    let mut listener = Client::connected(server.address, "user:2", "phone").await;
    for client in [&mut speaker, &mut listener] {
        client.join(room(1), "room").await.expect("a good token");
    }
    for (number, (what, is_in, frames)) in KINDS.iter().enumerate() {
        let flood = tokio::spawn(flooded(server.address, 10 + number, *is_in, frames()));
        let since = Instant::now();
        while !flood.is_finished() {
            // Others are answered at once all the time.
            moment(20..40).await;
            let asked = Instant::now();
            listener.ping().await;
            assert!(asked.elapsed() < Duration::from_secs(1), "{what}: {:?}", asked.elapsed());
            assert!(since.elapsed() < Duration::from_secs(9), "{what}: it is still open");
        }
        assert_eq!(flood.await.expect("it is closed with a code"), CloseCode::Flooding.number(), "{what}");
    }
    speaker.chat(room(1), "still here").await.expect("it is in");
    listener.event().await;
    server.stop().await;
}

#[tokio::test]
async fn a_burst_within_the_budget_is_answered_at_once() {
    let server = Server::start().await;
    let mut raw = Raw::open(server.address).await;
    raw.send(&text(r#"{"id":1,"type":"connect","data":{"token":"user:1","device":"phone"}}"#)).await;
    raw.frame().await.expect("a reply");
    let pings: Vec<u8> = (2..502).flat_map(|id| text(&format!(r#"{{"id":{id},"type":"ping"}}"#))).collect();
    let since = Instant::now();
    raw.send(&pings).await;
    for id in 2..502 {
        assert_eq!(raw.frame().await.expect("a reply").1, format!(r#"{{"id":{id},"data":{{}}}}"#).as_bytes());
    }
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn all_sockets_of_a_user_share_the_users_budget_and_a_new_socket_is_no_new_one() {
    let settings =
        gateway::Settings { user_frames: Rate { count: 100, per_ms: 10_000 }, ..gateway::Settings::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut phone = Client::connected(server.address, "user:1", "phone").await;
    let mut tablet = Client::connected(server.address, "user:1", "tablet").await;
    let mut other = Client::connected(server.address, "user:2", "phone").await;
    for _ in 0..50 {
        phone.ping().await;
        tablet.ping().await;
    }
    let timed = async |client: &mut Client| {
        let since = Instant::now();
        for _ in 0..10 {
            client.ping().await;
        }
        since.elapsed()
    };
    // Ten a second are free again; the first above waits for a part of the burst.
    let waited = timed(&mut tablet).await + timed(&mut phone).await;
    assert!(waited >= Duration::from_millis(200), "{waited:?}");
    let mut third = Client::connected(server.address, "user:1", "watch").await;
    let waited = timed(&mut third).await;
    assert!(waited >= Duration::from_millis(200), "{waited:?}");
    let waited = timed(&mut other).await;
    assert!(waited < Duration::from_secs(1), "another user does not wait: {waited:?}");
    server.stop().await;
}

#[tokio::test]
async fn who_sends_too_much_for_a_while_is_slowed_and_not_closed() {
    let settings = gateway::Settings {
        frames: Rate { count: 50, per_ms: 1_000 },
        flood_ms: 1_500,
        ..gateway::Settings::default()
    };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    // Twice: what was above the budget once is forgotten when it is kept again.
    for _ in 0..2 {
        for _ in 0..90 {
            client.ping().await;
        }
        for _ in 0..30 {
            moment(60..80).await;
            client.ping().await;
        }
    }
    client.ping().await;
    server.stop().await;
}
