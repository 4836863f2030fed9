//! The timeline of rooms: what their events were, for the platform's staff and for some days.
//!
//! A room gives each event's frame, as it was sent, to its `Recorder`, which hands them over in stretches. One task of
//! the node packs and writes the stretches of many rooms together. No room waits for it: what does not fit its queue is not
//! kept, and the timeline says so. The recorder also tells who came and went, and who sat where, which `visits` stores.
//!
//! A stretch begins now and then with a keyframe, the room before its first event. A keyframe and the events behind it make
//! the room of any moment again (`read`).

mod batch;
mod forget;
mod packing;
pub mod read;
mod recall;
mod recorder;
mod sampler;
mod store;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use parlor_protocol::RoomId;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use self::batch::Batch;
pub use self::forget::ForgetTimeline;
pub use self::recall::{EmptyLine, Line, empty_line};
pub(super) use self::recorder::Recorder;
pub(super) use self::sampler::run as run_sampler;
pub use self::sampler::{Sampled, sample};
use self::writer::Writer;
use super::settings::{Settings, ms};
use super::state::RoomState;
use crate::kit::clock::Timestamp;
use crate::kit::edge::Edge;
use crate::kit::supervise::Supervisor;
use crate::telemetry::metric;

/// The most stretches that wait for the writer, however small they are.
const QUEUE: usize = 65_536;
/// From so many stretches a second of all rooms on, a room gathers its events for longer.
const CALM: u32 = 100;
/// A room gathers events at most so many times longer than usual.
const LONGER: u32 = 5;

/// The queue to the task that writes the timelines of this node. Cheap to clone.
#[derive(Clone)]
pub(super) struct Timeline(Arc<Shared>);

struct Shared {
    queue: mpsc::Sender<Batch>,
    load: Arc<Load>,
    most: usize,
    gather_ms: i64,
}

/// What rooms and the writer tell each other.
#[derive(Default)]
struct Load {
    /// The bytes that wait for the writer or are with it.
    bytes: AtomicUsize,
    /// How many stretches it writes in a second.
    a_second: AtomicU32,
    /// Whether rooms have to drop what they have.
    full: AtomicBool,
}

impl Load {
    fn release(&self, bytes: usize) {
        let left = self.bytes.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        metric::TIMELINE_QUEUE.set(left as f64);
        if left == 0 {
            self.full.store(false, Ordering::Relaxed);
        }
    }
}

impl Timeline {
    /// Starts the task that writes; `None` if rooms are not to be recorded. `incarnation` is that of this process.
    pub(super) fn start(edge: Edge, settings: &Settings, incarnation: i64, supervisor: &Supervisor) -> Option<Self> {
        if !settings.timeline {
            return None;
        }
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (load, until) = (Arc::<Load>::default(), supervisor.stop().child_token());
        let timeout = Duration::from_millis(settings.write_timeout_ms);
        let writer = Writer::new(edge, timeout, incarnation, load.clone());
        supervisor.engine("writer of timelines", &until, writer.run(waiting, until.clone()));
        let (most, gather_ms) = (settings.timeline_queue_bytes, ms(settings.timeline_gather_ms));
        Some(Self(Arc::new(Shared { queue, load, most, gather_ms })))
    }

    /// The recorder of a room that wakes in this state.
    pub(super) fn recorder(&self, state: &RoomState, now: Timestamp) -> Recorder {
        Recorder::of(self.clone(), state, now)
    }

    /// How long a room gathers events. The more stretches all rooms have written, the longer.
    fn gather_ms(&self) -> i64 {
        let times = (self.0.load.a_second.load(Ordering::Relaxed) / CALM).clamp(1, LONGER);
        self.0.gather_ms * i64::from(times)
    }

    /// Hands a batch to the writer without waiting.
    ///
    /// # Errors
    /// The batch, if the queue has no room for it.
    fn hand_over(&self, batch: Batch) -> Result<(), Box<Batch>> {
        let Shared { queue, load, most, .. } = &*self.0;
        let before = load.bytes.fetch_add(batch.bytes, Ordering::Relaxed);
        let (room, bytes) = (batch.room, batch.bytes);
        let sent = if before + bytes > *most { Err(batch) } else { queue.try_send(batch).map_err(unsent) };
        sent.map_err(|batch| {
            load.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.say_full(room);
            Box::new(batch)
        })
    }

    /// Says once that rooms drop what they have, until everything was written again.
    fn say_full(&self, room: RoomId) {
        if !self.0.load.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                room.id = room.number(),
                "the queue of timelines is full: what does not fit is not kept, and is marked as a gap"
            );
        }
    }
}

fn unsent(error: TrySendError<Batch>) -> Batch {
    match error {
        TrySendError::Full(batch) | TrySendError::Closed(batch) => batch,
    }
}
