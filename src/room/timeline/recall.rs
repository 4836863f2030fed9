//! The job that empties a line of chat in the timeline after it was recalled.

use std::time::Duration;

use parlor_protocol::RoomId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::packing::{Packer, unpack};
use super::store;
use crate::kit::error::{Error, Result};
use crate::kit::jobs::{self, Failure, Job, Kind, Retry, Running};
use crate::kit::tx::Tx;

/// The attempts of the job. After the last one, some six minutes later, what was to be written is not written any more.
const ATTEMPTS: u32 = 12;
/// How much later the job looks again: a keyframe that shows the line may have been on its way the first time.
const LOOKS_AGAIN: Duration = Duration::from_secs(120);
/// What of a line tells what its author has posted.
const CONTENT: [&str; 4] = ["image", "mentions", "reply_to", "reactions"];

/// Has the line with this number emptied wherever the timeline has it, or will have it. The job is enqueued in the
/// transaction that recalls the line.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn empty_line(tx: &mut Tx, room: RoomId, epoch: i64, seq: u64) -> Result<()> {
    jobs::enqueue(tx, job_of(&Line { room, epoch, seq, again: false })).await?;
    Ok(())
}

fn job_of(line: &Line) -> Job {
    let Line { room, epoch, seq, again } = line;
    Job::new::<EmptyLine>(line).unique(format!("{room} {epoch} {seq} {again}"))
}

/// Which line is to be emptied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    room: RoomId,
    epoch: i64,
    seq: u64,
    /// It was emptied before, and this looks for a keyframe that was written since.
    #[serde(default)]
    again: bool,
}

/// Empties a recalled line: its text, image and mentions, in its stretch and in every keyframe that shows it. While the
/// line is still on its way to the timeline it is tried again, and two minutes later it is looked for once more. It takes effect once; to do it twice changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct EmptyLine;

impl Kind for EmptyLine {
    const NAME: &'static str = "room.empty_line";
    type Payload = Line;

    fn retry(&self) -> Retry {
        Retry { attempts: ATTEMPTS, first: Duration::from_secs(1), longest: Duration::from_secs(60) }
    }

    async fn run(&self, job: &mut Running, line: Line) -> Result<(), Failure> {
        let last = job.attempt() >= ATTEMPTS;
        let tx = job.settle().await?;
        let Line { room, epoch, seq, again } = line;
        let stretch = store::lock_stretch(tx, room, epoch, seq).await.map_err(Error::from)?;
        let mut op = None;
        match &stretch {
            Some(stretch) => {
                if let Some(events) = &stretch.events {
                    let (emptied, found) = without_line(events, seq)?;
                    op = found;
                    store::put_events(tx, room, epoch, stretch.first_seq, &emptied).await.map_err(Error::from)?;
                }
            }
            // Nothing below a number that is written is written later.
            None if last || store::is_past(tx, room, epoch, seq).await.map_err(Error::from)? => {}
            None => return Err(Failure::Passing("the timeline does not have the line yet".to_owned())),
        }
        let mut behind = (epoch, i64::try_from(seq).unwrap_or(i64::MAX));
        while let Some(found) = store::next_keyframe(tx, room, behind).await.map_err(Error::from)? {
            let Some(emptied) = keyframe_without_line(&found.keyframe, (epoch, seq), op.as_ref())? else { break };
            behind = (found.epoch, found.first_seq);
            store::put_keyframe(tx, room, behind, &emptied).await.map_err(Error::from)?;
        }
        if !again {
            jobs::enqueue(tx, job_of(&Line { again: true, ..line }).later(LOOKS_AGAIN)).await?;
        }
        Ok(())
    }
}

/// The packed events with that line emptied, and its operation, by which keyframes of any age name it.
fn without_line(packed: &[u8], seq: u64) -> Result<(Vec<u8>, Option<Value>)> {
    let text = unpack(packed).map_err(Error::internal)?;
    let (mut emptied, mut op) = (String::with_capacity(text.len()), None);
    for line in text.lines() {
        let event: Option<Value> = serde_json::from_str(line).ok();
        match event {
            Some(mut event) if event["seq"] == seq && event["type"] == "chat.posted" => {
                empty(&mut event["data"]);
                op = event["data"].get("op").cloned();
                emptied.push_str(&event.to_string());
            }
            _ => emptied.push_str(line),
        }
        emptied.push('\n');
    }
    Ok((Packer::new().pack(emptied.as_bytes()), op))
}

/// The packed keyframe with that line emptied; `None` if it does not show the line, and so no later one does.
fn keyframe_without_line(packed: &[u8], (epoch, seq): (i64, u64), op: Option<&Value>) -> Result<Option<Vec<u8>>> {
    let text = unpack(packed).map_err(Error::internal)?;
    let mut scene: Value = serde_json::from_str(&text).map_err(Error::internal)?;
    let mut shown = false;
    for line in scene["chat"].as_array_mut().into_iter().flatten() {
        let is_numbered = line["seq"] == seq && line["epoch"] == epoch;
        if is_numbered || op.is_some_and(|op| line["op"] == *op) {
            empty(line);
            shown = true;
        }
    }
    Ok(shown.then(|| Packer::new().pack(scene.to_string().as_bytes())))
}

/// Takes out of a line what its author has posted.
fn empty(line: &mut Value) {
    let Some(line) = line.as_object_mut() else { return };
    line.insert("text".to_owned(), Value::from(""));
    line.insert("recalled".to_owned(), Value::from(true));
    for name in CONTENT {
        line.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pack(text: &str) -> Vec<u8> {
        Packer::new().pack(text.as_bytes())
    }

    #[test]
    fn a_line_is_emptied_and_the_events_around_it_stay() {
        let event = |seq: u64, text: &str| json!({"seq": seq, "type": "chat.posted", "data": {"op": format!("op {seq}"), "text": text, "image": "i", "mentions": [1]}});
        let events = format!(
            "{}\n{}\n{}\n",
            event(4, "four"),
            event(5, "five"),
            r#"{"seq":5,"type":"other","data":{"text":"x"}}"#
        );
        let (emptied, op) = without_line(&pack(&events), 5).expect("packed");
        assert_eq!(op, Some(json!("op 5")));
        let text = unpack(&emptied).expect("packed");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines[0], event(4, "four"));
        assert_eq!(lines[1]["data"], json!({"op": "op 5", "text": "", "recalled": true}));
        assert_eq!(lines[2]["data"]["text"], "x");
    }

    #[test]
    fn a_keyframe_shows_the_line_by_its_number_or_operation_or_not_at_all() {
        let scene = json!({"chat": [{"op": "a", "text": "one"}, {"epoch": 2, "seq": 7, "op": "b", "text": "two"}]});
        let shown = |line, op: Option<&str>| {
            let op = op.map(Value::from);
            let emptied = keyframe_without_line(&pack(&scene.to_string()), line, op.as_ref()).expect("packed")?;
            let scene: Value = serde_json::from_str(&unpack(&emptied).expect("packed")).expect("JSON");
            Some([0, 1].map(|at| scene["chat"][at]["text"].as_str().expect("a text").to_owned()))
        };
        assert_eq!(shown((2, 7), None), Some(["one".to_owned(), String::new()]));
        assert_eq!(shown((2, 3), Some("a")), Some([String::new(), "two".to_owned()]));
        assert_eq!(shown((2, 3), None), None);
        assert_eq!(shown((1, 7), None), None, "that is a line of another epoch");
    }
}
