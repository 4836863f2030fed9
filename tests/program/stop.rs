//! How the server stops, and what `/readyz` answers while something is missing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use parlor_loadtests::user::User;
use parlor_protocol::RoomId;
use serde_json::json;
use tokio::task::block_in_place;

use crate::support::postgres::{Cluster, Database};
use crate::support::program::Program;
use crate::support::time::until;
use crate::support::world::{Plan, World};

const LIVE: &str = "select count(*) from nodes where lease_until > clock_timestamp()";

fn serve() -> Plan {
    World::serve().lease(1_000)
}

/// A connection on which this was said.
fn begun(address: SocketAddr, head: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
    stream.write_all(head).expect("it reads");
    stream
}

/// What still comes on a connection until its end.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Somebody in a new room of their own.
async fn somebody_in_a_room(world: &World) -> User {
    let mut user = User::enter(world.address, "owner", RoomId::new(1).expect("a number")).await.expect("registers");
    user.screen.room = world.made(user.access(), "late").await;
    user.arrive().await.expect("comes in");
    user
}

async fn until_ready(program: &Program, status: u16, within: Duration) {
    let ready = async || (block_in_place(|| program.get("/readyz")).0 == status).then_some(());
    until(&format!("/readyz becomes {status}"), within, ready).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_an_unfinished_head_does_not_make_a_soft_stop_hard() {
    let mut world = serve().await;
    let address = world.address;
    let user = somebody_in_a_room(&world).await;
    let silent = begun(address, b"");
    let head = begun(address, b"GET /v1/wallet HTTP/1.1\r\nhost: par");
    let kept = begun(address, b"GET /healthz HTTP/1.1\r\nhost: parlor\r\n\r\n");
    assert_eq!(block_in_place(|| world.program.get("/healthz")).0, 200, "the others were read before this one");
    let since = Instant::now();
    world.program.signal(Signal::SIGTERM);
    block_in_place(|| {
        assert_eq!((rest(silent), rest(head)), (String::new(), String::new()));
        assert!(rest(kept).starts_with("HTTP/1.1 200 "));
    });
    assert!(since.elapsed() < Duration::from_secs(2), "closed at once, not at the head's deadline");
    drop(user);
    let status = block_in_place(|| world.program.ended(Duration::from_secs(5)));
    assert!(status.success(), "{}", world.program.said());
    assert_eq!(world.count(LIVE).await, 0, "the lease was given back");
    assert_eq!(world.count("select count(*) from room_owners where node_id <> ''").await, 0);
    assert_eq!(world.count("select count(*) from room_checkpoints").await, 1);
    assert!(!world.program.said().contains("stopping at once"), "{}", world.program.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_ledger_that_hangs_leaves_rooms_and_lease_their_time() {
    let mut world = serve().set("PARLOR__SERVER__STOP_WITHIN_MS", 5_000).set("PARLOR__LEDGER__WELCOME_COINS", 10).await;
    let user = somebody_in_a_room(&world).await;
    // An order that cannot be committed: the welcome of somebody who registers now.
    let mut lock = world.database.superuser.begin().await.expect("begins");
    sqlx::query("lock table journal in access exclusive mode").execute(&mut *lock).await.expect("locked");
    let body = json!({"email": "late@parlor.example", "password": "a long enough secret", "name": "l", "device": "d"})
        .to_string();
    let head = format!(
        "POST /v1/auth/register HTTP/1.1\r\nhost: parlor\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let waiting = begun(world.address, head.as_bytes());
    let held = "select count(*) from pg_locks where not granted and relation = 'journal'::regclass";
    let since = Instant::now();
    while world.count(held).await == 0 {
        assert!(since.elapsed() < Duration::from_secs(10), "the ledger comes to the locked table");
        tokio::task::yield_now().await;
    }
    let since = Instant::now();
    world.program.signal(Signal::SIGTERM);
    let status = block_in_place(|| world.program.ended(Duration::from_secs(8)));
    assert!(status.success() && since.elapsed() < Duration::from_secs(7), "{}", world.program.said());
    assert_eq!(world.count(LIVE).await, 0, "the lease was given back:\n{}", world.program.said());
    assert_eq!(world.count("select count(*) from room_owners where node_id <> ''").await, 0);
    lock.rollback().await.expect("unlocked");
    drop((waiting, user));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_stop_without_the_database_ends_every_socket_in_words() {
    let cluster = Cluster::private().await;
    let database = Database::fresh_in(&cluster).await;
    let mut world = serve().on(database).set("PARLOR__SERVER__STOP_WITHIN_MS", 4_000).await;
    let mut user = somebody_in_a_room(&world).await;
    cluster.kill().await;
    let since = Instant::now();
    world.program.signal(Signal::SIGTERM);
    // The socket is told and ended softly, long before the deadline.
    while user.hear().await.is_ok() {}
    assert!(since.elapsed() < Duration::from_secs(3), "the socket has ended");
    let status = block_in_place(|| world.program.ended(Duration::from_secs(7)));
    assert!(status.success(), "{}", world.program.said());
    assert!(!world.program.said().contains("before every socket has ended"), "{}", world.program.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_readiness_knows_the_ledgers_connection() {
    let world = serve().set("PARLOR__LEDGER__ATTEMPT_MS", 500).await;
    assert_eq!(block_in_place(|| world.program.get("/readyz")).0, 200, "from the first moment");
    let cut = "revoke insert on writers from parlor_app;
               select pg_terminate_backend(pid) from pg_stat_activity
                where application_name = 'parlor-ledger' and datname = current_database()";
    sqlx::raw_sql(cut).execute(&world.database.superuser).await.expect("the superuser may");
    until_ready(&world.program, 503, Duration::from_secs(10)).await;
    assert_eq!(block_in_place(|| world.program.get("/healthz")).0, 200);
    let mended = "grant insert on writers to parlor_app";
    sqlx::query(mended).execute(&world.database.superuser).await.expect("the superuser may");
    until_ready(&world.program, 200, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_readiness_knows_the_lease() {
    let world = serve().await;
    let mut gate = world.database.superuser.begin().await.expect("begins");
    sqlx::query("select pg_advisory_xact_lock(7270, 1)").execute(&mut *gate).await.expect("locked");
    until_ready(&world.program, 503, Duration::from_secs(10)).await;
    gate.rollback().await.expect("unlocked");
    until_ready(&world.program, 200, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_replaced_ends_and_says_why() {
    let mut world = serve().await;
    let next = "insert into nodes (id, incarnation, lease_until)
                values ('next', nextval('node_incarnations'), clock_timestamp() + interval '1 minute')";
    sqlx::query(next).execute(&world.database.app).await.expect("a node");
    let status = block_in_place(|| world.program.ended(Duration::from_secs(15)));
    assert_eq!(status.code(), Some(2));
    assert!(world.program.said().contains("another server has taken this one's place"), "{}", world.program.said());
}
