//! The storms: all members join at once, or are cut off at once and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use serde::Serialize;

use super::SHORT;
use crate::latency::nanos;
use crate::member::Member;
use crate::meter::some;
use crate::process::Cpu;
use crate::report::{Figure, median};
use crate::rest::Away;
use crate::stage::{Stage, Talk};
use crate::world;

/// Cuts in one round.
const CUTS: u32 = 3;
/// The lines of a room that are sent before the first member comes back, and the time within which all others follow.
const MISSED: f64 = 1.5;
const SPREAD: Duration = Duration::from_secs(2);
/// The pause between two checks whether all members have seen everything, and the time after which the run fails.
const SOON: Duration = Duration::from_millis(20);
const GIVEN_UP: Duration = Duration::from_secs(60);
/// Members that join at the same time.
const AT_ONCE: usize = 256;
/// Checks whether the server is idle, at most, and the CPU time that an idle server uses between two of them.
const LOOKS: u32 = 50;
const IDLE: Duration = Duration::from_millis(10);

/// All members leave; returns when the server has finished the work that this caused.
pub(super) async fn leave(stage: &Stage) {
    stage.clear().await;
    let cpu = || stage.server.cpu().map_or(Duration::ZERO, Cpu::total);
    for _ in 0..LOOKS {
        let before = cpu();
        tokio::time::sleep(SHORT).await;
        if cpu().saturating_sub(before) <= IDLE {
            return;
        }
    }
}

/// All members join again.
pub(super) async fn joins(stage: &Stage) -> Result<(), Away> {
    world::arrive(&stage.members, AT_ONCE).await
}

/// The figures of the cuts in the report.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Storm {
    /// Sockets that each cut ended.
    pub sockets_cut: Option<u64>,
    /// Cuts, over all rounds.
    pub cuts: Option<u64>,
    /// The fewest events that a member had missed when it came back.
    pub least_missed: Option<u64>,
    /// Seconds from a cut until all members are back and have seen everything, the members' own waits included; the
    /// slowest cut of a round.
    pub back_s: Option<f64>,
    /// Median time from opening the socket until a member has everything that it missed, in milliseconds.
    pub return_p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub return_p99_ms: Option<f64>,
    /// Transactions of the server's database per socket that came back: all transactions of the round, the server's
    /// background work included (a handful a second).
    pub transactions_per_return: Option<f64>,
}

impl Storm {
    /// Combines several rounds: the extremes and sums of the counts, medians of the measurements.
    pub fn of_rounds(rounds: &[Self]) -> Self {
        let middle = |figure: fn(&Self) -> Option<f64>| median(rounds.iter().filter_map(figure).collect());
        Self {
            sockets_cut: rounds.iter().filter_map(|round| round.sockets_cut).max(),
            cuts: rounds.iter().filter_map(|round| round.cuts).reduce(|sum, cuts| sum + cuts),
            least_missed: rounds.iter().filter_map(|round| round.least_missed).min(),
            back_s: middle(|round| round.back_s),
            return_p50_ms: middle(|round| round.return_p50_ms),
            return_p99_ms: middle(|round| round.return_p99_ms),
            transactions_per_return: middle(|round| round.transactions_per_return),
        }
    }

    /// Sockets that came back in a round.
    pub fn returns(&self) -> Option<u64> {
        self.sockets_cut.zip(self.cuts).map(|(sockets, cuts)| sockets * cuts)
    }

    /// The figures with their names, as the terminal shows them.
    pub fn figures(&self) -> impl Iterator<Item = Figure> + use<> {
        let count = |count: Option<u64>| count.map(|count| count as f64);
        [
            ("sockets cut at once", count(self.sockets_cut)),
            ("  number of cuts", count(self.cuts)),
            ("  missed events, at least", count(self.least_missed)),
            ("all back and exact after, s", self.back_s),
            ("return p50, ms", self.return_p50_ms),
            ("return p99, ms", self.return_p99_ms),
            ("transactions per return", self.transactions_per_return),
        ]
        .into_iter()
    }
}

/// One member of each room goes on speaking while the sockets of all others are cut at once, several times. The others
/// come back with their position after they have missed at least one line.
pub(super) async fn reconnects(stage: &Stage, rate: f64) -> Result<Storm, Away> {
    let pause = stage.plan.length() / (CUTS + 1);
    let cut: Vec<_> = stage.rooms.iter().flat_map(|room| &room[1..]).collect();
    let ended = AtomicBool::new(false);
    let talk = Talk { speakers: 1, ..Talk::at(rate) };
    let cuts = async {
        let mut chance = StdRng::seed_from_u64(1);
        let (mut back_s, mut least_missed) = (0.0_f64, u64::MAX);
        for _ in 0..CUTS {
            tokio::time::sleep(pause).await;
            let (back, missed) = one_cut(stage, &cut, Duration::from_secs_f64(MISSED / rate), &mut chance).await?;
            back_s = back_s.max(back.as_secs_f64());
            least_missed = least_missed.min(missed);
        }
        Ok::<_, Away>((back_s, least_missed))
    };
    let cuts = async {
        let came = cuts.await;
        ended.store(true, Ordering::Relaxed);
        came
    };
    let ((), cuts) = tokio::join!(stage.chat_while(talk, |_| !ended.load(Ordering::Relaxed)), cuts);
    let (back_s, least_missed) = cuts?;
    let returns = some(stage.tally.back.take());
    Ok(Storm {
        sockets_cut: Some(cut.len() as u64),
        cuts: Some(u64::from(CUTS)),
        least_missed: Some(least_missed),
        back_s: Some(back_s),
        return_p50_ms: returns.map(|returns| returns.p50_ms),
        return_p99_ms: returns.map(|returns| returns.p99_ms),
        transactions_per_return: None,
    })
}

/// Cuts these sockets. Returns the time until all are back and have seen everything, and the fewest events that a
/// member missed.
async fn one_cut(
    stage: &Stage,
    cut: &[&Arc<Member>],
    away: Duration,
    chance: &mut StdRng,
) -> Result<(Duration, u64), Away> {
    let since = Instant::now();
    cut.iter().for_each(|member| member.vanish());
    let returns = cut.iter().map(|member| come_back(stage, member, away + chance.random_range(Duration::ZERO..SPREAD)));
    let missed = join_all(returns.collect::<Vec<_>>()).await.into_iter().collect::<Result<Vec<u64>, _>>()?;
    let told: Vec<u64> = stage
        .rooms
        .iter()
        .map(|room| room.iter().map(|member| member.watcher().seq).max())
        .map(Option::unwrap_or_default)
        .collect();
    let has_seen = |room: &[Arc<Member>], told: u64| room.iter().all(|member| member.watcher().seq >= told);
    while !stage.rooms.iter().zip(&told).all(|(room, told)| has_seen(room, *told)) {
        if since.elapsed() > GIVEN_UP {
            return Err(Away(format!("{GIVEN_UP:?} after a cut somebody has not seen what all others have")));
        }
        tokio::time::sleep(SOON).await;
    }
    Ok((since.elapsed(), missed.into_iter().min().unwrap_or(0)))
}

/// Comes back after `wait`. Returns how many events the member had missed.
async fn come_back(stage: &Stage, member: &Arc<Member>, wait: Duration) -> Result<u64, Away> {
    let had = member.watcher().seq;
    tokio::time::sleep(wait).await;
    let knocked = nanos();
    member.arrive().await?;
    stage.tally.back.since(knocked);
    Ok(member.watcher().seq.saturating_sub(had))
}
