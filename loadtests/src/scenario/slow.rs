//! People who read slowly in a busy room, and all others beside them: the same load without them and with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::SHORT;
use crate::latency::Percentiles;
use crate::member::Member;
use crate::meter::some;
use crate::report::{Figure, median};
use crate::rest::Away;
use crate::stage::{Line, SPEAKERS, Stage, Talk};

/// One in so many reads slowly, and one at least.
const ONE_IN: usize = 500;
/// What fills outboxes: a long line, in letters of two bytes.
const LONG: Line = Line { chars: 1_400, filler: 'م' };
/// Lines are said for so long before anything is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// What a slow reader may take to come to the end of what was sent it.
const PATIENCE: Duration = Duration::from_secs(20);
/// For so long more is said when all are back.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// What came of it, in the report.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct SlowReaders {
    /// Sockets that read slowly, of all rounds.
    pub throttled: Option<u64>,
    /// Of these: closed as slow consumers, and have learnt it by their close frame.
    pub throttled_closed: Option<u64>,
    /// Of these: came back while more was said, and have seen the room to its end without a breach.
    pub throttled_resumed: Option<u64>,
    /// Seconds from their coming in to the end of the last of them.
    pub throttled_for_s: Option<f64>,
    /// From the intended time of sending to the slow readers' screens: one in a hundred is slower, in milliseconds.
    pub throttled_p99_ms: Option<f64>,
    /// The same to the screens of all others, in the half in which nobody read slowly.
    pub others_p99_without_ms: Option<f64>,
    /// The same in the half in which some did.
    pub others_p99_with_ms: Option<f64>,
    /// The second in terms of the first, within a round.
    pub others_p99_ratio: Option<f64>,
}

impl SlowReaders {
    /// Of several rounds: sums of what was counted, medians of what was measured.
    pub fn of_rounds(rounds: &[Self]) -> Self {
        let sum = |count: fn(&Self) -> Option<u64>| rounds.iter().filter_map(count).reduce(|sum, count| sum + count);
        let middle = |figure: fn(&Self) -> Option<f64>| median(rounds.iter().filter_map(figure).collect());
        Self {
            throttled: sum(|round| round.throttled),
            throttled_closed: sum(|round| round.throttled_closed),
            throttled_resumed: sum(|round| round.throttled_resumed),
            throttled_for_s: middle(|round| round.throttled_for_s),
            throttled_p99_ms: middle(|round| round.throttled_p99_ms),
            others_p99_without_ms: middle(|round| round.others_p99_without_ms),
            others_p99_with_ms: middle(|round| round.others_p99_with_ms),
            others_p99_ratio: middle(|round| round.others_p99_ratio),
        }
    }

    /// For people.
    pub fn figures(&self) -> impl Iterator<Item = Figure> + use<> {
        let count = |count: Option<u64>| count.map(|count| count as f64);
        [
            ("slow readers", count(self.throttled)),
            ("  closed as slow consumers", count(self.throttled_closed)),
            ("  came back to an exact picture", count(self.throttled_resumed)),
            ("  seconds until the last's end", self.throttled_for_s),
            ("  their screen p99, ms", self.throttled_p99_ms),
            ("others' p99 without them, ms", self.others_p99_without_ms),
            ("others' p99 beside them, ms", self.others_p99_with_ms),
            ("  in terms of that without", self.others_p99_ratio),
        ]
        .into_iter()
    }
}

/// The two halves, and the way back.
pub(super) async fn drive(stage: &Stage, rate: f64) -> Result<SlowReaders, Away> {
    let tally = &stage.tally;
    let talk = Talk { rate, line: LONG, speakers: SPEAKERS };
    let slow: Vec<_> = stage.members.iter().rev().take((stage.members.len() / ONE_IN).max(1)).collect();
    // In both halves, so that the same people are compared.
    slow.iter().for_each(|member| member.apart.store(true, Ordering::Relaxed));
    stage.chat(talk, WARM_UP.min(stage.plan.length())).await;
    stage.settle().await;
    tally.delivery.take();

    stage.chat(talk, stage.plan.length()).await;
    stage.settle().await;
    let without = some(tally.delivery.take());

    let closes = |member: &Member| member.slow_closes.load(Ordering::Relaxed);
    let closed_before: Vec<u64> = slow.iter().map(|member| closes(member)).collect();
    tally.apart.take();
    for member in &slow {
        member.vanish();
        member.throttled.store(true, Ordering::Relaxed);
        member.arrive().await?;
    }
    let (throttled_for, ()) = tokio::join!(ends(&slow, stage.plan.length() + PATIENCE), async {
        stage.chat(talk, stage.plan.length()).await;
        stage.settle().await;
    });
    // Before anybody comes back.
    let with = some(tally.delivery.peek());
    let closed = slow.iter().zip(closed_before).filter(|(member, before)| closes(member) > *before);
    let closed: Vec<&Arc<Member>> = closed.map(|(member, _)| *member).collect();

    let back = AtomicBool::new(false);
    let (returned, ()) = tokio::join!(
        async {
            let returned = come_back(&slow).await;
            tokio::time::sleep(AFTERWARDS).await;
            back.store(true, Ordering::Relaxed);
            returned
        },
        stage.chat_while(talk, |_| !back.load(Ordering::Relaxed))
    );
    returned?;
    stage.settle().await;
    let behind = stage.behind();
    let is_exact =
        |member: &&&Arc<Member>| member.is_connected() && !behind.iter().any(|(late, _)| Arc::ptr_eq(late, member));
    let resumed = closed.iter().filter(is_exact).count();
    slow.iter().for_each(|member| member.apart.store(false, Ordering::Relaxed));
    let p99 = |percentiles: Option<Percentiles>| percentiles.map(|percentiles| percentiles.p99_ms);
    Ok(SlowReaders {
        throttled: Some(slow.len() as u64),
        throttled_closed: Some(closed.len() as u64),
        throttled_resumed: Some(resumed as u64),
        throttled_for_s: throttled_for.map(|time| time.as_secs_f64()),
        throttled_p99_ms: p99(some(tally.apart.take())),
        others_p99_without_ms: p99(without),
        others_p99_with_ms: p99(with),
        others_p99_ratio: without.zip(with).map(|(without, with)| with.p99_ms / without.p99_ms),
    })
}

/// When the last of these sockets has ended; `None`: not all have.
async fn ends(slow: &[&Arc<Member>], within: Duration) -> Option<Duration> {
    let since = Instant::now();
    while slow.iter().any(|member| member.is_connected()) {
        if since.elapsed() > within {
            return None;
        }
        tokio::time::sleep(SHORT).await;
    }
    Some(since.elapsed())
}

/// Everybody comes back on a network that is good, whether they were closed or not.
async fn come_back(slow: &[&Arc<Member>]) -> Result<(), Away> {
    for member in slow {
        member.throttled.store(false, Ordering::Relaxed);
        member.vanish();
        member.arrive().await?;
    }
    Ok(())
}
