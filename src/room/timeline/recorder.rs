//! What one room has for its timeline and has not handed over yet. For an event it costs a clone of the shared frame and a
//! push; it reads no clock and takes no lock.

use parlor_protocol::room::Seat;
use parlor_protocol::{Event, RoomId, UserId};
use tokio::sync::oneshot;
use tokio::time::{Duration, timeout};

use super::Timeline;
use super::batch::{Batch, Kept, Lost, weight};
use crate::delivery::Frame;
use crate::kit::clock::Timestamp;
use crate::room::state::{Change, RoomState, Scene};
use crate::room::visits::{Roll, Trace, What};
use crate::telemetry::metric;

/// The bytes of events from which on they are handed over at once.
const STRETCH_BYTES: usize = 32 * 1024;
/// The bytes that a trace counts towards them.
const TRACE_BYTES: usize = 40;
/// The most events between two keyframes.
const KEYFRAME_EVENTS: usize = 1_000;
/// The most milliseconds between a keyframe and the event that begins with the next one.
const KEYFRAME_MS: i64 = 600_000;

/// The recorder of one room; of a room that is not recorded it does nothing.
pub(in crate::room) struct Recorder(Option<Box<Recording>>);

struct Recording {
    timeline: Timeline,
    room: RoomId,
    epoch: i64,
    events: Vec<Kept>,
    bytes: usize,
    traces: Vec<Trace>,
    /// Since when something waits that has to be handed over.
    since: Option<Timestamp>,
    /// The room before the first of the events.
    keyframe: Option<Box<Scene>>,
    /// The events since the last keyframe; the greatest number if there is none to begin from.
    behind_keyframe: usize,
    keyframe_at: Timestamp,
    /// Who was in the room when it woke, until that is handed over.
    roll: Option<Roll>,
    /// Events that could not be handed over.
    lost: Option<Lost>,
    /// Traces could not be handed over, so a roll has to be.
    lost_traces: bool,
    end: Option<oneshot::Receiver<()>>,
}

impl Recorder {
    /// The recorder of a room that is not recorded.
    pub(in crate::room) const fn none() -> Self {
        Self(None)
    }

    pub(super) fn of(timeline: Timeline, state: &RoomState, now: Timestamp) -> Self {
        Self(Some(Box::new(Recording {
            timeline,
            room: state.card().id,
            epoch: state.epoch(),
            events: Vec::new(),
            bytes: 0,
            traces: Vec::new(),
            since: None,
            keyframe: None,
            behind_keyframe: usize::MAX,
            keyframe_at: now,
            roll: Some(roll(state, now)),
            lost: None,
            lost_traces: false,
            end: None,
        })))
    }

    /// Looks at a change that is about to be made to this state.
    pub(in crate::room) fn before(&mut self, state: &RoomState, change: &Change, now: Timestamp) {
        let Some(recording) = &mut self.0 else { return };
        match change {
            Change::Event(event) => {
                if recording.wants_keyframe(now) {
                    recording.begin_keyframe(state, now);
                }
                recording.trace_seats(state.seats().0, event, now);
            }
            Change::Attached(caller) if !state.has(caller.user.id) => recording.trace(caller.user.id, What::Came, now),
            Change::Departed { user } if state.has(*user) => recording.trace(*user, What::Went, now),
            _ => {}
        }
    }

    /// Takes an event's frame. Events come in the order of their numbers, without holes.
    pub(in crate::room) fn told(&mut self, seq: u64, at: Timestamp, frame: &Frame) {
        let Some(recording) = &mut self.0 else { return };
        recording.since.get_or_insert(at);
        recording.bytes += weight(frame);
        recording.behind_keyframe = recording.behind_keyframe.saturating_add(1);
        recording.events.push(Kept { seq, at, frame: frame.clone() });
    }

    /// When what there is has to be handed over; `None` while there is nothing.
    pub(in crate::room) fn due_at(&self) -> Option<Timestamp> {
        let recording = self.0.as_ref()?;
        let since = recording.since?;
        Some(if recording.bytes >= STRETCH_BYTES { since } else { since.plus_ms(recording.timeline.gather_ms()) })
    }

    /// Hands over what is due by now. Nothing is awaited.
    pub(in crate::room) fn keep_up(&mut self, state: &RoomState, now: Timestamp) {
        if self.due_at().is_some_and(|at| at <= now)
            && let Some(recording) = &mut self.0
        {
            recording.hand_over(state, now, false);
        }
    }

    /// Hands over everything, with the end of the epoch: everybody has left.
    pub(in crate::room) fn end(&mut self, state: &RoomState, now: Timestamp) {
        let Some(recording) = &mut self.0 else { return };
        let sitting: Vec<UserId> = state.seats().0.iter().filter_map(sitting).collect();
        let people: Vec<UserId> = state.everybody().map(|person| person.id).collect();
        sitting.into_iter().for_each(|user| recording.trace(user, What::Rose, now));
        people.into_iter().for_each(|user| recording.trace(user, What::Went, now));
        recording.hand_over(state, now, true);
    }

    /// Waits until what was handed over at the end is written, or will not be; no longer than so long.
    pub(in crate::room) async fn written(&mut self, longest: Duration) {
        if let Some(done) = self.0.as_mut().and_then(|recording| recording.end.take()) {
            let _ = timeout(longest, done).await;
        }
    }
}

impl Recording {
    fn wants_keyframe(&self, now: Timestamp) -> bool {
        self.behind_keyframe >= KEYFRAME_EVENTS || now.ms_since(self.keyframe_at) >= KEYFRAME_MS
    }

    /// The next event begins a stretch with a keyframe.
    fn begin_keyframe(&mut self, state: &RoomState, now: Timestamp) {
        if !self.events.is_empty() {
            self.hand_over(state, now, false);
        }
        self.keyframe = Some(Box::new(state.scene()));
        (self.behind_keyframe, self.keyframe_at) = (0, now);
    }

    fn trace(&mut self, user: UserId, what: What, at: Timestamp) {
        self.since.get_or_insert(at);
        self.bytes += TRACE_BYTES;
        self.traces.push(Trace { user, at: at.0, what });
    }

    /// Traces who loses a seat by this event, and then who gets one.
    fn trace_seats(&mut self, before: &[Seat], event: &Event, now: Timestamp) {
        let after = match event {
            Event::SeatsChanged { seats, .. } => seats,
            Event::LayoutChanged { seats, .. } => {
                let beyond = before.iter().skip(seats.len()).filter_map(sitting);
                beyond.for_each(|user| self.trace(user, What::Rose, now));
                seats
            }
            _ => return,
        };
        let at = |no: u8| before.get(usize::from(no)).and_then(sitting);
        let changed: Vec<&Seat> = after.iter().filter(|seat| at(seat.no) != sitting(seat)).collect();
        for user in changed.iter().filter_map(|seat| at(seat.no)) {
            self.trace(user, What::Rose, now);
        }
        for (no, user) in changed.iter().filter_map(|seat| Some((seat.no, sitting(seat)?))) {
            self.trace(user, What::Sat(no), now);
        }
    }

    /// Hands over what there is, and with `ends` that the epoch ends. If it does not fit, it is lost.
    fn hand_over(&mut self, state: &RoomState, now: Timestamp, ends: bool) {
        (self.since, self.bytes) = (None, 0);
        let end = (ends && state.seq() > 0).then(|| (state.seq(), now));
        if self.events.is_empty() && self.traces.is_empty() && self.lost.is_none() && end.is_none() {
            return;
        }
        let capacity = self.events.len();
        let events = std::mem::replace(&mut self.events, Vec::with_capacity(capacity.min(64)));
        let traces = std::mem::take(&mut self.traces);
        // What happened up to now is in the roll that stands for lost traces.
        let (roll, traces) = if !self.lost_traces {
            (self.roll.take(), traces)
        } else if ends {
            (Some(Roll { at: now.0, people: Vec::new(), seats: Vec::new() }), Vec::new())
        } else {
            (Some(roll(state, now)), Vec::new())
        };
        let (done, written) = oneshot::channel();
        let mut batch = Batch {
            room: self.room,
            epoch: self.epoch,
            bytes: 0,
            lost: self.lost.take(),
            keyframe: self.keyframe.take(),
            events,
            roll,
            traces,
            end,
            done: ends.then_some(done),
        };
        batch.bytes = batch.weigh();
        match self.timeline.hand_over(batch) {
            Ok(()) => {
                self.lost_traces = false;
                self.end = ends.then_some(written);
            }
            Err(batch) => self.lose(*batch, now),
        }
    }

    /// Notes what could not be handed over. It is tried again a while later, to say that there is a gap.
    fn lose(&mut self, batch: Batch, now: Timestamp) {
        let Batch { lost, events, roll, traces, .. } = batch;
        metric::TIMELINE_EVENTS.add_of("dropped", events.len() as u64);
        let ends = events.first().zip(events.last());
        let dropped =
            ends.map(|(first, last)| Lost { first: first.seq, last: last.seq, began: first.at, ended: last.at });
        self.lost = match (lost, dropped) {
            (Some(lost), Some(dropped)) => Some(Lost { last: dropped.last, ended: dropped.ended, ..lost }),
            (lost, dropped) => lost.or(dropped),
        };
        self.lost_traces |= roll.is_some() || !traces.is_empty();
        self.behind_keyframe = usize::MAX;
        self.since = Some(now);
    }
}

fn sitting(seat: &Seat) -> Option<UserId> {
    seat.user.as_ref().map(|person| person.id)
}

fn roll(state: &RoomState, now: Timestamp) -> Roll {
    let seats = state.seats().0.iter().filter_map(|seat| Some((seat.no, sitting(seat)?)));
    Roll { at: now.0, people: state.everybody().map(|person| person.id).collect(), seats: seats.collect() }
}
