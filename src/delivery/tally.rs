//! Counts what a shard hands to its sockets, as plain numbers that are added to the metrics once a turn. To do that for
//! each delivery would be too expensive.

use crate::telemetry::metric;

/// A number of frames and their bytes.
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

/// What was handed to sockets in a turn.
#[derive(Default)]
pub(super) struct Tally {
    /// The frames of rooms.
    pub room: Handed,
    /// The number of writes for frames of rooms.
    pub room_writes: u64,
    /// The frames of sockets' own.
    pub own: Handed,
    /// The signals that were left out for sockets that were behind.
    pub signals_dropped: u64,
}

impl Tally {
    /// Adds the numbers to the metrics and sets them to 0.
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
