//! What a room hands to the writer: a stretch of its events, and who came and went meanwhile.

use parlor_protocol::RoomId;
use tokio::sync::oneshot;

use crate::delivery::Frame;
use crate::kit::clock::Timestamp;
use crate::room::state::Scene;
use crate::room::visits::{Roll, Trace};

/// The bytes that an event takes beside its frame.
const AROUND: usize = 64;
/// The bytes of a trace, or of an entry of a roll.
const TRACE: usize = 40;
/// The bytes of a keyframe without people, lines and terms, and of each of them.
const SCENE: (usize, usize) = (4_096, 128);

/// An event as it was sent.
#[derive(Debug)]
pub(super) struct Kept {
    pub seq: u64,
    pub at: Timestamp,
    pub frame: Frame,
}

/// Events of which nothing is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lost {
    pub first: u64,
    pub last: u64,
    pub began: Timestamp,
    pub ended: Timestamp,
}

/// A part of a room's timeline, in order: what was lost, the keyframe, the events behind it, the end of the epoch.
#[derive(Debug)]
pub(super) struct Batch {
    pub room: RoomId,
    pub epoch: i64,
    /// What it takes of the queue.
    pub bytes: usize,
    pub lost: Option<Lost>,
    pub keyframe: Option<Box<Scene>>,
    pub events: Vec<Kept>,
    /// Who is in the room; the traces are of the time behind it.
    pub roll: Option<Roll>,
    pub traces: Vec<Trace>,
    /// The last number of an epoch that ends in order, and when.
    pub end: Option<(u64, Timestamp)>,
    /// Told when it is written, or will not be.
    pub done: Option<oneshot::Sender<()>>,
}

impl Batch {
    /// The bytes of what it has, roughly.
    pub(super) fn weigh(&self) -> usize {
        let events: usize = self.events.iter().map(|kept| kept.frame.bytes().len() + AROUND).sum();
        let keyframe = self.keyframe.as_ref().map_or(0, |scene| {
            let terms = scene.kicked.len() + scene.banned.len() + scene.muted.len() + scene.hands.len();
            let text: usize = scene.chat.iter().map(|line| line.text.len() + SCENE.1).sum();
            SCENE.0 + (terms + scene.people.len()) * SCENE.1 + text
        });
        let roll = self.roll.as_ref().map_or(0, |roll| (roll.people.len() + roll.seats.len()) * TRACE);
        events + keyframe + roll + self.traces.len() * TRACE + size_of::<Self>()
    }
}

/// The bytes that an event takes while it is gathered.
pub(super) fn weight(frame: &Frame) -> usize {
    frame.bytes().len() + AROUND
}
