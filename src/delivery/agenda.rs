//! Which rooms have something gathered, and when it leaves: with this turn, or with the room's tick.

use std::collections::{HashMap, VecDeque};

use parlor_protocol::RoomId;
use tokio::time::Instant;

use super::Settings;
use super::audience::Audience;
use super::pace::Rule;

/// Bytes gathered for a room that do not wait for its tick: more in one write saves nothing, and fills sockets.
const MOST_BYTES: usize = 16 * 1024;

/// When what is gathered leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// With the turn that is being taken.
    ThisTurn,
    /// With the room's tick.
    At(Instant),
    /// With the last event that is expected by then; at the latest then.
    Until(Instant),
}

/// The rooms that something is gathered for. One timer does for all: that of the nearest tick or wait.
pub(super) struct Agenda {
    rule: Rule,
    most_bytes: usize,
    turn: Vec<RoomId>,
    /// All ticks are equally long, so that the first to begin is the first to end. A room may have left earlier, or be
    /// gone: what it says itself counts.
    ticks: VecDeque<(Instant, RoomId)>,
    /// Those whose tick is over, and which wait for more: the same holds.
    longer: VecDeque<(Instant, RoomId)>,
}

impl Agenda {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rule: Rule::new(settings),
            // A part of what may wait for a socket, as a socket that is behind has to take it whole.
            most_bytes: MOST_BYTES.min(settings.outbox_bytes / 4),
            turn: Vec::new(),
            ticks: VecDeque::new(),
            longer: VecDeque::new(),
        }
    }

    /// An event was gathered for this room.
    pub(super) fn event(&mut self, room: RoomId, audience: &mut Audience, now: Instant) {
        audience.pace.note(now, &self.rule);
        if let Some(Due::Until(until)) = audience.due
            && !self.rule.waits(audience.events.len(), &audience.pace, until)
        {
            // No timer need ring for it.
            let from = self.longer.partition_point(|(at, _)| *at < until);
            if let Some(place) = self.longer.range(from..).position(|(_, other)| *other == room) {
                self.longer.remove(from + place);
            }
            audience.due = Some(Due::ThisTurn);
            self.turn.push(room);
        }
        self.frame(room, audience, now);
    }

    /// A frame was gathered for this room.
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

    /// No tick that has begun ends later than this, nor what is waited for behind it.
    pub(super) fn last(&self, now: Instant) -> Instant {
        now + self.rule.tick + self.rule.longer
    }

    /// When the nearest tick or wait ends.
    pub(super) fn next(&self) -> Option<Instant> {
        self.ticks.front().into_iter().chain(self.longer.front()).map(|(at, _)| *at).min()
    }

    /// The rooms whose time has come. One that has gathered few events, and in which another is about to come, waits for
    /// that: it spares a write.
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

    /// Takes back the list that `take_due` gave, empty: each turn has one.
    pub(super) fn give_back(&mut self, turn: Vec<RoomId>) {
        debug_assert!(
            turn.is_empty() && self.turn.is_empty(),
            "what is gathered while a turn leaves is another turn's"
        );
        self.turn = turn;
    }
}
