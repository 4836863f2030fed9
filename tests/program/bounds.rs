//! What strangers can take from the real program: its places, and its open files.

use crate::support::client::Client;
use crate::support::program::{complaint, run, with_files};
use crate::support::raw::Raw;
use crate::support::time::moment;
use crate::support::world::World;

const UNREAD: &[u8] = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";

async fn is_well(world: &World) {
    for path in ["/healthz", "/readyz"] {
        assert_eq!(Raw::tcp(world.address).await.ask("GET", path).await, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_answers_that_nobody_reads_take_no_place_from_anybody() {
    let world = World::serve()
        .set("PARLOR__GATEWAY__MAX_CONNECTIONS", 200)
        .set("PARLOR__GATEWAY__STRANGERS_OF_ADDRESS", 200)
        .set("PARLOR__GATEWAY__WRITE_MS", 2_000)
        .await;
    let (user, token) = world.entered("user").await;
    let room = world.room(user).await;
    let mut owner = world.in_room(user, room).await;
    let mut unread = Vec::new();
    for _ in 0..230 {
        let mut raw = Raw::tcp_from([127, 0, 0, 1].into(), world.address).await.expect("it listens");
        raw.send(UNREAD).await;
        unread.push(raw);
        if unread.len() % 10 == 0 {
            is_well(&world).await;
            owner.ping().await;
        }
    }
    // Longer than `write_ms`. Nothing is read meanwhile, which would be progress.
    moment(4_000..5_000).await;
    for mut raw in unread {
        let rest = raw.rest().await.len();
        assert!(rest < 200_000, "{rest} bytes: it was still answered");
    }
    owner.ping().await;
    is_well(&world).await;
    Client::connected(world.address, &token, "tablet").await.ping().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_files_are_raised_held_to_and_said() {
    let raised = World::serve().files(100, 4_096).await;
    let said = raised.program.said();
    assert!(said.contains("only 4096 files open") && said.contains("gateway.max_connections is 100000"), "{said}");
    drop(raised);
    let enough = World::serve().files(100, 4_096).set("PARLOR__GATEWAY__MAX_CONNECTIONS", 3_000).await;
    let said = enough.program.said();
    assert!(said.contains("4096 files open, enough for gateway.max_connections = 3000"), "{said}");
    drop(enough);

    let world = World::serve().files(256, 256).await;
    let (user, token) = world.entered("user").await;
    let room = world.room(user).await;
    let mut owner = world.in_room(user, room).await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(Raw::tcp_from([127, 0, 0, 9].into(), world.address).await.expect("the system accepts for it"));
    }
    is_well(&world).await;
    owner.ping().await;
    Client::connected(world.address, &token, "tablet").await.ping().await;
    let said = world.program.said();
    assert!(!said.contains("cannot be accepted"), "{said}");

    let mut serve = crate::support::program::parlor(&["serve"]);
    serve.env("DATABASE_URL", world.database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
    let refused = tokio::task::block_in_place(|| run(&mut with_files(100, 100, &serve)));
    let sentence = "parlor: the server may have only 100 files open, of which it needs ";
    assert!(complaint(&refused).contains(sentence), "{}", complaint(&refused));
    assert_eq!(refused.status.code(), Some(2));
}
