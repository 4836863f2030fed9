//! How the server stops, and what it says of itself while something is missing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use parlor_loadtests::user::User;
use parlor_protocol::RoomId;
use serde_json::json;
use sqlx::PgPool;
use tokio::task::block_in_place;

use crate::support::postgres::{Cluster, Database};
use crate::support::program::{Program, parlor};

const LIVE: &str = "select count(*) from nodes where lease_until > clock_timestamp()";

fn serve(database: &Database, settings: &[(&str, &str)]) -> Program {
    let mut command = parlor(&["serve"]);
    command.env("DATABASE_URL", database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
    command.env("PARLOR__CLUSTER__LEASE_MS", "1000").env("PARLOR__CLUSTER__RENEW_MS", "200");
    block_in_place(|| Program::start(command.envs(settings.iter().copied())))
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

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("a number")
}

/// Somebody in a new room of their own.
async fn somebody_in_a_room(address: SocketAddr) -> User {
    let mut user = User::enter(address, "owner", RoomId::new(1).expect("a number")).await.expect("registers");
    let room = parlor_loadtests::rest::post(address, "/v1/rooms", Some(user.access()), &json!({"name": "late"})).await;
    let room = room.expect("up").1["id"].as_i64().expect("a room");
    user.screen.room = RoomId::new(room).expect("an id");
    user.arrive().await.expect("comes in");
    user
}

async fn until_ready(program: &Program, status: u16, within: Duration) {
    let since = Instant::now();
    while block_in_place(|| program.get("/readyz")).0 != status {
        assert!(since.elapsed() < within, "/readyz does not become {status}:\n{}", program.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_an_unfinished_head_does_not_make_a_soft_stop_hard() {
    let database = Database::fresh().await;
    let mut program = serve(&database, &[]);
    let address = program.address;
    let user = somebody_in_a_room(address).await;
    let silent = begun(address, b"");
    let head = begun(address, b"GET /v1/wallet HTTP/1.1\r\nhost: par");
    let kept = begun(address, b"GET /healthz HTTP/1.1\r\nhost: parlor\r\n\r\n");
    assert_eq!(block_in_place(|| program.get("/healthz")).0, 200, "the others were read before this one");
    let since = Instant::now();
    program.signal(Signal::SIGTERM);
    block_in_place(|| {
        assert_eq!((rest(silent), rest(head)), (String::new(), String::new()));
        assert!(rest(kept).starts_with("HTTP/1.1 200 "));
    });
    assert!(since.elapsed() < Duration::from_secs(2), "closed at once, not at the head's deadline");
    drop(user);
    let status = block_in_place(|| program.ended(Duration::from_secs(5)));
    assert!(status.success(), "{}", program.said());
    assert_eq!(count(&database.app, LIVE).await, 0, "the lease was given back");
    assert_eq!(count(&database.app, "select count(*) from room_owners where node_id <> ''").await, 0);
    assert_eq!(count(&database.app, "select count(*) from room_checkpoints").await, 1);
    assert!(!program.said().contains("stopping at once"), "{}", program.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_ledger_that_hangs_leaves_rooms_and_lease_their_time() {
    let database = Database::fresh().await;
    let settings = [("PARLOR__SERVER__STOP_WITHIN_MS", "5000"), ("PARLOR__LEDGER__WELCOME_COINS", "10")];
    let mut program = serve(&database, &settings);
    let user = somebody_in_a_room(program.address).await;
    // An order that cannot be committed: the welcome of somebody who registers now.
    let mut lock = database.superuser.begin().await.expect("begins");
    sqlx::query("lock table journal in access exclusive mode").execute(&mut *lock).await.expect("locked");
    let body = json!({"email": "late@parlor.example", "password": "a long enough secret", "name": "l", "device": "d"})
        .to_string();
    let head = format!(
        "POST /v1/auth/register HTTP/1.1\r\nhost: parlor\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let waiting = begun(program.address, head.as_bytes());
    let held = "select count(*) from pg_locks where not granted and relation = 'journal'::regclass";
    let since = Instant::now();
    while count(&database.superuser, held).await == 0 {
        assert!(since.elapsed() < Duration::from_secs(10), "the ledger comes to the locked table");
        tokio::task::yield_now().await;
    }
    let since = Instant::now();
    program.signal(Signal::SIGTERM);
    let status = block_in_place(|| program.ended(Duration::from_secs(8)));
    assert!(status.success() && since.elapsed() < Duration::from_secs(7), "{}", program.said());
    assert_eq!(count(&database.app, LIVE).await, 0, "the lease was given back:\n{}", program.said());
    assert_eq!(count(&database.app, "select count(*) from room_owners where node_id <> ''").await, 0);
    lock.rollback().await.expect("unlocked");
    drop((waiting, user));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_stop_without_the_database_ends_every_socket_in_words() {
    let cluster = Cluster::private().await;
    let database = Database::fresh_in(&cluster).await;
    let mut program = serve(&database, &[("PARLOR__SERVER__STOP_WITHIN_MS", "4000")]);
    let mut user = somebody_in_a_room(program.address).await;
    cluster.kill().await;
    let since = Instant::now();
    program.signal(Signal::SIGTERM);
    // The socket is told and ended softly, long before the deadline.
    while user.hear().await.is_ok() {}
    assert!(since.elapsed() < Duration::from_secs(3), "the socket has ended");
    let status = block_in_place(|| program.ended(Duration::from_secs(7)));
    assert!(status.success(), "{}", program.said());
    assert!(!program.said().contains("before every socket has ended"), "{}", program.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_readiness_knows_the_ledgers_connection() {
    let database = Database::fresh().await;
    let program = serve(&database, &[("PARLOR__LEDGER__ATTEMPT_MS", "500")]);
    assert_eq!(block_in_place(|| program.get("/readyz")).0, 200, "from the first moment");
    let cut = "revoke insert on writers from parlor_app;
               select pg_terminate_backend(pid) from pg_stat_activity
                where application_name = 'parlor-ledger' and datname = current_database()";
    sqlx::raw_sql(cut).execute(&database.superuser).await.expect("the superuser may");
    until_ready(&program, 503, Duration::from_secs(10)).await;
    assert_eq!(block_in_place(|| program.get("/healthz")).0, 200);
    let mended = "grant insert on writers to parlor_app";
    sqlx::query(mended).execute(&database.superuser).await.expect("the superuser may");
    until_ready(&program, 200, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_readiness_knows_the_lease() {
    let database = Database::fresh().await;
    let program = serve(&database, &[]);
    let mut gate = database.superuser.begin().await.expect("begins");
    sqlx::query("select pg_advisory_xact_lock(7270, 1)").execute(&mut *gate).await.expect("locked");
    until_ready(&program, 503, Duration::from_secs(10)).await;
    gate.rollback().await.expect("unlocked");
    until_ready(&program, 200, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_replaced_ends_and_says_why() {
    let database = Database::fresh().await;
    let mut program = serve(&database, &[]);
    let next = "insert into nodes (id, incarnation, lease_until)
                values ('next', nextval('node_incarnations'), clock_timestamp() + interval '1 minute')";
    sqlx::query(next).execute(&database.app).await.expect("a node");
    let status = block_in_place(|| program.ended(Duration::from_secs(15)));
    assert_eq!(status.code(), Some(2));
    assert!(program.said().contains("another server has taken this one's place"), "{}", program.said());
}
