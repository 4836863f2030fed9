//! The memory in which passwords are hashed, against a real limit on the process.

use std::process::Command;
use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::client::Client;
use crate::support::time::until;
use crate::support::world::{PASSWORD, World};

/// The size of the container that the server is held to.
const CONTAINER: u64 = 256 << 20;
const NEWCOMERS: usize = 64;
/// What registering may leave behind: connections, plans, accounts in caches; not one password's memory.
const LEFT_OVER: u64 = 16 << 20;

/// Has the kernel refuse the process more private memory than this.
fn hold(pid: u32, bytes: u64) {
    let done = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--data={bytes}")]).status();
    assert!(done.expect("util-linux is there").success());
}

/// A line of the process's status, in bytes.
fn memory(pid: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find_map(|text| text.strip_prefix(line)).expect("the kernel says so");
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1_024
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_registrations_in_256_mib_refuse_nobody_and_give_their_memory_back() {
    let world = World::serve()
        .roomy()
        .set("PARLOR__SERVER__MEMORY_BYTES", CONTAINER / 5 * 4)
        .set("PARLOR__IDENTITY__HASH_PERMITS", 16)
        .set("PARLOR__IDENTITY__REGISTRATIONS_PER_MINUTE_ADDRESS", 1_000)
        .await;
    let pid = world.program.pid();
    hold(pid, CONTAINER);
    let bystander = world.registered("bystander").await;
    let token = bystander["access_token"].as_str().expect("a token");
    let before = memory(pid, "VmRSS");

    let names: Vec<String> = (0..NEWCOMERS).map(|number| format!("newcomer{number}")).collect();
    let crowd = join_all(names.iter().map(|name| world.registered(name)));
    let others = async {
        for _ in 0..3 {
            let login = json!({"login": "bystander@example.com", "password": PASSWORD, "device": "tablet"});
            let (signed_in, socket) =
                join(world.post("/v1/auth/login", "", login), Client::connected(world.address, token, "phone")).await;
            assert_eq!(signed_in.0, 200, "{}", signed_in.1);
            drop(socket);
        }
    };
    join(crowd, others).await;

    let peak = memory(pid, "VmHWM");
    println!("resident: {} MiB before, {} MiB at most", before >> 20, peak >> 20);
    assert!(peak < CONTAINER, "{} MiB", peak >> 20);
    let after = until("the memory back", Duration::from_secs(10), async || {
        Some(memory(pid, "VmRSS")).filter(|now| *now <= before + LEFT_OVER)
    });
    println!("resident: {} MiB after", after.await >> 20);
}
