//! Holds the timeline against the live rooms: now and then the state of some rooms is taken, and compared with what is made of
//! their timelines up to the same event, once that is written.

use parlor_protocol::RoomId;
use serde_json::Value;
use tokio::time::{Duration, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::read::{self, Moment};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::room::request::{Answer, Request, SceneNow};
use crate::room::{Directory, RoomHandle};
use crate::telemetry::metric;

/// The rooms of one sample.
const ROOMS: usize = 4;
/// How long it is waited until the timeline has got to the event, and how often it is looked.
const WITHIN: (u32, Duration) = (20, Duration::from_secs(1));

/// What of a line is no event, and what is gone from one that was recalled.
const CONTENT: [&str; 6] = ["reactions", "text", "image", "mentions", "reply_to", "recalled"];

/// What the comparison of a room has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sampled {
    /// The timeline gives the same state.
    Equal,
    /// It gives another.
    Different,
    /// It has a gap there, or does not have the moment.
    Incomplete,
}

/// Takes samples until `stop` is cancelled.
pub(in crate::room) async fn run(rooms: Directory, edge: Edge, every: Duration, stop: CancellationToken) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut behind = None;
    // The first tick is at once, when no room is awake yet.
    ticks.tick().await;
    loop {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            return;
        }
        for room in turn(&rooms.all_awake(), &mut behind) {
            let Some(handle) = rooms.awake(room) else { continue };
            let Some(sampled) = stop.run_until_cancelled(sample(&edge, &handle)).await else { return };
            match sampled {
                Ok(Some(sampled)) => count(sampled),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, room.id = room.number(), "a room's timeline was not compared"),
            }
        }
    }
}

/// The next few of these rooms, behind those of the last turn.
fn turn(awake: &[RoomId], behind: &mut Option<RoomId>) -> Vec<RoomId> {
    let at = awake.partition_point(|room| Some(*room) <= *behind);
    let next: Vec<RoomId> = awake[at..].iter().chain(&awake[..at]).take(ROOMS).copied().collect();
    *behind = next.last().copied();
    next
}

fn count(sampled: Sampled) {
    let outcome = match sampled {
        Sampled::Equal => "equal",
        Sampled::Different => "different",
        Sampled::Incomplete => "incomplete",
    };
    metric::TIMELINE_SAMPLES.add_of(outcome, 1);
}

/// Compares one room that is awake with its timeline, when that has got so far; `None` if the room has no event yet, or does
/// not answer.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn sample(edge: &Edge, handle: &RoomHandle) -> Result<Option<Sampled>> {
    let Ok(Answer::Scene(live)) = handle.call(Request::Scene).await else { return Ok(None) };
    if live.seq == 0 {
        return Ok(None);
    }
    for _ in 0..WITHIN.0 {
        sleep(WITHIN.1).await;
        let mut conn = edge.read().await?;
        if let Some(moment) = read::at_seq(&mut conn, handle.room(), live.epoch, live.seq).await? {
            let sampled = compare(&live, &moment);
            if sampled == Sampled::Different {
                tracing::warn!(
                    room.id = handle.room().number(),
                    epoch = live.epoch,
                    seq = live.seq,
                    "what is made of a room's timeline is not the room as it was"
                );
            }
            return Ok(Some(sampled));
        }
    }
    Ok(Some(Sampled::Incomplete))
}

fn compare(live: &SceneNow, moment: &Moment) -> Sampled {
    if !moment.missing.is_empty() {
        return Sampled::Incomplete;
    }
    let [mut live, mut replayed] = [&live.scene, &moment.scene].map(|scene| {
        let mut told = serde_json::to_value(scene).expect("a scene is JSON");
        // A room that only counts its people tells no event of them.
        if live.only_counts {
            told["people"].take();
        }
        told
    });
    forget_recalled(&mut live, &mut replayed);
    if live == replayed { Sampled::Equal } else { Sampled::Different }
}

/// Leaves out what is no event: what was in lines that were recalled meanwhile, and the reactions below lines. Without their
/// texts, more lines may fit than before.
fn forget_recalled(one: &mut Value, other: &mut Value) {
    let mut chats = [&mut *one, &mut *other].map(|told| match told["chat"].take() {
        Value::Array(lines) => lines,
        _ => Vec::new(),
    });
    let both = chats.each_ref().map(Vec::len).into_iter().min().unwrap_or(0);
    for chat in &mut chats {
        chat.drain(..chat.len() - both);
    }
    let [ones, others] = chats;
    let lines = ones.into_iter().zip(others).map(|(mut one, mut other)| {
        let recalled = one["recalled"] == true || other["recalled"] == true;
        let names = if recalled { &CONTENT[..] } else { &CONTENT[..1] };
        for line in [&mut one, &mut other].into_iter().filter_map(|line| line.as_object_mut()) {
            line.retain(|name, _| !names.contains(&name.as_str()));
        }
        (one, other)
    });
    let (ones, others): (Vec<Value>, Vec<Value>) = lines.unzip();
    (one["chat"], other["chat"]) = (Value::Array(ones), Value::Array(others));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_that_was_recalled_meanwhile_makes_no_difference_and_any_other_does() {
        let equal = |mut one: Value, mut other: Value| {
            forget_recalled(&mut one, &mut other);
            one == other
        };
        let chat = |line: &Value| json!({"chat": [line]});
        let (line, recalled) = (json!({"op": 1, "text": "a"}), json!({"op": 1, "text": "", "recalled": true}));
        let reacted = json!({"op": 1, "text": "a", "reactions": [{"count": 1}]});
        assert!(equal(chat(&line), chat(&recalled)));
        assert!(equal(chat(&line), chat(&reacted)));
        assert!(!equal(chat(&line), chat(&json!({"op": 1, "text": "b"}))));
        assert!(!equal(chat(&line), chat(&json!({"op": 2, "text": "a"}))));
    }
}
