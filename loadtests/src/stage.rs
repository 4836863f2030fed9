//! What every scenario stands on: a server, people in rooms, and what is looked at in the end.

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

/// What a chat line is made of.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// So many characters.
    pub chars: usize,
    /// This one behind the time that it carries.
    pub filler: char,
}

/// An ordinary chat line.
pub const LINE: Line = Line { chars: 40, filler: '.' };

/// How lines are said in each room.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    /// A second.
    pub rate: f64,
    /// Which.
    pub line: Line,
    /// How many of a room take turns.
    pub speakers: usize,
}

impl Talk {
    /// Ordinary lines, so many a second.
    pub const fn at(rate: f64) -> Self {
        Self { rate, line: LINE, speakers: SPEAKERS }
    }
}
/// After the last command, how long everybody may take to have seen all of it.
const SETTLES_WITHIN: Duration = Duration::from_secs(15);
/// Arrivals at a time.
const ARRIVALS: usize = 64;
/// Of a room, how many take turns in speaking.
pub const SPEAKERS: usize = 16;

/// How much of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Simulated users.
    pub users: usize,
    /// Messages a second and room, or gifts a second; `None`: as fast as it goes.
    pub rate: Option<f64>,
    /// Seconds that are measured.
    pub seconds: u64,
    /// People in one room.
    pub room_size: usize,
}

impl Plan {
    /// Rooms that this takes.
    pub fn rooms(&self) -> usize {
        self.users.div_ceil(self.room_size).max(1)
    }

    /// How long is measured.
    pub fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// People who are in their rooms.
pub struct Stage {
    /// Where.
    pub server: Server,
    /// What they have seen together.
    pub tally: Arc<Tally>,
    /// Everybody.
    pub members: Vec<Arc<Member>>,
    /// The same by room.
    pub rooms: Vec<Vec<Arc<Member>>>,
    /// How much.
    pub plan: Plan,
    /// The server's CPU time for all joins.
    pub join_cpu: Option<Cpu>,
    /// The server's memory for one joined socket.
    pub rss_per_socket: Option<f64>,
}

impl Stage {
    /// Makes rooms, and brings these people into them.
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
        // The last of them are told of, and nobody is measured while the room still speaks of it.
        self.settle().await;
        let sockets = self.members.len() as f64;
        self.rss_per_socket =
            pid.and_then(rss_bytes).zip(rss).map(|(now, then)| now.saturating_sub(then) as f64 / sockets);
        Ok(())
    }

    /// The same people come back into the same rooms.
    ///
    /// # Errors
    /// `Away`, or a refusal.
    pub async fn again(self) -> Result<Self, Away> {
        world::arrive(&self.members, ARRIVALS).await?;
        self.settle().await;
        Ok(self)
    }

    /// Everybody leaves.
    pub async fn clear(&self) {
        for member in &self.members {
            member.leave().await;
        }
    }

    /// In each room a line so often, for so long, at the intended times however slow the server is.
    pub async fn chat(&self, talk: Talk, length: Duration) {
        let lines = (talk.rate * self.rooms.len() as f64 * length.as_secs_f64()).round() as u64;
        self.chat_while(talk, |said| said < lines).await;
    }

    /// The same for as long as this holds of how many lines were said. Who reads slowly says nothing.
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

    /// Waits until everybody has seen what anybody has, then says who has not.
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

    /// Who has seen less than the room has told, and by how much; but for those who are throttled.
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

    /// What can only be seen in the end: who never got the last events, and whose picture differs.
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

    /// Whether the books are in order; true if they were read. Nothing is said of books that nobody asked for.
    pub fn audit(&self) -> bool {
        let verdict = &self.tally.verdict;
        // It takes as long as there are transfers, and what the members wait for goes on meanwhile.
        match tokio::task::block_in_place(|| self.server.audit()) {
            Audit::NotAsked => return false,
            Audit::Clean => {}
            Audit::Flawed(words) => verdict.note(Kind::Balance, 1, || format!("the audit: {words}")),
            Audit::Failed(why) => {
                verdict.note(Kind::Balance, 1, || format!("the books could not be audited: {why}"));
                return false;
            }
        }
        true
    }
}

/// Says a line that carries its intended time.
pub async fn speak(member: &Member, intended: u64, line: Line) {
    let chat = SendChat { room: member.room(), text: timed_line(intended, line.chars, line.filler) };
    member.send(intended, Some(op()), &Command::ChatSend(chat)).await;
}

/// A new operation.
pub fn op() -> Op {
    Op(Uuid::now_v7())
}
