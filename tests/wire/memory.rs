//! Prints how much resident memory an idle socket takes. The load test checks it against the target.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use parlor::{delivery, gateway};

use super::server::Server;
use crate::support::raw::{handshake, text};

const SOCKETS: usize = 8_000;

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4_096
}

/// A client that takes a file descriptor of this process and nothing else.
fn idle(address: SocketAddr, frames: &[String]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.write_all(handshake(address).as_bytes()).expect("open");
    let mut portion = [0; 4_096];
    assert!(stream.read(&mut portion).expect("a head") > 0);
    for frame in frames {
        stream.write_all(&text(frame)).expect("open");
        assert!(stream.read(&mut portion).expect("a reply") > 0);
    }
    stream
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn resident_memory_of_idle_sockets() {
    let settings = gateway::Settings {
        connect_ms: 600_000,
        strangers_of_address: Some(2 * SOCKETS),
        connections_per_minute_address: 100_000,
        ..Default::default()
    };
    let server = Server::start_with(settings, delivery::Settings::default()).await;
    let address = server.address;
    let mut kept = Vec::with_capacity(2 * SOCKETS);
    for (what, joins) in [("warm-up", true), ("open", false), ("connected", false), ("in a room", true)] {
        let sockets = if what == "warm-up" { 500 } else { SOCKETS / 3 };
        let before = resident_bytes();
        let first = kept.len();
        let opened = tokio::task::spawn_blocking(move || {
            (first..first + sockets)
                .map(|number| {
                    let connect = format!(
                        r#"{{"id":1,"type":"connect","data":{{"token":"user:{number}","device":"phone"}}}}"#
                    );
                    let join = r#"{"id":2,"type":"room.join","data":{"room":104000001,"token":"room","position":{"epoch":1790000000000,"seq":0}}}"#.to_owned();
                    match (what, joins) {
                        ("open", _) => idle(address, &[]),
                        (_, false) => idle(address, &[connect]),
                        (_, true) => idle(address, &[connect, join]),
                    }
                })
                .collect::<Vec<_>>()
        });
        kept.extend(opened.await.expect("no client panics"));
        let each = resident_bytes().saturating_sub(before) / sockets;
        println!("{what}: {each} bytes of resident memory for each of {sockets} sockets");
    }
    drop(kept);
    server.stop().await;
}
