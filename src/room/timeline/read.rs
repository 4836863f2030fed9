//! What the timeline tells: the events of a room with the gaps between them, and the room as it was at a moment.

use std::collections::VecDeque;
use std::sync::Arc;

use parlor_protocol::RoomId;
use parlor_protocol::envelope::EventFrame;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::packing::unpack;
use super::store::{self, END, EVENTS, Keyframe, Stretch};
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::room::settings::Settings;
use crate::room::state::{RoomState, Scene};

/// The rows that are read at a time.
const ROWS: i64 = 32;

crate::list! {
    /// The query of `GET /v1/staff/rooms/{id}/timeline`: oldest first.
    pub struct TimelineList: "room.timeline" by (i64, i64) {
        /// Only events of this time and later, in Unix milliseconds.
        from: Option<i64>,
    }
}

/// An event of a room, or a gap in its timeline.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// The room's epoch.
    pub epoch: i64,
    /// The event's number in the epoch; of a gap the first number of which nothing is kept.
    #[schema(minimum = 1)]
    pub seq: u64,
    /// When it was, in Unix milliseconds; absent: it is a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// The event's type, as clients get it; absent: it is a gap.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The event's data, as clients get it; absent: it is a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
    /// That nothing is kept from this number on; absent: it is an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

/// Events of which nothing is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Gap {
    /// The first number of which nothing is kept.
    #[schema(minimum = 1)]
    pub first: u64,
    /// The last one; absent: the epoch's last, which is not known, because the server was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
}

impl TimelineEntry {
    fn gap(epoch: i64, first: i64, last: Option<i64>) -> Self {
        let (first, last) = (first.unsigned_abs(), last.map(i64::unsigned_abs));
        Self { epoch, seq: first, at: None, kind: None, data: None, gap: Some(Gap { first, last }) }
    }

    /// The key of the entry in its list: the epoch, and the last number that the entry tells of.
    fn key(&self) -> (i64, i64) {
        let last = match self.gap {
            Some(gap) => gap.last.map_or(i64::MAX, number),
            None => number(self.seq),
        };
        (self.epoch, last)
    }
}

/// The envelope of an event, whose data is not parsed.
#[derive(Deserialize)]
struct Envelope<'a> {
    seq: i64,
    at: i64,
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// A page of a room's events, with a gap wherever some are not kept.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn page(
    conn: &mut PgConnection,
    room: RoomId,
    list: &TimelineList,
    window: &Window<TimelineList>,
) -> Result<Page<TimelineEntry>> {
    let from = list.from.unwrap_or(i64::MIN);
    let mut walk = match (window.behind(), list.from) {
        (Some((epoch, seq)), _) => Walk::behind(room, epoch, seq),
        (None, Some(from)) => Walk::from(room, store::place_at(conn, room, from).await?.unwrap_or_default()),
        (None, None) => Walk::from(room, (0, 0)),
    };
    let mut entries = Vec::new();
    while entries.len() <= window.limit() {
        let Some(entry) = walk.next(conn).await? else { break };
        if entry.at.is_none_or(|at| at >= from) {
            entries.push(entry);
        }
    }
    Ok(window.page(entries, TimelineEntry::key))
}

/// A walk through the rows of a room, oldest first.
struct Walk {
    room: RoomId,
    epoch: i64,
    /// The number that comes next in the epoch.
    next: i64,
    /// Whether the walk knows what was before `next`, so that a hole there is one.
    knows: bool,
    /// Whether the epoch has ended in order.
    ended: bool,
    ready: VecDeque<TimelineEntry>,
    over: bool,
}

impl Walk {
    fn behind(room: RoomId, epoch: i64, seq: i64) -> Self {
        let (ended, next) = (seq == i64::MAX, seq.saturating_add(1));
        Self { room, epoch, next, knows: true, ended, ready: VecDeque::new(), over: false }
    }

    fn from(room: RoomId, (epoch, seq): (i64, i64)) -> Self {
        Self { room, epoch, next: seq, knows: false, ended: true, ready: VecDeque::new(), over: false }
    }

    async fn next(&mut self, conn: &mut PgConnection) -> Result<Option<TimelineEntry>> {
        while self.ready.is_empty() && !self.over {
            let rows = store::stretches(conn, self.room, (self.epoch, self.next), ROWS).await?;
            let was = (self.epoch, self.next, self.ended);
            let full = i64::try_from(rows.len()).is_ok_and(|read| read >= ROWS);
            for row in rows {
                self.take(row)?;
            }
            if !full || was == (self.epoch, self.next, self.ended) {
                self.over = true;
                self.say_end(conn).await?;
            }
        }
        Ok(self.ready.pop_front())
    }

    fn take(&mut self, row: Stretch) -> Result<()> {
        if row.epoch != self.epoch {
            if self.knows && !self.ended {
                self.ready.push_back(TimelineEntry::gap(self.epoch, self.next, None));
            }
            // What is below the first number of the first row may have been removed, because it was old.
            let next = if self.knows { 1 } else { row.first_seq };
            (self.epoch, self.next, self.ended) = (row.epoch, next, false);
        } else if !self.knows {
            (self.next, self.ended) = (row.first_seq, false);
        }
        self.knows = true;
        self.ended |= row.kind == END;
        if row.first_seq > self.next {
            self.ready.push_back(TimelineEntry::gap(self.epoch, self.next, Some(row.first_seq - 1)));
            self.next = row.first_seq;
        }
        if row.last_seq < self.next {
            return Ok(());
        }
        match row.events {
            Some(events) if row.kind == EVENTS => self.take_events(&events)?,
            _ => self.ready.push_back(TimelineEntry::gap(self.epoch, self.next, Some(row.last_seq))),
        }
        self.next = row.last_seq + 1;
        Ok(())
    }

    fn take_events(&mut self, packed: &[u8]) -> Result<()> {
        let text = unpack(packed).map_err(Error::internal)?;
        for line in text.lines() {
            let event: Envelope<'_> = serde_json::from_str(line).map_err(Error::internal)?;
            if event.seq < self.next {
                continue;
            }
            let data = event.data.map(|data| serde_json::from_str(data.get())).transpose().map_err(Error::internal)?;
            self.ready.push_back(TimelineEntry {
                epoch: self.epoch,
                seq: event.seq.unsigned_abs(),
                at: Some(event.at),
                kind: Some(event.kind),
                data,
                gap: None,
            });
        }
        Ok(())
    }

    /// Says that the end of the last epoch is not kept, if nobody will write it any more.
    async fn say_end(&mut self, conn: &mut PgConnection) -> Result<()> {
        if self.knows && !self.ended {
            let is_over =
                store::last_epoch(conn, self.room).await?.is_some_and(|(last, held)| last > self.epoch || !held);
            if is_over {
                self.ready.push_back(TimelineEntry::gap(self.epoch, self.next, None));
            }
        }
        Ok(())
    }
}

/// A room at a moment, made of its timeline.
#[derive(Clone, PartialEq, Debug)]
pub struct Moment {
    /// The room's epoch.
    pub epoch: i64,
    /// The number of the last event that it includes; 0 if there is none before it.
    pub seq: u64,
    /// When that event was, in Unix milliseconds.
    pub at: i64,
    /// What the room's events had decided.
    pub scene: Scene,
    /// Events that are not kept, so that what they decided may be missing.
    pub missing: Vec<Gap>,
}

/// The room after the event of this number; `None` if the timeline does not have it, nor says that it is lost.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn at_seq(conn: &mut PgConnection, room: RoomId, epoch: i64, seq: u64) -> Result<Option<Moment>> {
    let last = number(seq);
    let Some(keyframe) = store::keyframe_before(conn, room, epoch, last).await? else { return Ok(None) };
    let replayed = replay(conn, room, keyframe, |seq, _| seq <= last).await?;
    Ok(replayed.filter(|(_, reached)| *reached >= last).map(|(moment, _)| moment))
}

/// The room at a time, in Unix milliseconds; `None` if the timeline begins later.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn at_time(conn: &mut PgConnection, room: RoomId, at: i64) -> Result<Option<Moment>> {
    let Some((epoch, first)) = store::place_at(conn, room, at).await? else { return Ok(None) };
    let Some(keyframe) = store::keyframe_before(conn, room, epoch, first - 1).await? else { return Ok(None) };
    Ok(replay(conn, room, keyframe, |_, event_at| event_at <= at).await?.map(|(moment, _)| moment))
}

/// Makes the events behind a keyframe again, as long as they are wanted by number and time. Returns also the last number that
/// the timeline tells of, kept or lost.
async fn replay(
    conn: &mut PgConnection,
    room: RoomId,
    keyframe: Keyframe,
    wanted: impl Fn(i64, i64) -> bool,
) -> Result<Option<(Moment, i64)>> {
    let Keyframe { epoch, first_seq, keyframe } = keyframe;
    let Some(scene) = scene_of(&keyframe)? else { return Ok(None) };
    let mut state = RoomState::of_scene(scene, Arc::new(Settings::default()), epoch, 0);
    let (mut seq, mut at, mut missing, mut reached) = (first_seq - 1, 0, Vec::new(), first_seq - 1);
    'rows: loop {
        let rows = store::stretches(conn, room, (epoch, reached + 1), ROWS).await?;
        let before = reached;
        for row in rows.into_iter().filter(|row| row.last_seq > before) {
            if row.epoch != epoch || row.kind == END || !wanted(row.first_seq, row.began) {
                if row.epoch == epoch && row.first_seq > reached + 1 && wanted(reached + 1, row.began) {
                    missing.push(gap(reached + 1, row.first_seq - 1));
                    reached = row.first_seq - 1;
                }
                break 'rows;
            }
            if row.first_seq > reached + 1 {
                missing.push(gap(reached + 1, row.first_seq - 1));
            }
            let Some(events) = row.events else {
                missing.push(gap(row.first_seq, row.last_seq));
                reached = row.last_seq;
                continue;
            };
            let text = unpack(&events).map_err(Error::internal)?;
            for line in text.lines() {
                let envelope: Envelope<'_> = serde_json::from_str(line).map_err(Error::internal)?;
                if !wanted(envelope.seq, envelope.at) {
                    break 'rows;
                }
                (seq, at, reached) = (envelope.seq, envelope.at, envelope.seq);
                match serde_json::from_str::<EventFrame>(line) {
                    Ok(frame) => state.replay(frame.seq, frame.event, Timestamp(frame.at)),
                    // A newer program has written it.
                    Err(_) => missing.push(gap(seq, seq)),
                }
            }
        }
        if reached == before {
            break;
        }
    }
    let moment = Moment { epoch, seq: seq.unsigned_abs(), at, scene: state.scene(), missing };
    Ok(Some((moment, reached)))
}

/// The scene of a packed keyframe; `None` if a newer program has written one that this cannot read.
fn scene_of(packed: &[u8]) -> Result<Option<Scene>> {
    let text = unpack(packed).map_err(Error::internal)?;
    Ok(serde_json::from_str(&text).ok())
}

fn gap(first: i64, last: i64) -> Gap {
    Gap { first: first.unsigned_abs(), last: Some(last.unsigned_abs()) }
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
