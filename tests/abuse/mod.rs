//! What one stranger can do to the server to harm others, as one table, and what is right: nobody else is refused or cut,
//! and memory and open files stay in bounds.
//!
//! Each abuse is done by a process of its own, of the least priority. Meanwhile two people chat, a newcomer signs in and
//! joins, somebody comes back, and a balancer asks for the server's health. `./parlor prove abuse` does the same to a
//! release build, with the server and everybody else on a core each, and compares how long the others wait with and
//! without the abuse.

mod act;
mod others;
mod stranger;
mod tally;

use std::net::SocketAddr;
use std::time::Duration;

use parlor_loadtests::proof::Run;
use serde::{Deserialize, Serialize};

use self::others::Others;
use self::stranger::Stranger;
use crate::support::raw::{Raw, hears_no_more, is_forgotten, text};
use crate::support::time::{moment, until};
use crate::support::world::World;

/// The most resident memory that all abuses together may add, in bytes.
const MEMORY: u64 = 96 * 1024 * 1024;

/// Open files that the server has beside those of strangers: its own, the database's, the others' sockets.
const FILES_BESIDE: usize = 128;

/// Strangers have so many places in a test run, and one address so many of them.
const PLACES: (usize, usize) = (256, 64);

/// The longest that somebody waits for a line in a test run, on a machine that is busy with other tests.
const WAIT: Duration = Duration::from_secs(5);

/// The others' p99 with an abuse may be this many times that without it.
const RATIO: f64 = 1.5;

/// A p99 below this counts as this: it is the machine's own noise.
const NOISE: Duration = Duration::from_millis(2);

/// Whom an abuse is done to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Target {
    /// The abuse's name.
    name: String,
    address: SocketAddr,
    /// The access token of an account that the stranger has made.
    token: String,
    /// A room that everybody may join, and the token for it.
    room: i64,
    room_token: String,
    /// How many connections a wide abuse makes: more than there are places.
    wide: usize,
}

/// The server that is abused. In the long form it has one core for itself, and its default bounds.
async fn served(is_long: bool) -> World {
    let plan = World::dev().set_all([
        ("PARLOR__GATEWAY__CHAT", "1000 in 1000 ms"),
        ("PARLOR__GATEWAY__JOIN", "6000 in 60000 ms"),
        ("PARLOR__GATEWAY__CONNECT", "6000 in 60000 ms"),
        ("PARLOR__GATEWAY__SILENCE_MS", "46000"),
        ("PARLOR__IDENTITY__ATTEMPTS_PER_MINUTE_ACCOUNT", "1000"),
    ]);
    if is_long {
        return plan.set("TOKIO_WORKER_THREADS", 1).set("PARLOR__DELIVERY__SHARDS", 1).await;
    }
    plan.set("PARLOR__GATEWAY__MAX_STRANGERS", PLACES.0)
        .set("PARLOR__GATEWAY__STRANGERS_OF_ADDRESS", PLACES.1)
        .set("PARLOR__GATEWAY__FLOOD_MS", 1_000)
        .set("PARLOR__GATEWAY__WRITE_MS", 1_000)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stranger_harms_nobody_else() {
    let proof = Run::of("abuse");
    let is_long = proof.is_long();
    let world = served(is_long).await;
    if is_long {
        others::pin(world.program.pid(), 0);
        others::pin(std::process::id(), 1);
    }
    let (token, _) = world.demo(4).await;
    let mut others = Others::come(&world).await;
    let room_token = world.pass(&token, others.room).await;
    let files = if is_long { usize::MAX } else { PLACES.0 + stranger::PORCH + FILES_BESIDE };
    let memory = others.memory() + MEMORY;
    let mut most_files = 0;
    let mut undone = Vec::new();
    proof
        .passes(async |ms| {
            let time = Duration::from_millis(ms as u64);
            for (at, (name, does, right, sees, _)) in act::TABLE.iter().enumerate() {
                let target = Target {
                    name: (*name).to_owned(),
                    address: world.address,
                    token: token.clone(),
                    room: others.room.number(),
                    room_token: room_token.clone(),
                    wide: if is_long { 4_000 } else { 2 * PLACES.0 },
                };
                let before = if is_long { Some(others.go_on(time).await) } else { None };
                let mut stranger = Stranger::acts(&target);
                let during = others.go_on(time).await;
                assert!(stranger.goes_on(), "{name}: the stranger has given up");
                let tally = stranger.ends();
                // The long form has the default bounds, some of which a few seconds do not reach.
                let sees = if is_long { &["connected", "written"][..] } else { *sees };
                undone.extend(
                    sees.iter()
                        .filter(|kind| !tally.contains_key(**kind))
                        .map(|kind| format!("{name}: never {kind}, but {tally:?}")),
                );
                most_files = most_files.max(during.files);
                let what = format!("{name}: {does}; right is: {right}; but");
                assert!(during.memory <= memory, "{what}: {} MiB of memory", during.memory >> 20);
                assert!(during.files <= files, "{what}: {} open files", during.files);
                match before {
                    None => assert!(during.longest < WAIT, "{what}: somebody waited for {:?}", during.longest),
                    Some(before) => {
                        let ratio = during.p99.max(NOISE).as_secs_f64() / before.p99.max(NOISE).as_secs_f64();
                        eprintln!("abuse {name}: p99 {:?} without, {:?} with: {ratio:.2}", before.p99, during.p99);
                        assert!(ratio <= RATIO, "{what}: the others' p99 is {ratio:.2} times that without");
                    }
                }
                proof.done(at);
            }
        })
        .await;
    assert!(most_files > PLACES.0 / 2, "{most_files} open files: the strangers have not even tried");
    assert!(undone.is_empty(), "an abuse is not what it is meant to be:\n{}", undone.join("\n"));
    others.are_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_vanish_without_a_word_are_ended() {
    const STRANGERS: usize = 60;
    const DEVICES: usize = 8;
    let world = World::dev()
        .set("PARLOR__GATEWAY__CONNECT_MS", 8_000)
        .set("PARLOR__GATEWAY__PING_MS", 1_000)
        .set("PARLOR__GATEWAY__SILENCE_MS", 5_000)
        .await;
    let (token, _) = world.demo(4).await;
    let room = world.made(&token, "Deserted").await;
    let pass = world.pass(&token, room).await;
    let program = world.program.pid();
    let before = others::open_files(program);
    let mut vanished = Vec::new();
    for device in 0..DEVICES {
        let mut socket = Raw::open(world.address).await;
        let data = serde_json::json!({
            "token": token, "device": device.to_string(), "joins": [{"room": room, "token": pass}],
        });
        socket.send(&text(&serde_json::json!({"id": 1, "type": "connect", "data": data}).to_string())).await;
        let (_, answer) = socket.frame().await.expect("an answer");
        assert!(answer.starts_with(b"{\"id\":1,\"data\":"), "{}", String::from_utf8_lossy(&answer));
        vanished.push(socket);
    }
    for _ in 0..STRANGERS {
        vanished.push(Raw::open(world.address).await);
    }
    vanished.iter().for_each(|socket| hears_no_more(&socket.stream));
    // The server's own connections, as to its database, come and go.
    assert!(others::open_files(program) >= before + STRANGERS, "they are there");
    until("the end of all", Duration::from_secs(60), async || {
        (others::open_files(program) <= before + DEVICES / 2).then_some(())
    })
    .await;
    vanished.into_iter().for_each(|socket| is_forgotten(socket.stream));
}

/// hyper's buffer stayed in memory with each byte: some 4 KiB for it.
#[tokio::test]
async fn bodies_that_come_a_byte_at_a_time_cost_no_more_than_their_length() {
    const BODIES: usize = 100;
    const BYTES: usize = 100;
    let world = World::dev().await;
    let mut bodies = Vec::new();
    for _ in 0..BODIES {
        let mut body = Raw::tcp(world.address).await;
        body.send(
            b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n ",
        )
        .await;
        bodies.push(body);
    }
    moment(200..300).await;
    let before = others::memory(world.program.pid());
    for _ in 0..BYTES {
        for body in &mut bodies {
            body.send(b" ").await;
        }
        moment(5..10).await;
    }
    moment(200..300).await;
    let grown = others::memory(world.program.pid()).saturating_sub(before);
    assert!(grown < (BODIES * BYTES * 1_024) as u64, "{grown} bytes for {BODIES} bodies of {BYTES} bytes");
}

#[test]
fn the_table_has_each_kind_of_abuse_once() {
    let names: std::collections::HashSet<_> = act::TABLE.iter().map(|(name, ..)| name).collect();
    assert!(names.len() >= 20 && names.len() == act::TABLE.len(), "{}", names.len());
}
