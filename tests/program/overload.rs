//! The real program near its memory limit.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::metrics::{metrics_address, read, value};
use crate::support::program::Program;
use crate::support::raw::handshake;
use crate::support::time::until;
use crate::support::world::{Plan, World};

/// More sockets than the test may need, and fewer than this process may have files.
const MOST_SOCKETS: usize = 16_000;

fn resident_bytes(program: &Program) -> u64 {
    let statm = std::fs::read_to_string(PathBuf::from(format!("/proc/{}/statm", program.pid()))).expect("it lives");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4_096
}

fn serve() -> Plan {
    World::serve().metrics().set_all([
        ("PARLOR__GATEWAY__CONNECT_MS", 600_000),
        ("PARLOR__GATEWAY__MAX_STRANGERS", MOST_SOCKETS + 1_000),
        ("PARLOR__GATEWAY__STRANGERS_OF_ADDRESS", MOST_SOCKETS + 1_000),
        ("PARLOR__GATEWAY__CONNECTIONS_PER_MINUTE_ADDRESS", 10 * MOST_SOCKETS),
    ])
}

/// What it has when it has done once what the test asks of it: code that runs for the first time is memory too, and in
/// a program this small much of it.
async fn warm_bytes(program: &Program) -> u64 {
    let sockets: Vec<_> = block_in_place(|| (0..100).map(|_| open(program.address)).collect());
    read(metrics_address(program)).await;
    block_in_place(|| program.get("/readyz"));
    drop(sockets);
    resident_bytes(program)
}

/// A socket that says nothing, with its handshake's status.
fn open(address: SocketAddr) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a living socket");
    stream.write_all(handshake(address).as_bytes()).expect("it reads");
    let mut head = [0; 1_024];
    let read = stream.read(&mut head).expect("it answers");
    let head = String::from_utf8_lossy(&head[..read]).into_owned();
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    (stream, status)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_are_refused_before_memory_runs_out_and_let_in_when_there_is_some_again() {
    let bare = warm_bytes(&serve().await.program).await;
    let most = bare / 80 * 100;
    let world = serve().set("PARLOR__SERVER__MEMORY_BYTES", most).await;
    let program = &world.program;
    let metrics = metrics_address(program);
    let sockets: Vec<TcpStream> = block_in_place(|| {
        let opened = (0..MOST_SOCKETS).map(|_| open(program.address));
        opened.take_while(|(_, status)| status == "101").map(|(stream, _)| stream).collect()
    });
    assert!((500..MOST_SOCKETS).contains(&sockets.len()), "{} sockets", sockets.len());
    let text = read(metrics).await;
    assert_eq!(value(&text, "parlor_load_level"), 2.0, "{text}");
    assert_eq!(value(&text, "parlor_sockets_refused_total{at=\"handshake\"}"), 1.0);
    assert_eq!(value(&text, "parlor_memory_bytes_max"), most as f64);
    let resident = value(&text, "parlor_process_resident_memory_bytes");
    println!("{bare} bytes at first, {resident} of {most} with {} sockets", sockets.len());
    assert!(resident < most as f64, "{resident} of {most}");
    // Requests are served, and so is whoever asks whether it is well.
    let (status, _) = block_in_place(|| program.get("/readyz"));
    assert_eq!(status, 200);
    assert!(program.said().contains("\"load\":\"full\""), "{}", program.said());

    drop(sockets);
    let since = Instant::now();
    let calm = async || (value(&read(metrics).await, "parlor_load_level") == 0.0).then_some(());
    until("the memory that the sockets had is free again", Duration::from_secs(60), calm).await;
    println!("{} bytes in the end, after {:?}", resident_bytes(program), since.elapsed());
    assert_eq!(block_in_place(|| open(program.address)).1, "101");
}
