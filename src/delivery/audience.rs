//! The sockets of one room on one shard, and the frames that are gathered for them.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::agenda::Due;
use super::listeners::Listeners;
use super::pace::Pace;

/// The number of an event: `(epoch, seq)`.
pub(super) type Place = (i64, u64);

/// A socket that gets the room's events.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// The socket's key in the shard.
    pub socket: u32,
    /// The first gathered event that it has not been given.
    pub cursor: u32,
}

/// The sockets of one room on one shard.
pub(super) struct Audience {
    /// The last event that came. Events at or below it are dropped.
    pub latest: Place,
    /// The sockets that get the room's events.
    pub live: Vec<Member>,
    /// Members who joined at a place above `latest`. They skip the events up to that place.
    pub ahead: Vec<(u32, Place)>,
    /// The number of sockets whose join has not been answered.
    pub pending: u32,
    /// The events that came while a join was pending, and their bytes.
    held: VecDeque<(Place, Bytes)>,
    held_bytes: usize,
    /// The highest event that was held and then dropped for lack of room.
    lost: Place,
    /// The events that came after a gap in the numbers, until the gap is filled.
    pub gap: Option<Gap>,
    /// Where missing events are asked for: the room's listeners, which its actor watches, and this shard's number.
    pub owner: Option<(Arc<Listeners>, usize)>,
    /// The events that have not been written to all yet. A member that was given some of them early has a cursor after
    /// those.
    pub events: Vec<Bytes>,
    /// The signals that have not been written yet.
    pub signals: Vec<Bytes>,
    /// The bytes of both.
    pub gathered_bytes: usize,
    /// When both are written; `None` while there is nothing.
    pub due: Option<Due>,
    pub pace: Pace,
}

/// Events that wait for missing ones before them. If they are more bytes than may wait for a socket, they are dropped:
/// the owner has them too.
#[derive(Default)]
pub(super) struct Gap {
    pub waiting: VecDeque<(Place, Bytes)>,
    bytes: usize,
}

/// A place below every other.
const NOWHERE: Place = (i64::MIN, 0);

impl Default for Audience {
    fn default() -> Self {
        Self {
            latest: NOWHERE,
            live: Vec::new(),
            ahead: Vec::new(),
            pending: 0,
            held: VecDeque::new(),
            held_bytes: 0,
            lost: NOWHERE,
            gap: None,
            owner: None,
            events: Vec::new(),
            signals: Vec::new(),
            gathered_bytes: 0,
            due: None,
            pace: Pace::default(),
        }
    }
}

impl Audience {
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.pending == 0
    }

    /// Keeps an event for the sockets whose join is pending, one copy for all of them. Beyond `limit` bytes the oldest
    /// events are dropped.
    pub(super) fn hold(&mut self, place: Place, event: &Bytes, limit: usize) {
        self.held_bytes += event.len();
        self.held.push_back((place, event.clone()));
        while self.held_bytes > limit
            && let Some((place, event)) = self.held.pop_front()
        {
            self.held_bytes -= event.len();
            self.lost = place;
        }
    }

    /// The held events above this place; `None` if some of them were dropped or never came.
    pub(super) fn held_above(&self, place: Place) -> Option<impl Iterator<Item = &Bytes>> {
        let above = move |(held, _): &&(Place, Bytes)| *held > place;
        let is_whole = place >= self.latest
            || place.0 != self.latest.0
            || self.held.iter().filter(above).count() as u64 == self.latest.1 - place.1;
        (self.lost <= place && is_whole).then(|| self.held.iter().filter(above).map(|(_, event)| event))
    }

    /// Whether some member has not been given every event up to this place.
    pub(super) fn misses(&self, place: Place) -> bool {
        self.latest < place && self.live.len() > self.ahead.iter().filter(|(_, at)| *at >= place).count()
    }

    /// Whether an event before this one has been lost. In a new epoch the first event that comes counts as the first.
    pub(super) fn is_behind_a_hole(&self, (epoch, seq): Place) -> bool {
        self.latest.0 == epoch && self.latest.1 + 1 < seq && self.misses((epoch, seq - 1))
    }

    /// Keeps an event that came after a gap. For the first such event, the owner is asked for the missing ones.
    pub(super) fn wait_behind_the_hole(&mut self, place: Place, event: Bytes, limit: usize) {
        if self.gap.is_none() {
            self.ask();
        }
        let gap = self.gap.get_or_insert_default();
        gap.bytes += event.len();
        gap.waiting.push_back((place, event));
        if gap.bytes > limit {
            *gap = Gap::default();
        }
    }

    /// Asks the owner for the events after `latest`.
    pub(super) fn ask(&self) {
        if let Some((listeners, shard)) = &self.owner {
            listeners.ask(*shard, self.latest);
        }
    }

    /// Drops the gathered events that have not been written, as if they had never come. Members who were given some of
    /// them early skip those when they come again.
    pub(super) fn take_back(&mut self) {
        let count = self.events.len() as u64;
        if count == 0 {
            return;
        }
        // Numbers begin anew with an epoch. If events of an earlier epoch were gathered too, members miss them, and
        // they notice that by the new epoch.
        let before: Place = (self.latest.0, self.latest.1.saturating_sub(count));
        for member in &mut self.live {
            let given = u64::from(std::mem::take(&mut member.cursor));
            let place = (before.0, before.1 + given);
            match self.ahead.iter_mut().find(|(key, _)| *key == member.socket) {
                Some((_, at)) => *at = place.max(*at),
                None if given > 0 => self.ahead.push((member.socket, place)),
                None => {}
            }
        }
        while let Some((_, event)) = self.held.pop_back_if(|(place, _)| *place > before) {
            self.held_bytes -= event.len();
        }
        self.gathered_bytes -= self.events.iter().map(Bytes::len).sum::<usize>();
        self.events.clear();
        self.latest = before;
    }

    /// Notes that a pending join was answered or ended. After the last one no events need to be held.
    pub(super) fn one_pending_less(&mut self) {
        self.pending -= 1;
        if self.pending == 0 {
            self.held = VecDeque::new();
            self.held_bytes = 0;
            self.lost = NOWHERE;
        }
    }
}
