//! Everybody else: people who chat, who come and who come back, and the balancer that asks for the server's health.

use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parlor_protocol::{Event, RoomId};

use crate::support::client::{Client, soon};
use crate::support::raw::Raw;
use crate::support::time::moment;
use crate::support::world::World;

/// Where the balancer is: an address that nobody else has.
const BALANCER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

/// So many lines are said between two newcomers.
const LINES: usize = 12;

/// What was seen of a time.
pub(super) struct Seen {
    /// The longest that somebody waited for a line.
    pub longest: Duration,
    /// What 99 of 100 lines did not take longer than.
    pub p99: Duration,
    /// The server's most resident memory, in bytes.
    pub memory: u64,
    /// The server's most open files.
    pub files: usize,
}

/// The others.
pub(super) struct Others<'a> {
    world: &'a World,
    /// The room that they are in.
    pub room: RoomId,
    speaker: Client,
    listener: Client,
    said: u64,
}

impl<'a> Others<'a> {
    /// Two people in a room.
    pub(super) async fn come(world: &'a World) -> Self {
        let (owner, _) = world.demo(1).await;
        let room = world.made(&owner, "Undisturbed").await;
        let mut others = Vec::new();
        for number in [1, 2] {
            let (token, _) = world.demo(number).await;
            let pass = world.pass(&token, room).await;
            let mut client = Client::connected(world.address, &token, "phone").await;
            client.join(room, &pass).await.expect("may come in");
            others.push(client);
        }
        let (listener, speaker) = (others.pop().expect("two"), others.pop().expect("two"));
        Self { world, room, speaker, listener, said: 0 }
    }

    /// The server's resident memory.
    pub(super) fn memory(&self) -> u64 {
        memory(self.world.program.pid())
    }

    fn files(&self) -> usize {
        open_files(self.world.program.pid())
    }

    /// They do what they do for this long. Whoever is refused or cut fails the test.
    pub(super) async fn go_on(&mut self, time: Duration) -> Seen {
        let since = Instant::now();
        let (mut waits, mut memory, mut files, mut at) = (Vec::new(), 0, 0, 0);
        while since.elapsed() < time || at <= LINES {
            waits.push(self.line().await);
            memory = memory.max(self.memory());
            files = files.max(self.files());
            if at % LINES == LINES / 2 {
                self.balancer_asks().await;
                self.newcomer_comes_and_comes_back().await;
            }
            at += 1;
            moment(15..25).await;
        }
        waits.sort();
        let p99 = waits[(waits.len() * 99 / 100).min(waits.len() - 1)];
        Seen { longest: *waits.last().expect("some lines"), p99, memory, files }
    }

    /// One line, until the other has it.
    async fn line(&mut self) -> Duration {
        self.said += 1;
        let (line, since) = (format!("line {}", self.said), Instant::now());
        self.speaker.chat(self.room, &line).await.expect("who is in may speak");
        loop {
            if let Event::ChatPosted { text, .. } = self.listener.event().await.event
                && text == line
            {
                return since.elapsed();
            }
        }
    }

    async fn balancer_asks(&self) {
        for path in ["/healthz", "/readyz"] {
            let mut asks = Raw::tcp_from(BALANCER, self.world.address).await.expect("a place");
            assert_eq!(asks.ask("GET", path).await, 200, "{path}");
        }
    }

    async fn newcomer_comes_and_comes_back(&self) {
        let address: SocketAddr = self.world.address;
        let (token, _) = self.world.demo(3).await;
        let pass = self.world.pass(&token, self.room).await;
        let mut newcomer = soon("a place", Client::connected(address, &token, "phone")).await;
        newcomer.join(self.room, &pass).await.expect("may come in");
        let positions = newcomer.cut();
        let mut again = soon("a place", Client::open(address)).await;
        again.stand_where(positions);
        let joins = vec![again.join_of(self.room, &pass)];
        let connected = again.connect_and_join(&token, "phone", joins).await.expect("has a place in the room");
        let answer = serde_json::to_value(&connected.joins).expect("JSON");
        assert!(answer[0]["data"].is_object(), "{answer}");
        again.close(1_000).await;
    }

    /// All is well after everything.
    pub(super) async fn are_well(&mut self) {
        self.line().await;
        self.balancer_asks().await;
        self.newcomer_comes_and_comes_back().await;
    }
}

/// The resident memory of a process, in bytes.
pub(super) fn memory(process: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).expect("it lives");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4_096
}

/// How many files a process has open.
pub(super) fn open_files(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).expect("it lives").count()
}

/// Gives a process, with all of its threads, one core.
pub(super) fn pin(process: u32, core: usize) {
    let pinned =
        Command::new("taskset").args(["-acp", &core.to_string(), &process.to_string()]).stdout(Stdio::null()).status();
    assert!(pinned.is_ok_and(|status| status.success()), "`taskset` gives process {process} the core {core}");
}
