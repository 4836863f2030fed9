//! The setting of every scenario: a server, members in their rooms, and the final checks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parlor_protocol::command::SendChat;
use parlor_protocol::{Command, Op};
use uuid::Uuid;

use crate::latency::{moment, nanos};
use crate::member::Member;
use crate::process::{Cpu, rss_bytes};
use crate::rest::Away;
use crate::server::{Audit, Server};
use crate::tally::Tally;
use crate::verdict::Kind;
use crate::watcher::timed_line;
use crate::world::{self, Account};

/// The form of a chat line.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Its length in characters.
    pub chars: usize,
    /// The character that fills it behind the time that it carries.
    pub filler: char,
}

/// An ordinary chat line.
pub const LINE: Line = Line { chars: 40, filler: '.' };

/// How the members of each room chat.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    /// Lines per second of each room.
    pub rate: f64,
    /// The form of the lines.
    pub line: Line,
    /// How many members of a room take turns in speaking.
    pub speakers: usize,
}

impl Talk {
    /// Ordinary lines at this rate.
    pub const fn at(rate: f64) -> Self {
        Self { rate, line: LINE, speakers: SPEAKERS }
    }
}
/// How long all members may take after the last command to have seen everything.
const SETTLES_WITHIN: Duration = Duration::from_secs(15);
/// Members that join at the same time.
const ARRIVALS: usize = 64;
/// How many members of a room take turns in speaking.
pub const SPEAKERS: usize = 16;

/// The size of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Simulated users.
    pub users: usize,
    /// Messages per second and room, or gifts per second; `None`: as fast as possible.
    pub rate: Option<f64>,
    /// Seconds that a round measures.
    pub seconds: u64,
    /// People in one room.
    pub room_size: usize,
}

impl Plan {
    /// The number of rooms for all users.
    pub fn rooms(&self) -> usize {
        self.users.div_ceil(self.room_size).max(1)
    }

    /// The length of a round.
    pub fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// A server and the members in its rooms.
pub struct Stage {
    /// The server under test.
    pub server: Server,
    /// The counters and findings of all members together.
    pub tally: Arc<Tally>,
    /// All members.
    pub members: Vec<Arc<Member>>,
    /// The members of each room.
    pub rooms: Vec<Vec<Arc<Member>>>,
    /// The size of the scenario.
    pub plan: Plan,
    /// The server's CPU time for all first joins.
    pub join_cpu: Option<Cpu>,
    /// The server's resident memory per joined socket, in bytes.
    pub rss_per_socket: Option<f64>,
}

impl Stage {
    /// Makes the rooms and lets the members join them.
    ///
    /// # Errors
    /// `Away`, or a refusal.
    pub async fn set(server: Server, accounts: &[Account], plan: Plan) -> Result<Self, Away> {
        let tally = Arc::new(Tally::default());
        let people =
            accounts.get(..plan.users).ok_or_else(|| Away(format!("{} accounts are too few", accounts.len())))?;
        let rooms = world::rooms(server.address, &people[..plan.rooms()]).await?;
        let placed = people.iter().cloned().enumerate().map(|(at, account)| (account, rooms[at % rooms.len()]));
        let placed: Vec<_> = placed.collect();
        let members = world::members(server.address, &placed, &tally).await?;
        server.own_books(rooms[0]).await.map_err(Away)?;
        let mut by_room = vec![Vec::new(); rooms.len()];
        members.iter().enumerate().for_each(|(at, member)| by_room[at % rooms.len()].push(member.clone()));
        let mut stage = Self { server, tally, members, rooms: by_room, plan, join_cpu: None, rss_per_socket: None };
        stage.enter().await?;
        Ok(stage)
    }

    async fn enter(&mut self) -> Result<(), Away> {
        let pid = self.server.pid();
        let (cpu, rss) = (pid.and_then(Cpu::of), pid.and_then(rss_bytes));
        world::arrive(&self.members, ARRIVALS).await?;
        self.join_cpu = pid.and_then(Cpu::of).zip(cpu).map(|(now, then)| now.since(then));
        // Nothing is measured before the rooms have announced the last joins.
        self.settle().await;
        let sockets = self.members.len() as f64;
        self.rss_per_socket =
            pid.and_then(rss_bytes).zip(rss).map(|(now, then)| now.saturating_sub(then) as f64 / sockets);
        Ok(())
    }

    /// Lets the same members join the same rooms again.
    ///
    /// # Errors
    /// `Away`, or a refusal.
    pub async fn again(self) -> Result<Self, Away> {
        world::arrive(&self.members, ARRIVALS).await?;
        self.settle().await;
        Ok(self)
    }

    /// Lets all members leave.
    pub async fn clear(&self) {
        for member in &self.members {
            member.leave().await;
        }
    }

    /// Sends lines in each room at the talk's rate for this long, at their intended times however slow the server is.
    pub async fn chat(&self, talk: Talk, length: Duration) {
        let lines = (talk.rate * self.rooms.len() as f64 * length.as_secs_f64()).round() as u64;
        self.chat_while(talk, |said| said < lines).await;
    }

    /// Sends lines in each room while `goes_on` is true of the number of lines so far. Throttled members do not speak.
    pub async fn chat_while(&self, talk: Talk, goes_on: impl Fn(u64) -> bool) {
        let speakers = |room: &'_ Vec<Arc<Member>>| {
            let speakers = room.iter().filter(|member| !member.is_throttled());
            speakers.take(talk.speakers).cloned().collect::<Vec<_>>()
        };
        let speakers: Vec<_> = self.rooms.iter().map(speakers).filter(|speakers| !speakers.is_empty()).collect();
        let (rooms, total) = (speakers.len(), talk.rate * speakers.len() as f64);
        let begin = nanos();
        for number in (0..).take_while(|number| rooms > 0 && goes_on(*number)) {
            let due = begin + (number as f64 * 1e9 / total) as u64;
            tokio::time::sleep_until(moment(due).into()).await;
            let room = &speakers[number as usize % rooms];
            speak(&room[number as usize / rooms % room.len()], due, talk.line).await;
        }
    }

    /// Waits until all members have seen everything that any of them has seen, or until the time for it is over.
    pub async fn settle(&self) {
        let since = Instant::now();
        let mut quiet = 0;
        let mut seen = 0;
        while since.elapsed() < SETTLES_WITHIN {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = self.tally.deliveries.load(Ordering::Relaxed);
            quiet = if now == seen && self.behind().is_empty() { quiet + 1 } else { 0 };
            seen = now;
            if quiet >= 8 {
                return;
            }
        }
    }

    /// The connected members who have not seen all events of their room, and how many they miss. Throttled members are
    /// left out.
    pub fn behind(&self) -> Vec<(Arc<Member>, u64)> {
        let mut behind = Vec::new();
        for room in &self.rooms {
            let connected: Vec<_> =
                room.iter().filter(|member| member.is_connected() && !member.is_throttled()).collect();
            let last = connected.iter().map(|member| member.watcher().seq.max(member.promised.load(Ordering::Relaxed)));
            let last = last.max().unwrap_or(0);
            behind.extend(connected.into_iter().filter_map(|member| {
                let missing = last - member.watcher().seq.min(last);
                (missing > 0).then(|| (member.clone(), missing))
            }));
        }
        behind
    }

    /// The final checks: notes members who never got the last events, and rooms whose members see different seat maps.
    pub async fn judge(&self) {
        self.settle().await;
        let verdict = &self.tally.verdict;
        for (member, missing) in self.behind() {
            verdict.note(Kind::Lost, missing, || format!("{member:?} never saw the last {missing} events of its room"));
        }
        for room in &self.rooms {
            let mut maps: BTreeMap<String, u64> = BTreeMap::new();
            for member in room.iter().filter(|member| member.is_connected()) {
                let watcher = member.watcher();
                let map = format!("version {}, gift {}: {:?}", watcher.seat_version, watcher.gift_no, watcher.seats);
                *maps.entry(map).or_default() += 1;
            }
            if maps.len() > 1 {
                verdict.note(Kind::SeatMap, maps.len() as u64 - 1, || format!("in one room: {maps:#?}"));
            }
        }
    }

    /// Audits the server's ledger and notes the findings. Returns whether the ledger was read; without a known database
    /// it notes nothing.
    pub fn audit(&self) -> bool {
        let verdict = &self.tally.verdict;
        // The time depends on the number of transfers; other tasks must go on meanwhile.
        match tokio::task::block_in_place(|| self.server.audit()) {
            Audit::NotAsked => return false,
            Audit::Clean => {}
            Audit::Flawed(words) => verdict.note(Kind::Balance, 1, || format!("the audit: {words}")),
            Audit::Failed(why) => {
                verdict.note(Kind::Balance, 1, || format!("the ledger could not be audited: {why}"));
                return false;
            }
        }
        true
    }
}

/// Sends a chat line that carries its intended time.
pub async fn speak(member: &Member, intended: u64, line: Line) {
    let chat = SendChat::of(member.room(), timed_line(intended, line.chars, line.filler));
    member.send(intended, Some(op()), &Command::ChatSend(chat)).await;
}

/// A new operation, as for a new tap.
pub fn op() -> Op {
    Op(Uuid::now_v7())
}
