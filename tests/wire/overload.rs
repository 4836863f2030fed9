//! Overload: new users are told to come back later, connected users stay connected and miss nothing.

use std::net::SocketAddr;

use parlor::kit::rate::Rate;
use parlor::load::Level;
use parlor::{delivery, gateway};
use parlor_protocol::event::Notice;
use parlor_protocol::{CloseCode, ErrorCode, Event, SUBPROTOCOL};
use serde_json::Value;

use super::server::{Server, room};
use crate::support::client::{Client, PATIENCE, soon};
use crate::support::raw::{Raw, handshake};
use crate::support::time::until;

/// So few connections that one handshake at a time may be undecided.
fn small() -> gateway::Settings {
    let chat = Rate { count: 8, per_ms: 800_000 };
    gateway::Settings { max_connections: 320, chat, ..Default::default() }
}

/// What a handshake that is refused for the load gets, up to the end of the connection.
async fn refusal(address: SocketAddr) -> (String, Value) {
    let mut raw = Raw::tcp(address).await;
    raw.send(handshake(address).as_bytes()).await;
    let (head, body) = (raw.head().await, raw.rest().await);
    (head.to_ascii_lowercase(), serde_json::from_slice(&body).expect("a problem"))
}

async fn is_refused(address: SocketAddr) {
    let (head, problem) = refusal(address).await;
    assert!(head.starts_with("http/1.1 503 ") && head.contains("content-type: application/problem+json"), "{head}");
    assert!(head.contains("retry-after: 5\r\n") && head.contains("connection: close"), "{head}");
    assert_eq!((&problem["code"], &problem["retry"]), (&Value::from("busy"), &Value::from("later")), "{problem}");
}

/// The chat lines of a client that has seen everything, in order and without a hole.
fn lines(client: &mut Client, lines: &mut Vec<String>) {
    for event in client.events() {
        if let Event::ChatPosted { text, .. } = event.event {
            lines.push(text);
            assert_eq!(event.seq, lines.len() as u64, "{lines:?}");
        }
    }
}

#[tokio::test]
async fn a_full_node_takes_no_newcomer_and_fails_nobody_who_is_in() {
    let server = Server::start_with(small(), delivery::Settings::default()).await;
    let address = server.address;
    let mut speaker = Client::connected(address, "user:1", "phone").await;
    let mut listener = Client::connected(address, "user:2", "phone").await;
    for client in [&mut speaker, &mut listener] {
        client.join(room(1), "room").await.expect("a good token");
    }
    speaker.chat(room(1), "while all is well").await.expect("within the rate");
    assert_eq!(listener.event().await.seq, 1);
    let mut early = Client::open(address).await;
    let mut spare = Client::connected(address, "user:3", "phone").await;

    server.memory(0.96);
    server.stands(Level::Full).await;
    // One that was open before, and one that is let in to say who it is.
    let mut late = Client::open(address).await;
    is_refused(address).await;
    for (newcomer, token) in [(&mut early, "user:4"), (&mut late, "user:5")] {
        let busy = newcomer.connect(token, "phone").await.expect_err("there is no place");
        assert_eq!((busy.code, busy.retry_after_ms), (ErrorCode::Busy, Some(5_000)));
        let Notice::Closing { code, reason, .. } = newcomer.notice().await else { panic!("a word before the end") };
        assert_eq!((code, reason.as_str()), (CloseCode::Busy.number(), "busy"));
        assert_eq!(newcomer.closed().await, Some(CloseCode::Busy.number()));
    }

    // Who is in goes on, in no room too; a lost socket comes back to its room, and to every event that it missed.
    spare.ping().await;
    let positions = listener.positions();
    listener.cut();
    speaker.chat(room(1), "meanwhile").await.expect("a fourth of the rate");
    let mut again = loop {
        // The undecided one before gives its place back when it has ended.
        if let Ok(again) = Client::open_with(address, &[("sec-websocket-protocol", "parlor.v1.json")]).await {
            break again;
        }
    };
    again.stand_where(positions);
    let joins = vec![again.join_of(room(1), "room")];
    let connected = again.connect_and_join("user:2", "phone", joins).await.expect("no newcomer");
    let answer = serde_json::to_value(&connected.joins).expect("JSON");
    assert_eq!(answer[0]["data"]["recovered"], Value::from(true), "{answer}");
    assert_eq!(answer[0]["data"]["events"][0]["data"]["text"], Value::from("meanwhile"), "{answer}");

    // Senders are slowed: of eight in 800 s the first took 100 s, the second four times as much, and so would the next.
    let slowed = speaker.chat(room(1), "too much").await.expect_err("a fourth of the rate");
    assert_eq!(slowed.code, ErrorCode::RateLimited);
    let wait = slowed.retry_after_ms.expect("says how long");
    assert!((50_000..=100_000).contains(&wait), "{wait}");

    server.memory(0.3);
    server.stands(Level::Normal).await;
    speaker.chat(room(1), "well again").await.expect("the whole rate");
    again.ping().await;
    let mut seen = vec!["while all is well".to_owned(), "meanwhile".to_owned()];
    lines(&mut again, &mut seen);
    assert_eq!(seen, ["while all is well", "meanwhile", "well again"]);
    let mut seen = Vec::new();
    lines(&mut speaker, &mut seen);
    assert_eq!(seen, ["while all is well", "meanwhile", "well again"]);
    Client::connected(address, "user:6", "phone").await.ping().await;
    server.stop().await;
}

#[tokio::test]
async fn over_the_bound_of_people_a_handshake_is_refused_and_over_that_of_strangers_only_health_is_told() {
    let settings = gateway::Settings { max_connections: 2, max_strangers: Some(16), ..Default::default() };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let address = server.address;
    let mut first = Client::connected(address, "user:1", "phone").await;
    first.join(room(1), "room").await.expect("a good token");
    let second = Client::connected(address, "user:2", "phone").await;
    let undecided = Raw::open(address).await;
    is_refused(address).await;
    // All places of strangers: one is undecided, the rest says nothing.
    let mut silent = Vec::new();
    for _ in 0..15 {
        silent.push(Raw::tcp(address).await);
    }
    is_refused(address).await;
    assert_eq!(Raw::tcp(address).await.ask("GET", "/healthz").await, 200);
    first.ping().await;
    drop((silent, undecided));
    // Another device of who is in a room comes in, over the bound too; nobody else does.
    let mut tablet = soon("a place", undecided_socket(address)).await;
    tablet.connect("user:1", "tablet").await.expect("has a place in a room");
    let mut newcomer = soon("a place", undecided_socket(address)).await;
    assert_eq!(newcomer.connect("user:3", "phone").await.expect_err("has none").code, ErrorCode::Busy);
    assert_eq!(newcomer.closed().await, Some(CloseCode::Busy.number()));
    // A socket gives its place back when it ends.
    second.close(1_000).await;
    tablet.close(1_000).await;
    soon("a place under the bound", async {
        while undecided_socket(address).await.connect("user:3", "phone").await.is_err() {}
    })
    .await;
    server.stop().await;
}

/// A socket whose handshake goes through as soon as no other is undecided.
async fn undecided_socket(address: SocketAddr) -> Client {
    let open = async || Client::open_with(address, &[("sec-websocket-protocol", SUBPROTOCOL)]).await.ok();
    until("a place among the undecided", PATIENCE, open).await
}
