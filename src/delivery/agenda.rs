//! The rooms for which a shard has gathered frames, and when those are written: in this turn, or at the end of the
//! room's tick.

use std::collections::{HashMap, VecDeque};

use parlor_protocol::RoomId;
use tokio::time::Instant;

use super::Settings;
use super::audience::Audience;
use super::pace::Rule;

/// When this many bytes are gathered for a room, they no longer wait for its tick: a larger write would save nothing
/// and only fill the sockets.
const MOST_BYTES: usize = 16 * 1024;

/// When gathered frames are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// At the end of the present turn.
    ThisTurn,
    /// At the end of the room's tick.
    At(Instant),
    /// When the next event comes after which no further one is expected in time; at the latest at this moment.
    Until(Instant),
}

/// The rooms for which frames are gathered. The shard needs only one timer, for the tick or wait that ends first.
pub(super) struct Agenda {
    rule: Rule,
    most_bytes: usize,
    /// The rooms whose frames are written in the present turn.
    turn: Vec<RoomId>,
    /// The ends of ticks, the first to end at the front: all ticks are equally long. An entry may be out of date,
    /// because its room's frames left earlier or the room is gone. It holds only if the room's own `due` says the same.
    ticks: VecDeque<(Instant, RoomId)>,
    /// The ends of the waits of rooms whose tick is over and which wait for another event. The same holds as for
    /// `ticks`.
    longer: VecDeque<(Instant, RoomId)>,
}

impl Agenda {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rule: Rule::new(settings),
            // It must be well below what may wait for a socket, because a socket that is behind has to take it whole.
            most_bytes: MOST_BYTES.min(settings.outbox_bytes / 4),
            turn: Vec::new(),
            ticks: VecDeque::new(),
            longer: VecDeque::new(),
        }
    }

    /// Notes that an event was gathered for this room.
    pub(super) fn event(&mut self, room: RoomId, audience: &mut Audience, now: Instant) {
        audience.pace.note(now, &self.rule);
        if let Some(Due::Until(until)) = audience.due
            && !self.rule.waits(audience.events.len(), &audience.pace, until)
        {
            // Its wait is removed, so that no timer fires for it.
            let from = self.longer.partition_point(|(at, _)| *at < until);
            if let Some(place) = self.longer.range(from..).position(|(_, other)| *other == room) {
                self.longer.remove(from + place);
            }
            audience.due = Some(Due::ThisTurn);
            self.turn.push(room);
        }
        self.frame(room, audience, now);
    }

    /// Notes that a frame was gathered for this room.
    pub(super) fn frame(&mut self, room: RoomId, audience: &mut Audience, now: Instant) {
        let waits = audience.gathered_bytes < self.most_bytes && !self.rule.tick.is_zero();
        let due = match audience.due {
            Some(Due::ThisTurn) => return,
            Some(Due::At(_) | Due::Until(_)) if waits => return,
            None if waits && audience.pace.is_hot(now) => Due::At(now + self.rule.tick),
            Some(Due::At(_) | Due::Until(_)) | None => Due::ThisTurn,
        };
        match due {
            Due::At(at) => self.ticks.push_back((at, room)),
            Due::ThisTurn | Due::Until(_) => self.turn.push(room),
        }
        audience.due = Some(due);
    }

    /// A moment by which every tick that has begun ends, and every wait after one.
    pub(super) fn last(&self, now: Instant) -> Instant {
        now + self.rule.tick + self.rule.longer
    }

    /// When the first tick or wait ends; `None` if there is none.
    pub(super) fn next(&self) -> Option<Instant> {
        self.ticks.front().into_iter().chain(self.longer.front()).map(|(at, _)| *at).min()
    }

    /// The rooms whose frames are to be written now. A room whose tick is over, with few events gathered and another
    /// one expected soon, waits for that instead, which saves a write.
    pub(super) fn take_due(&mut self, rooms: &mut HashMap<RoomId, Audience>, now: Instant) -> Vec<RoomId> {
        while let Some((at, room)) = self.ticks.pop_front_if(|(at, _)| *at <= now) {
            let Some(audience) = rooms.get_mut(&room).filter(|audience| audience.due == Some(Due::At(at))) else {
                continue;
            };
            let until = at + self.rule.longer;
            if self.rule.waits(audience.events.len(), &audience.pace, until) {
                audience.due = Some(Due::Until(until));
                self.longer.push_back((until, room));
            } else {
                self.turn.push(room);
            }
        }
        while let Some((at, room)) = self.longer.pop_front_if(|(at, _)| *at <= now) {
            if rooms.get(&room).is_some_and(|audience| audience.due == Some(Due::Until(at))) {
                self.turn.push(room);
            }
        }
        std::mem::take(&mut self.turn)
    }

    /// Takes back the list that `take_due` returned, now empty, so that its memory is used again.
    pub(super) fn give_back(&mut self, turn: Vec<RoomId>) {
        debug_assert!(turn.is_empty() && self.turn.is_empty(), "nothing is gathered while a turn is written");
        self.turn = turn;
    }
}
