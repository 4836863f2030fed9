//! One room's sockets on one shard, and what this turn has gathered for them.

use std::collections::VecDeque;

use bytes::Bytes;

/// (epoch, seq).
pub(super) type Place = (i64, u64);

/// A socket that gets the room's events.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// The socket's key in the shard.
    pub socket: u32,
    /// The first event of this turn that it has not been given.
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
    /// This turn's events.
    pub events: Vec<Bytes>,
    /// This turn's signals.
    pub signals: Vec<Bytes>,
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
            events: Vec::new(),
            signals: Vec::new(),
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

    /// What was held above this place; `None` when some of it had to go.
    pub(super) fn held_above(&self, place: Place) -> Option<impl Iterator<Item = &Bytes>> {
        (self.lost <= place).then(|| self.held.iter().filter(move |(held, _)| *held > place).map(|(_, event)| event))
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
