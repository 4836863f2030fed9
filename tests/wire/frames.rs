//! Frames and handshakes that are malformed, split or hostile.

use parlor::kit::rate::Rate;
use parlor::{delivery, gateway};
use parlor_protocol::{CloseCode, ErrorCode};

use super::server::Server;
use crate::support::client::Client;
use crate::support::raw::{Raw, handshake, masked, text};

const CONNECT: &str = r#"{"id":1,"type":"connect","data":{"token":"user:1","device":"phone"}}"#;

#[tokio::test]
async fn a_frame_directly_after_the_handshake_is_answered() {
    let server = Server::start().await;
    let mut raw = Raw::tcp(server.address).await;
    let mut bytes = handshake(server.address).into_bytes();
    bytes.extend(text(CONNECT));
    // The second frame comes in two parts, the first of which also follows the handshake directly.
    let ping = text(r#"{"id":2,"type":"ping"}"#);
    bytes.extend(&ping[..5]);
    raw.send(&bytes).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    let (first, reply) = raw.frame().await.expect("a reply");
    assert_eq!(first, 0x81);
    assert!(String::from_utf8_lossy(&reply).starts_with(r#"{"id":1,"data":{"session":"#));
    raw.send(&ping[5..]).await;
    assert_eq!(raw.frame().await.expect("a reply").1, br#"{"id":2,"data":{}}"#);
    drop(raw);
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_may_come_late_in_parts_and_after_another_request() {
    let server = Server::start().await;
    let handshake = handshake(server.address);
    let (first, second) = handshake.as_bytes().split_at(30);
    let is_open = async |mut raw: Raw| {
        assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
        raw.send(&text(CONNECT)).await;
        assert!(String::from_utf8_lossy(&raw.frame().await.expect("a reply").1).starts_with(r#"{"id":1,"data""#));
    };
    // The server has accepted the connection before this one, so nothing of this one has arrived then.
    let mut late = Raw::tcp(server.address).await;
    drop(Client::connected(server.address, "user:1", "phone").await);
    late.send(handshake.as_bytes()).await;
    is_open(late).await;
    let mut in_parts = Raw::tcp(server.address).await;
    in_parts.send(first).await;
    drop(Client::connected(server.address, "user:1", "phone").await);
    in_parts.send(second).await;
    is_open(in_parts).await;
    let mut behind = Raw::tcp(server.address).await;
    behind.send(format!("HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n{handshake}").as_bytes()).await;
    assert!(behind.head().await.starts_with("HTTP/1.1 404 "));
    is_open(behind).await;
    server.stop().await;
}

#[tokio::test]
async fn frames_that_violate_the_protocol_close_the_socket_with_their_code() {
    let server = Server::start().await;
    let cases = [
        ("binary", masked(0x82, b"x"), CloseCode::Unsupported),
        ("too large", masked(0x81, &vec![b' '; 64 * 1024 + 1]), CloseCode::TooLarge),
        (
            "too large in fragments",
            [masked(0x01, &vec![b' '; 40_000]), masked(0x80, &vec![b' '; 40_000])].concat(),
            CloseCode::TooLarge,
        ),
        ("no UTF-8", masked(0x81, &[0xC3, 0x28]), CloseCode::InvalidText),
        ("not masked", b"\x81\x02{}".to_vec(), CloseCode::Protocol),
        ("a reserved bit", masked(0xC1, b"x"), CloseCode::Protocol),
        ("a reserved opcode", masked(0x83, b"x"), CloseCode::Protocol),
        ("a continuation of nothing", masked(0x80, b"x"), CloseCode::Protocol),
        ("a fragmented ping", masked(0x09, b"x"), CloseCode::Protocol),
        ("a bad close code", masked(0x88, &1_005_u16.to_be_bytes()), CloseCode::Protocol),
    ];
    for (what, bytes, code) in cases {
        let mut raw = Raw::open(server.address).await;
        raw.send(&bytes).await;
        let (closed, texts) = raw.closed().await;
        assert_eq!(closed, code.number(), "{what}");
        let notice = format!(r#"{{"type":"closing","data":{{"code":{closed},"reason":"{}"}}}}"#, code.reason());
        assert_eq!(texts, [notice], "{what}");
    }
    // Other sockets are not affected.
    Client::connected(server.address, "user:1", "phone").await.ping().await;
    server.stop().await;
}

#[tokio::test]
async fn a_close_is_echoed_and_a_ping_between_fragments_is_answered() {
    let server = Server::start().await;
    let mut raw = Raw::open(server.address).await;
    let (begin, end) = CONNECT.split_at(20);
    raw.send(&[masked(0x01, begin.as_bytes()), masked(0x89, b"here?"), masked(0x80, end.as_bytes())].concat()).await;
    assert_eq!(raw.frame().await, Some((0x8A, b"here?".to_vec())));
    assert_eq!(raw.frame().await.expect("a reply").0, 0x81);
    raw.send(&masked(0x88, &1_000_u16.to_be_bytes())).await;
    assert_eq!(raw.closed().await, (1_000, vec![]));
    assert_eq!(raw.frame().await, None);
    server.stop().await;
}

#[tokio::test]
async fn the_third_unreadable_frame_in_a_row_closes_the_socket() {
    let server = Server::start().await;
    let mut client = Client::open(server.address).await;
    for junk in ["junk", "[1,2]"] {
        client.text(junk).await;
        assert_eq!(client.complaint().await.code, ErrorCode::BadFrame);
    }
    // A readable frame between them resets the count.
    client.connect("user:1", "phone").await.expect("a good token");
    for junk in ["", r#"{"type":"ping"}"#, r#"{"id":"seven","type":"ping"}"#] {
        client.text(junk).await;
        assert_eq!(client.complaint().await.code, ErrorCode::BadFrame);
    }
    assert_eq!(client.closed().await, Some(CloseCode::BadFrames.number()));
    server.stop().await;
}

#[tokio::test]
async fn an_invalid_handshake_is_refused_with_a_problem() {
    let server = Server::start().await;
    for (bad, good, status) in [
        ("Upgrade: h2c", "Upgrade: websocket", "426"),
        ("Sec-WebSocket-Version: 8", "Sec-WebSocket-Version: 13", "426"),
        ("Sec-WebSocket-Key: x", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "400"),
        ("Sec-WebSocket-Protocol: soap", "Sec-WebSocket-Protocol: parlor.v1.json", "400"),
        ("Origin: https://evil.example", "Connection: Upgrade\r\nUpgrade: websocket", "403"),
    ] {
        let mut raw = Raw::tcp(server.address).await;
        let request = if status == "403" {
            handshake(server.address).replace("Connection:", &format!("{bad}\r\nConnection:"))
        } else {
            handshake(server.address).replace(good, bad)
        };
        raw.send(request.as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{bad}: {head}");
        assert!(head.contains("application/problem+json"), "{head}");
    }
    server.stop().await;
}

#[tokio::test]
async fn regression_pings_before_connect_queue_one_pong() {
    let narrow = delivery::Settings { outbox_bytes: 4_096, ..delivery::Settings::default() };
    let endless = Rate { count: 1_000_000_000, per_ms: 1_000 };
    let settings = gateway::Settings { frames: endless, bytes: endless, ..Default::default() };
    let server = Server::start_with(settings, narrow).await;
    let mut raw = Raw::open(server.address).await;
    // Far more than the system's buffers hold, and the client has read nothing.
    let pings = 200_000_u32;
    let mut bytes = Vec::new();
    for number in 1..=pings {
        let mut payload = [b'.'; 125];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        bytes.extend(masked(0x89, &payload));
        if bytes.len() > 64 * 1024 || number == pings {
            raw.send(&std::mem::take(&mut bytes)).await;
        }
    }
    let (mut pongs, mut last) = (0, 0);
    while last != pings {
        let (first, payload) = raw.frame().await.expect("no slow consumer: the newest pong is all that waits");
        assert_eq!((first, payload.len()), (0x8A, 125));
        let number = u32::from_be_bytes([payload[0], payload[1], payload[2], payload[3]]);
        assert!(number > last, "in order");
        (pongs, last) = (pongs + 1, number);
    }
    assert!(pongs < pings, "{pongs} of {pings}");
    raw.send(&text(CONNECT)).await;
    assert!(raw.frame().await.expect("a reply").1.starts_with(br#"{"id":1,"data":{"session":"#));
    drop(raw);
    server.stop().await;
}
