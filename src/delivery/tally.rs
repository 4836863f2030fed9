//! What a shard has handed to its sockets since it last told so: plain numbers, told once a turn and never once a
//! delivery.

use crate::telemetry::metric;

/// Frames and their bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Handed {
    pub frames: u64,
    pub bytes: u64,
}

impl Handed {
    pub fn add(&mut self, frames: usize, bytes: usize) {
        self.frames += frames as u64;
        self.bytes += bytes as u64;
    }
}

/// What a turn has to tell.
#[derive(Default)]
pub(super) struct Tally {
    /// Of rooms.
    pub room: Handed,
    /// In so many writes.
    pub room_writes: u64,
    /// Sockets' own.
    pub own: Handed,
    /// Signals that sockets which were behind went without.
    pub signals_dropped: u64,
}

impl Tally {
    /// Tells it, and begins anew.
    pub fn tell(&mut self) {
        let Self { room, room_writes, own, signals_dropped } = std::mem::take(self);
        for (class, handed) in [("room", room), ("own", own)] {
            if handed.frames > 0 {
                metric::DELIVERIES.add_of(class, handed.frames);
                metric::DELIVERED_BYTES.add_of(class, handed.bytes);
            }
        }
        if room_writes > 0 {
            metric::ROOM_WRITES.add(room_writes);
        }
        if signals_dropped > 0 {
            metric::OVERFLOWS.add_of("signal", signals_dropped);
        }
    }
}
