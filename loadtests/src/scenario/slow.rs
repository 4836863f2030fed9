//! Slow readers in a busy room: the same load first without and then with members who read slowly, to see their effect
//! on the others.

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

/// One member in this many reads slowly, and at least one does.
const ONE_IN: usize = 500;
/// A long line, in letters of two bytes, which fills outboxes.
const LONG: Line = Line { chars: 1_400, filler: 'م' };
/// The members chat for this long before anything is measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long a slow reader may take, after the last line, to read everything that was sent to it.
const PATIENCE: Duration = Duration::from_secs(20);
/// The members chat for this long after all have come back.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// The figures of the scenario in the report.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct SlowReaders {
    /// Sockets that read slowly, over all rounds.
    pub throttled: Option<u64>,
    /// How many of these were closed with the slow-consumer code in their close frame.
    pub throttled_closed: Option<u64>,
    /// How many of these came back while the others chatted, and have seen every event of the room.
    pub throttled_resumed: Option<u64>,
    /// Seconds from their joins until the last of their sockets was closed.
    pub throttled_for_s: Option<f64>,
    /// p99 latency from the intended time of sending to the slow readers' screens, in milliseconds.
    pub throttled_p99_ms: Option<f64>,
    /// p99 latency to the screens of all others, in the half without slow readers.
    pub others_p99_without_ms: Option<f64>,
    /// p99 latency to the screens of all others, in the half with slow readers.
    pub others_p99_with_ms: Option<f64>,
    /// The p99 with slow readers divided by the p99 without, within a round.
    pub others_p99_ratio: Option<f64>,
}

impl SlowReaders {
    /// Combines several rounds: sums of the counts, medians of the measurements.
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

    /// The figures with their names, as the terminal shows them.
    pub fn figures(&self) -> impl Iterator<Item = Figure> + use<> {
        let count = |count: Option<u64>| count.map(|count| count as f64);
        [
            ("slow readers", count(self.throttled)),
            ("  closed as slow consumers", count(self.throttled_closed)),
            ("  came back to an exact picture", count(self.throttled_resumed)),
            ("  seconds until all were closed", self.throttled_for_s),
            ("  their screen p99, ms", self.throttled_p99_ms),
            ("others' p99 without them, ms", self.others_p99_without_ms),
            ("others' p99 with them, ms", self.others_p99_with_ms),
            ("  ratio of the two", self.others_p99_ratio),
        ]
        .into_iter()
    }
}

/// Runs the half without slow readers, the half with them, and then lets the slow readers come back.
pub(super) async fn drive(stage: &Stage, rate: f64) -> Result<SlowReaders, Away> {
    let tally = &stage.tally;
    let talk = Talk { rate, line: LONG, speakers: SPEAKERS };
    let slow: Vec<_> = stage.members.iter().rev().take((stage.members.len() / ONE_IN).max(1)).collect();
    // Apart in both halves, so that both compare the same members.
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
    // Read before the slow readers come back.
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

/// How long it took until the last of these sockets was closed; `None` if some are still open.
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

/// All slow readers come back with a normal connection, whether they were closed or not.
async fn come_back(slow: &[&Arc<Member>]) -> Result<(), Away> {
    for member in slow {
        member.throttled.store(false, Ordering::Relaxed);
        member.vanish();
        member.arrive().await?;
    }
    Ok(())
}
