//! One room's sockets on one shard, and what is gathered for them.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::agenda::Due;
use super::listeners::Listeners;
use super::pace::Pace;

/// (epoch, seq).
pub(super) type Place = (i64, u64);

/// A socket that gets the room's events.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// The socket's key in the shard.
    pub socket: u32,
    /// The first gathered event that it has not been given.
    pub cursor: u32,
}

/// One room's sockets on one shard.
pub(super) struct Audience {
    /// The last event that came; nothing at or below it counts any more.
    pub latest: Place,
    pub live: Vec<Member>,
    /// Members who came in at a place above `latest`: they skip the events up to it.
    pub ahead: Vec<(u32, Place)>,
    /// Sockets whose join has not been answered.
    pub pending: u32,
    held: VecDeque<(Place, Bytes)>,
    held_bytes: usize,
    /// The highest event that was held and had to go.
    lost: Place,
    /// What came behind a hole in the numbers, until that is filled.
    pub gap: Option<Gap>,
    /// Whom to ask for what is missing: the room's listeners know its owner.
    pub owner: Option<(Arc<Listeners>, usize)>,
    /// Events that have not left yet; those who had reason to hear of them earlier have a cursor behind them.
    pub events: Vec<Bytes>,
    /// Signals that have not left yet.
    pub signals: Vec<Bytes>,
    /// Bytes of both.
    pub gathered_bytes: usize,
    /// When both leave; `None` while there is nothing.
    pub due: Option<Due>,
    pub pace: Pace,
}

/// Events that wait for those before them. More than may wait for a socket are not kept: the owner has them.
#[derive(Default)]
pub(super) struct Gap {
    pub waiting: VecDeque<(Place, Bytes)>,
    bytes: usize,
}

/// Below every place.
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

    /// Keeps an event for the sockets that are coming in, one copy for all of them, at most so many bytes.
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

    /// What was held above this place; `None` when some of it had to go, or never came.
    pub(super) fn held_above(&self, place: Place) -> Option<impl Iterator<Item = &Bytes>> {
        let above = move |(held, _): &&(Place, Bytes)| *held > place;
        let is_whole = place >= self.latest
            || place.0 != self.latest.0
            || self.held.iter().filter(above).count() as u64 == self.latest.1 - place.1;
        (self.lost <= place && is_whole).then(|| self.held.iter().filter(above).map(|(_, event)| event))
    }

    /// Somebody here has not been given all up to this place.
    pub(super) fn misses(&self, place: Place) -> bool {
        self.latest < place && self.live.len() > self.ahead.iter().filter(|(_, at)| *at >= place).count()
    }

    /// An event that follows on nothing that is here: some before it has been lost. In a new epoch the
    /// first one that comes is the beginning.
    pub(super) fn is_behind_a_hole(&self, (epoch, seq): Place) -> bool {
        self.latest.0 == epoch && self.latest.1 + 1 < seq && self.misses((epoch, seq - 1))
    }

    /// Keeps an event that came behind a hole; the first one asks the owner for what is missing.
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

    /// Asks the owner for what came behind `latest`.
    pub(super) fn ask(&self) {
        if let Some((listeners, shard)) = &self.owner {
            listeners.ask(*shard, self.latest);
        }
    }

    /// Takes back what is gathered and has not left, as if it had never come. Those who have been given some
    /// of it skip that when it comes again.
    pub(super) fn take_back(&mut self) {
        let count = self.events.len() as u64;
        if count == 0 {
            return;
        }
        // Numbers begin anew with an epoch: what was gathered of the one before is its members' loss, and
        // they are told by the epoch itself.
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

    /// One socket less is coming in; with the last one nothing needs to be held.
    pub(super) fn one_pending_less(&mut self) {
        self.pending -= 1;
        if self.pending == 0 {
            self.held = VecDeque::new();
            self.held_bytes = 0;
            self.lost = NOWHERE;
        }
    }
}
