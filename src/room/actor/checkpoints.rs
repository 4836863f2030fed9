//! When the actor writes the room's checkpoint: at most every half second by default, and one at a time. The room does
//! not wait for it.

use tokio::time::timeout;

use super::{LAST_WAIT, RoomActor, landed};
use crate::kit::clock::Timestamp;
use crate::room::facts::{CheckpointRow, WriteError};
use crate::room::port::PortFuture;
use crate::room::settings::{Settings, ms};

type Kept = Result<(), WriteError>;

/// The bytes a second that the checkpoints of lines may have while little is said. Each has the whole memory of
/// operations, so the more a room remembers, the longer its lines wait, up to `checkpoint_lines_ms`.
const LINES_BYTES_A_SECOND: i64 = 2_048;

/// The milliseconds that a line waits longer for each checkpoint that the node writes in a second: thousands of rooms in
/// which little is said are together as dear as one that remembers much. From 250 a second on, lines wait for the default
/// `checkpoint_lines_ms`.
const WAIT_MS_A_CHECKPOINT: i64 = 16;

/// What decides when the next checkpoint is due.
pub(super) struct Checkpoints {
    /// Whether something other than chat has changed since the last checkpoint began.
    pub(super) dirty: bool,
    /// Since when there is a line of chat that is in no checkpoint.
    said_at: Option<Timestamp>,
    every_ms: i64,
    lines_ms: i64,
    next_at: Timestamp,
    failing: bool,
    pub(super) flight: Option<PortFuture<Kept>>,
}

impl Checkpoints {
    pub(super) fn new(settings: &Settings) -> Self {
        let (every_ms, next_at) = (ms(settings.checkpoint_ms), Timestamp(i64::MIN));
        let lines_ms = ms(settings.checkpoint_lines_ms);
        Self { dirty: false, said_at: None, every_ms, lines_ms, next_at, failing: false, flight: None }
    }

    /// Notes that a line of chat was posted. Its checkpoint may wait longer than that of a seat: all that it protects
    /// is the answer to a retry. It waits no longer than what it costs is worth.
    pub(super) fn said(&mut self, now: Timestamp) {
        self.said_at.get_or_insert(now);
    }

    fn are_all_in(&self) -> bool {
        !self.dirty && self.said_at.is_none()
    }

    fn begin(&mut self) {
        (self.dirty, self.said_at) = (false, None);
    }
}

impl RoomActor {
    pub(super) fn checkpoint_at(&self) -> Option<Timestamp> {
        let Checkpoints { dirty, said_at, lines_ms, next_at, ref flight, .. } = self.checkpoints;
        if flight.is_some() {
            return None;
        }
        let lines_at = said_at.map(|at| at.plus_ms(self.lines_wait_ms(lines_ms)).max(next_at));
        if dirty { Some(next_at) } else { lines_at }
    }

    /// How long a line may wait for its checkpoint, at most `longest_ms`.
    fn lines_wait_ms(&self, longest_ms: i64) -> i64 {
        let bytes = i64::try_from(self.state.memory_bytes()).unwrap_or(i64::MAX);
        let of_room = bytes.saturating_mul(1_000) / LINES_BYTES_A_SECOND;
        let of_node = i64::from(self.facts.checkpoints_a_second()) * WAIT_MS_A_CHECKPOINT;
        of_room.max(of_node).min(longest_ms)
    }

    /// Begins the checkpoint that is due, and hands over what is due for the timeline.
    pub(super) fn start_checkpoint(&mut self) {
        let now = self.clock.now();
        self.timeline.keep_up(&self.state, now);
        if self.checkpoint_at().is_some_and(|at| at <= now) {
            self.checkpoints.begin();
            self.checkpoints.next_at = now.plus_ms(self.checkpoints.every_ms);
            self.checkpoints.flight = Some(self.facts.checkpoint(self.row()));
        }
    }

    pub(super) fn row(&self) -> CheckpointRow {
        CheckpointRow {
            room: self.state.card().id,
            epoch: self.state.epoch(),
            seq: self.state.seq(),
            gift_no: self.state.announced(),
            state: self.state.checkpoint(self.clock.now()),
        }
    }

    pub(super) fn checkpointed(&mut self, kept: Kept) {
        match kept {
            Ok(()) => self.checkpoints.failing = false,
            Err(WriteError::Fenced) => self.fenced = true,
            Err(error) => {
                self.checkpoints.dirty = true;
                if !self.checkpoints.failing {
                    self.checkpoints.failing = true;
                    tracing::warn!(room.id = self.state.card().id.number(), %error, "a checkpoint was not written");
                }
            }
        }
    }

    /// Writes what is not written yet and gives the room back, each within [`LAST_WAIT`].
    pub(super) async fn last_checkpoint(&mut self) {
        self.timeline.end(&self.state, self.clock.now());
        if let Some(flight) = self.checkpoints.flight.take() {
            match timeout(LAST_WAIT, flight).await {
                Ok(kept) => self.checkpointed(kept),
                // It is unknown whether it was written, so it is written again.
                Err(_) => self.checkpoints.dirty = true,
            }
        }
        if self.fenced {
            return;
        }
        if !self.checkpoints.are_all_in() {
            self.checkpoints.flight = Some(self.facts.checkpoint(self.row()));
            match timeout(LAST_WAIT, landed(&mut self.checkpoints.flight)).await {
                Ok(kept) => self.checkpointed(kept),
                Err(_) => tracing::warn!(room.id = self.state.card().id.number(), "the last checkpoint took too long"),
            }
        }
        // Once the room is given back, somebody may claim it, and then nothing of this epoch is written any more.
        self.timeline.written(LAST_WAIT).await;
        let _ = timeout(LAST_WAIT, self.facts.release(self.state.card().id, self.state.epoch())).await;
    }
}
