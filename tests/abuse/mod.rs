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

use std::net::SocketAddr;
use std::time::Duration;

use parlor_loadtests::proof::Run;
use serde::{Deserialize, Serialize};

use self::others::Others;
use self::stranger::Stranger;
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
    proof
        .passes(async |ms| {
            let time = Duration::from_millis(ms as u64);
            for (at, (name, does, right, _)) in act::TABLE.iter().enumerate() {
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
                drop(stranger);
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
    others.are_well().await;
}

#[test]
fn the_table_has_each_kind_of_abuse_once() {
    let names: std::collections::HashSet<_> = act::TABLE.iter().map(|(name, ..)| name).collect();
    assert!(names.len() >= 20 && names.len() == act::TABLE.len(), "{}", names.len());
}
