//! The rooms of a shard: which sockets join and leave them, and which frames are gathered for them. Nothing here writes
//! to a socket.

use std::collections::hash_map::Entry as MapEntry;

use bytes::Bytes;
use parlor_protocol::{CloseCode, RoomId};
use tokio::time::Instant;

use super::Frame;
use super::audience::{Member, Place};
use super::listeners::Ticket;
use super::message::Entry;
use super::shard::Shard;
use super::socket::{PENDING, Subscription};
use crate::telemetry::metric;

impl Shard {
    /// Moves the gathered events of the socket's rooms into its own outbox, so that what is pushed next comes after
    /// them. When the rooms' ticks end, the socket is not sent them again.
    pub(super) fn pull(&mut self, key: u32) {
        let Self { sockets, rooms, tally, .. } = self;
        let socket = &mut sockets[key as usize];
        for subscription in socket.rooms.iter().filter(|subscription| subscription.index != PENDING) {
            if let Some(audience) = rooms.get_mut(&subscription.room) {
                let member = &mut audience.live[subscription.index as usize];
                for event in &audience.events[member.cursor as usize..] {
                    tally.room.add(1, event.len());
                    socket.outbox.push(event.clone());
                }
                member.cursor = audience.events.len() as u32;
            }
        }
    }

    pub(super) fn subscribe(&mut self, key: u32, room: RoomId, ticket: Ticket) {
        if self.socket(key).closing {
            return;
        }
        // If the socket is subscribed already it joins anew, so events are held back for it again.
        self.unsubscribe(key, room);
        let audience = self.rooms.entry(room).or_default();
        audience.pending += 1;
        audience.owner.get_or_insert_with(|| ticket.owner());
        let socket = self.socket(key);
        socket.rooms.reserve_exact(1);
        socket.rooms.push(Subscription { room, index: PENDING, _ticket: ticket });
    }

    /// Sends the reply to a join and the events that were held above each entry; the socket is then a live member. If
    /// some held events were dropped, the socket is closed as a slow consumer and resumes.
    pub(super) fn joined(&mut self, key: u32, entries: &[Entry], reply: Frame) {
        self.own(key, reply.0);
        for &Entry { room, epoch, seq } in entries {
            let Self { sockets, rooms, tally, .. } = self;
            let socket = &mut sockets[key as usize];
            let Some(subscription) = socket.rooms.iter_mut().find(|subscription| subscription.room == room) else {
                continue;
            };
            let Some(audience) = rooms.get_mut(&room) else { continue };
            if subscription.index != PENDING {
                continue;
            }
            let place = (epoch, seq);
            let complete = audience.held_above(place).is_some_and(|held| {
                held.for_each(|event| {
                    tally.room.add(1, event.len());
                    socket.outbox.push(event.clone());
                });
                true
            });
            subscription.index = u32::try_from(audience.live.len()).expect("fewer sockets than 2^32");
            audience.live.push(Member { socket: key, cursor: audience.events.len() as u32 });
            audience.one_pending_less();
            if epoch > audience.latest.0 {
                audience.latest = (epoch, 0);
            }
            if place > audience.latest {
                audience.ahead.push((key, place));
            }
            if !complete {
                metric::OVERFLOWS.add_of("join", 1);
                self.close(key, CloseCode::SlowConsumer, None);
                return;
            }
            let id = socket.id;
            if self.removals.contains_key(&(id, room)) {
                self.unsubscribe(key, room);
            }
        }
    }

    /// Ends the socket's subscription with this frame. If its join is pending, that is answered first.
    pub(super) fn remove(&mut self, key: u32, room: RoomId, frame: Frame) {
        let socket = self.socket(key);
        let id = socket.id;
        match socket.rooms.iter().find(|subscription| subscription.room == room) {
            // The socket has left the room already.
            None => {}
            Some(subscription) if subscription.index == PENDING => {
                self.removals.insert((id, room), frame);
            }
            Some(_) => {
                self.own(key, frame.0);
                self.unsubscribe(key, room);
            }
        }
    }

    pub(super) fn unsubscribe(&mut self, key: u32, room: RoomId) {
        if self.socket(key).rooms.iter().any(|subscription| subscription.room == room) {
            self.pull(key);
            // What was pulled must be written in this turn, because the room's tick no longer includes this socket.
            self.dirty.push(key);
        }
        let Self { sockets, rooms, .. } = self;
        let socket = &mut sockets[key as usize];
        let Some(at) = socket.rooms.iter().position(|subscription| subscription.room == room) else { return };
        let index = socket.rooms.swap_remove(at).index;
        if !self.removals.is_empty()
            && let Some(frame) = self.removals.remove(&(socket.id, room))
        {
            socket.outbox.push(frame.0);
        }
        if let MapEntry::Occupied(mut entry) = rooms.entry(room) {
            let audience = entry.get_mut();
            if index == PENDING {
                audience.one_pending_less();
            } else {
                audience.live.swap_remove(index as usize);
                audience.ahead.retain(|(ahead, _)| *ahead != key);
                if let Some(moved) = audience.live.get(index as usize)
                    && let Some(subscription) =
                        sockets[moved.socket as usize].rooms.iter_mut().find(|moved| moved.room == room)
                {
                    subscription.index = index;
                }
            }
            if audience.live.is_empty() {
                // No member is left that could miss an event.
                audience.gap = None;
            }
            if audience.is_empty() {
                entry.remove();
            }
        }
    }

    pub(super) fn event(&mut self, room: RoomId, place: Place, event: Bytes, now: Instant) {
        let (limit, is_proved) = (self.outbox_bytes, self.is_proved);
        let Some(audience) = self.rooms.get_mut(&room) else { return };
        if place <= audience.latest || !is_proved {
            return;
        }
        if audience.gap.is_some() || audience.is_behind_a_hole(place) {
            return audience.wait_behind_the_hole(place, event, limit);
        }
        self.next_event(room, place, event, now);
    }

    /// Handles the events that were missing, from the number `first` on, and then those that came after the gap.
    pub(super) fn missed(&mut self, room: RoomId, epoch: i64, first: u64, frames: Vec<Frame>, now: Instant) {
        let Some(audience) = self.rooms.get_mut(&room) else { return };
        let waiting = audience.gap.take().unwrap_or_default().waiting;
        for (seq, frame) in (first..).zip(frames) {
            self.event(room, (epoch, seq), frame.0, now);
        }
        for (place, event) in waiting {
            self.event(room, place, event, now);
        }
    }

    /// Compares with the room's last event, and asks the owner if a member has not been given all events up to it.
    pub(super) fn digest(&mut self, room: RoomId, place: Place) {
        let Some(audience) = self.rooms.get_mut(&room) else { return };
        if audience.gap.is_some() || audience.misses(place) {
            audience.ask();
        }
    }

    /// Gathers an event that follows the last one without a gap.
    fn next_event(&mut self, room: RoomId, place: Place, event: Bytes, now: Instant) {
        let Self { sockets, rooms, agenda, .. } = self;
        let Some(audience) = rooms.get_mut(&room) else { return };
        audience.latest = place;
        if audience.pending > 0 {
            audience.hold(place, &event, self.outbox_bytes);
        }
        if audience.live.is_empty() {
            return;
        }
        audience.gathered_bytes += event.len();
        audience.events.push(event);
        agenda.event(room, audience, now);
        let behind_it = audience.events.len() as u32;
        let live = &mut audience.live;
        audience.ahead.retain(|(key, joined_at)| {
            let skips = *joined_at >= place;
            if skips
                && let Some(subscription) =
                    sockets[*key as usize].rooms.iter().find(|subscription| subscription.room == room)
            {
                live[subscription.index as usize].cursor = behind_it;
            }
            *joined_at > place
        });
    }

    pub(super) fn signal(&mut self, room: RoomId, signal: Bytes, now: Instant) {
        let Some(audience) = self.rooms.get_mut(&room) else { return };
        if audience.live.is_empty() {
            return;
        }
        audience.gathered_bytes += signal.len();
        audience.signals.push(signal);
        self.agenda.frame(room, audience, now);
    }

    pub(super) fn leave_all(&mut self, key: u32) {
        while let Some(room) = self.socket(key).rooms.last().map(|subscription| subscription.room) {
            self.unsubscribe(key, room);
        }
    }
}
