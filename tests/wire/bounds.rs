//! What connections of strangers can take: places, time, and what is held for them. Nobody else is refused or cut by it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use parlor::{delivery, gateway};
use parlor_protocol::CloseCode;
use tokio::io::AsyncReadExt;

use super::server::{LARGE, Server, room};
use crate::support::client::{Client, PATIENCE, soon};
use crate::support::raw::{Raw, handshake, masked};
use crate::support::time::{moment, until};

async fn served(settings: gateway::Settings) -> Server {
    Server::start_with(settings, delivery::Settings::default()).await
}

/// One of eight addresses of this machine that the tests' other clients do not have.
fn stranger(number: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, 10 + number % 8])
}

async fn from(number: u8, address: SocketAddr) -> Raw {
    Raw::tcp_from(stranger(number), address).await.expect("the server accepts")
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up_and_one_that_is_read_slowly_is_not() {
    let server = served(gateway::Settings { write_ms: 1_000, ..Default::default() }).await;
    let request = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
    let (mut unread, mut dripping, mut slow) =
        (from(1, server.address).await, from(1, server.address).await, from(1, server.address).await);
    for raw in [&mut unread, &mut dripping, &mut slow] {
        raw.send(request).await;
    }
    let since = Instant::now();
    let mut byte = [0; 1];
    let mut portion = vec![0; 64 * 1024];
    let (mut read, mut unread_is_cut, mut dripping_is_cut) = (0, false, false);
    until("both who take too little are cut", Duration::from_secs(20), async || {
        if !dripping_is_cut {
            // There may be nothing at the moment.
            let _ = tokio::time::timeout(Duration::from_millis(1), dripping.stream.read(&mut byte)).await;
            dripping_is_cut = dripping.is_cut();
        }
        unread_is_cut |= unread.is_cut();
        read += soon("more", slow.stream.read(&mut portion)).await.expect("it is not cut");
        (unread_is_cut && dripping_is_cut).then_some(())
    })
    .await;
    assert!(since.elapsed() >= Duration::from_secs(1), "{:?}", since.elapsed());
    while read < LARGE {
        let more = soon("more", slow.stream.read(&mut portion)).await.expect("it is not cut");
        assert!(more > 0, "only {read} bytes");
        read += more;
    }
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_longer_than_a_head_may_take() {
    let server = served(gateway::Settings { head_ms: 300, keep_alive_ms: 2_500, ..Default::default() }).await;
    let mut idle = Raw::tcp(server.address).await;
    for _ in 0..3 {
        assert_eq!(idle.ask("HEAD", "/healthz").await, 200);
        moment(600..700).await;
    }
    let mut half = Raw::tcp(server.address).await;
    assert_eq!(half.ask("HEAD", "/healthz").await, 200);
    // A slow network brings a head in parts, and each part is no new time.
    let since = Instant::now();
    for part in ["GET /heal", "thz HTTP/1.1\r\n", "Host:"] {
        half.send(part.as_bytes()).await;
    }
    assert!(half.rest().await.is_empty());
    let took = since.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_millis(2_400)).contains(&took), "{took:?}");

    assert_eq!(idle.ask("HEAD", "/healthz").await, 200);
    let since = Instant::now();
    assert!(idle.rest().await.is_empty(), "it ends");
    assert!(since.elapsed() >= Duration::from_millis(2_400), "{:?}", since.elapsed());
    // One that never says anything does not stay either.
    let since = Instant::now();
    assert!(Raw::tcp(server.address).await.rest().await.is_empty());
    assert!(since.elapsed() < Duration::from_millis(2_400), "{:?}", since.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn strangers_of_eight_addresses_take_no_place_from_anybody_else() {
    let settings = gateway::Settings { max_strangers: Some(32), strangers_of_address: Some(8), ..Default::default() };
    let server = served(settings).await;
    let address = server.address;
    let mut speaker = Client::connected(address, "user:1", "phone").await;
    speaker.join(room(1), "room").await.expect("a good token");

    let mut held = Vec::new();
    for number in 0..80 {
        let mut raw = from(number, address).await;
        match number / 8 % 4 {
            0 => {}
            1 => raw.send(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await,
            2 => raw.send(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n").await,
            _ => raw.send(handshake(address).as_bytes()).await,
        }
        held.push(raw);
    }
    // Whoever is in goes on, whoever was never here comes in, whoever was cut comes back.
    speaker.chat(room(1), "undisturbed").await.expect("it is in");
    let mut newcomer = Client::connected(address, "user:2", "phone").await;
    newcomer.join(room(1), "room").await.expect("a good token");
    let positions = newcomer.cut();
    speaker.chat(room(1), "meanwhile").await.expect("it is in");
    let mut again = Client::open(address).await;
    again.stand_where(positions);
    let joins = vec![again.join_of(room(1), "room")];
    again.connect_and_join("user:2", "phone", joins).await.expect("a good token");
    again.ping().await;
    // How it is can be asked even from an address that has taken its share.
    for number in 0..8 {
        let mut health = from(number, address).await;
        assert_eq!(health.ask("GET", "/healthz").await, 200);
    }
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn one_address_has_its_share_and_is_told_so() {
    let settings = gateway::Settings { strangers_of_address: Some(3), ..Default::default() };
    let server = served(settings).await;
    let address = server.address;
    let _held = [from(1, address).await, from(1, address).await, from(1, address).await];
    let mut fourth = from(1, address).await;
    fourth.send(handshake(address).as_bytes()).await;
    let head = fourth.head().await.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 503 ") && head.contains("connection: close"), "{head}");
    assert!(String::from_utf8_lossy(&fourth.rest().await).contains(r#""code":"busy""#));
    assert_eq!(from(1, address).await.ask("GET", "/healthz").await, 200);
    assert_eq!(from(1, address).await.ask("GET", "/large").await, 503);
    // A socket whose user is in counts no more, so many people can be behind one address.
    let mut people = Vec::new();
    for number in 1..8 {
        people.push(Client::connected(address, &format!("user:{number}"), "phone").await);
    }
    // After a second the oldest that has said nothing must go.
    let mut later = until("a place of its own address", PATIENCE, async || {
        let mut raw = from(1, address).await;
        raw.send(handshake(address).as_bytes()).await;
        raw.head().await.starts_with("HTTP/1.1 101 ").then_some(raw)
    })
    .await;
    later.send(&masked(0x89, b"here")).await;
    assert_eq!(later.frame().await, Some((0x8A, b"here".to_vec())));
    for person in &mut people {
        person.ping().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn an_unconnected_socket_that_loses_its_place_is_told() {
    let settings = gateway::Settings { strangers_of_address: Some(1), ..Default::default() };
    let server = served(settings).await;
    let mut first = Raw::open(server.address).await;
    until("the second takes its place", PATIENCE, async || {
        let mut second = Raw::tcp(server.address).await;
        (second.ask("HEAD", "/large").await == 200).then_some(())
    })
    .await;
    assert_eq!(first.closed().await.0, CloseCode::Busy.number());
    server.stop().await;
}

#[tokio::test]
async fn regression_a_closed_socket_that_is_still_read_has_its_place() {
    let settings = gateway::Settings { strangers_of_address: Some(2), ..Default::default() };
    let server = served(settings).await;
    let since = Instant::now();
    let (mut first, mut second) = (Raw::open(server.address).await, Raw::open(server.address).await);
    for socket in [&mut first, &mut second] {
        socket.send(&masked(0x83, b"")).await;
        assert_eq!(socket.closed().await.0, 1002);
    }
    // The peer has not closed its side yet, so the server reads on for a second.
    let status = Raw::tcp(server.address).await.ask("GET", "/large").await;
    assert!(status == 503 || since.elapsed() > Duration::from_secs(1), "{status}");
    drop((first, second));
    until("the places are free", PATIENCE, async || {
        (Raw::tcp(server.address).await.ask("HEAD", "/large").await == 200).then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn new_connections_of_one_address_have_a_rate() {
    let settings = gateway::Settings { connections_per_minute_address: 20, ..Default::default() };
    let server = served(settings).await;
    let mut served = 0;
    for _ in 0..40 {
        // The system may say so at the request or at the answer.
        let Ok(mut raw) = Raw::tcp_from(stranger(1), server.address).await else { continue };
        if tokio::io::AsyncWriteExt::write_all(&mut raw.stream, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .is_ok()
        {
            let mut answer = [0; 15];
            served += usize::from(raw.stream.read_exact(&mut answer).await.is_ok());
        }
    }
    assert_eq!(served, 20);
    assert_eq!(Raw::tcp(server.address).await.ask("GET", "/healthz").await, 200, "another address has its own");
    server.stop().await;
}

#[tokio::test]
async fn requests_of_one_address_above_their_rate_wait() {
    let requests = parlor::kit::rate::Rate { count: 10, per_ms: 4_000 };
    let server = served(gateway::Settings { requests, ..Default::default() }).await;
    let (mut one, mut other) = (from(1, server.address).await, from(1, server.address).await);
    for _ in 0..5 {
        assert_eq!(one.ask("HEAD", "/healthz").await, 200);
        assert_eq!(other.ask("HEAD", "/healthz").await, 200);
    }
    let since = Instant::now();
    assert_eq!(one.ask("HEAD", "/healthz").await, 200);
    assert!(since.elapsed() >= Duration::from_millis(300), "{:?}", since.elapsed());
    let since = Instant::now();
    assert_eq!(from(2, server.address).await.ask("HEAD", "/healthz").await, 200);
    assert!(since.elapsed() < Duration::from_secs(2), "another address does not wait: {:?}", since.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn a_socket_before_its_connect_can_make_the_server_keep_little() {
    let server = served(gateway::Settings::default()).await;
    let mut raw = Raw::open(server.address).await;
    raw.send(&masked(0x81, &[b' '; 8 * 1024 + 1])).await;
    assert_eq!(raw.closed().await.0, CloseCode::TooLarge.number());
    let mut client = Client::connected(server.address, "user:1", "phone").await;
    client.text(&" ".repeat(60_000)).await;
    assert_eq!(client.complaint().await.code, parlor_protocol::ErrorCode::BadFrame, "one who is in may say more");
    server.stop().await;
}
