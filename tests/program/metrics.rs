//! Metrics: they are served at their own address only, and count what happens.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parlor_loadtests::user::User;
use parlor_protocol::command::SendChat;
use parlor_protocol::{Command as Asked, Op, RoomId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::block_in_place;
use uuid::Uuid;

use crate::support::postgres::Database;
use crate::support::program::{Program, parlor};
use crate::support::world::World;

pub(super) fn metrics_address(program: &Program) -> SocketAddr {
    let said = program.said();
    let (_, rest) = said.split_once("\"metrics.address\":\"").unwrap_or_else(|| panic!("it says where:\n{said}"));
    rest.split('"').next().and_then(|address| address.parse().ok()).expect("an address")
}

pub(super) async fn read(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let head = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it speaks HTTP");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/plain; version=0.0.4"), "{head}");
    body.to_owned()
}

/// The value of a series, as `parlor_joins_total{outcome="joined"}`.
pub(super) fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{series} is missing in\n{text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_what_happens_at_their_own_address() {
    let world = World::serve().metrics().set("PARLOR__LEDGER__WELCOME_COINS", 100).await;
    let address = metrics_address(&world.program);
    let quiet = read(address).await;
    for series in ["parlor_joins_total{outcome=\"joined\"}", "parlor_gifts_total{outcome=\"sent\"}", "parlor_sockets"] {
        assert_eq!(value(&quiet, series), 0.0, "{series} is there from the start");
    }
    assert_eq!(value(&quiet, "parlor_ledger_well"), 1.0);
    assert!(value(&quiet, "parlor_lease_left_seconds") > 0.0);

    let mut user = User::enter(world.address, "zubaida", RoomId::new(1).expect("a number")).await.expect("registers");
    let room = world.made(user.access(), "r").await;
    user.screen.room = room;
    user.arrive().await.expect("comes in");
    let chat = Asked::ChatSend(SendChat::of(room, "hello".to_owned()));
    user.ask(Some(Op(Uuid::now_v7())), &chat).await.expect("up").expect("said");
    let since = Instant::now();
    let text = loop {
        // The shard tells of a turn when it has ended.
        let text = read(address).await;
        if value(&text, "parlor_deliveries_total{class=\"room\"}") >= 1.0 {
            break text;
        }
        assert!(since.elapsed() < Duration::from_secs(10), "{text}");
    };
    for (series, least) in [
        ("parlor_sockets", 1.0),
        ("parlor_sockets_opened_total", 1.0),
        ("parlor_joins_total{outcome=\"joined\"}", 1.0),
        ("parlor_join_seconds_count", 1.0),
        ("parlor_commands_total{outcome=\"taken\"}", 2.0),
        ("parlor_rooms_awake", 1.0),
        ("parlor_room_wakes_total{outcome=\"woken\"}", 1.0),
        ("parlor_events_total", 1.0),
        ("parlor_deliveries_total{class=\"own\"}", 2.0),
        ("parlor_delivered_bytes_total{class=\"room\"}", 20.0),
        ("parlor_ledger_group_orders_count", 1.0),
        ("parlor_ledger_commit_seconds_count", 1.0),
        ("parlor_query_seconds_count", 5.0),
        ("parlor_password_hash_seconds_count", 1.0),
        ("parlor_http_requests_total{status=\"1xx\"}", 1.0),
        ("parlor_http_requests_total{status=\"2xx\"}", 1.0),
        ("parlor_process_resident_memory_bytes", 1e6),
        ("parlor_process_cpu_seconds_total", 0.001),
        ("parlor_process_open_files", 5.0),
        ("parlor_runtime_tasks", 3.0),
        ("parlor_runtime_busy_seconds_total", 0.001),
        ("parlor_pool_connections_max", 16.0),
    ] {
        assert!(value(&text, series) >= least, "{series} is below {least} in\n{text}");
    }
    assert!(!text.contains(&room.to_string()) && !text.contains("zubaida"), "no label grows with rooms or users");
    let (status, _) = block_in_place(|| world.program.get("/metrics"));
    assert_eq!(status, 404, "not at the server's own address");
    drop(user);
    let since = Instant::now();
    while value(&read(address).await, "parlor_sockets") > 0.0 {
        assert!(since.elapsed() < Duration::from_secs(10), "a socket that has gone is not counted");
    }
    block_in_place(|| check(&text));
}

/// Checks the text with promtool, if it is installed.
fn check(text: &str) {
    let promtool =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut promtool) = promtool else { return };
    promtool.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    let said = promtool.wait_with_output().expect("it ends");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_for_metrics_that_is_taken_is_told_at_once() {
    let database = Database::fresh().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let mut command = parlor(&["serve"]);
    command.env("DATABASE_URL", database.app_url()).env("PARLOR__SERVER__ADDRESS", "127.0.0.1:0");
    command.env("PARLOR__TELEMETRY__METRICS_ADDRESS", &address);
    let output = block_in_place(|| crate::support::program::run(&mut command));
    let complaint = crate::support::program::complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("telemetry.metrics_address") && complaint.contains(&address), "{complaint}");
}
