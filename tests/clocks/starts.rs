//! A start that waits for another server's lease.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use crate::support::time::until;
use crate::support::world::World;

/// The status of a GET, if anybody answers.
async fn status(address: SocketAddr, path: &'static str) -> Option<u16> {
    let asked = spawn_blocking(move || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_millis(500)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: parlor\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    asked.await.expect("no panic").ok()?.split(' ').nth(1)?.parse().ok()
}

/// What makes the dead server's lease one of a clock that was a day ahead, or is a day behind.
const DATES: [&str; 2] = [
    "update nodes set lease_until = clock_timestamp() + interval '1 day'",
    "update nodes set lease_until = clock_timestamp() - interval '1 day'",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_behind_a_dead_server_waits_for_one_lease_and_says_meanwhile_that_it_lives() {
    let mut world = World::serve().at_one_address().lease(4_000).await;
    let address = world.address;
    for date in DATES {
        world.kill().await;
        world.superuser(date).await;
        let begun = Instant::now();
        let watched = async {
            until("/healthz is answered", Duration::from_secs(10), async || {
                (status(address, "/healthz").await? == 200).then_some(())
            })
            .await;
            let took = begun.elapsed();
            assert!(took < Duration::from_millis(3_500), "only after {took:?}, when the server served");
            assert_eq!(status(address, "/readyz").await, Some(503), "it does not serve yet");
            assert_eq!(status(address, "/v1/rooms").await, Some(503));
        };
        tokio::join!(world.start_again(), watched);
        let took = begun.elapsed();
        assert!(took >= Duration::from_secs(4) && took < Duration::from_secs(20), "{took:?}");
        assert_eq!(status(address, "/readyz").await, Some(200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_behind_a_server_that_has_stopped_waits_for_nothing_whatever_the_databases_clock_showed() {
    let mut world = World::serve().at_one_address().lease(60_000).await;
    for date in DATES {
        // The clock was wrong while the server served, and is set right while it is stopped.
        world.superuser(date).await;
        world.stop().await;
        let begun = Instant::now();
        world.start_again().await;
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}
