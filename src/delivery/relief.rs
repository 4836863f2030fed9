//! How many bytes wait for a shard's sockets, and which sockets are closed when they are too many. Each socket has its
//! own bound, but all of them together could still take more memory than there is.
//!
//! Sockets for which nothing waits, which are nearly all, cost nothing here. Bytes are counted for each socket that
//! they wait for, although the sockets of a room mostly share them in memory. To count shared bytes once would be
//! expensive; so the sum may be too large, and is never too small.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::shard::Shard;
use crate::telemetry::metric;

/// How many bytes wait for the sockets of a shard, and how many may.
pub(super) struct Waiting {
    bytes: usize,
    most: usize,
    /// The sum as last told, for the metric.
    told: Arc<AtomicUsize>,
}

impl Waiting {
    /// Nothing waits yet, and at most `most` bytes may. The sum is written to `told` once a turn.
    pub(super) fn new(most: usize, told: Arc<AtomicUsize>) -> Self {
        Self { bytes: 0, most, told }
    }

    /// Notes that a socket is gone for which this many bytes were counted.
    pub(super) fn forget(&mut self, counted: usize) {
        self.bytes -= counted;
    }

    pub(super) fn tell(&self) {
        if self.told.load(Ordering::Relaxed) != self.bytes {
            self.told.store(self.bytes, Ordering::Relaxed);
        }
    }
}

impl Shard {
    /// Counts anew what waits for a socket, which may have fallen behind or caught up.
    pub(super) fn count(&mut self, key: u32) {
        let Self { sockets, waiting, .. } = self;
        let socket = &mut sockets[key as usize];
        let bytes = socket.outbox.bytes();
        waiting.bytes = waiting.bytes - socket.counted + bytes;
        socket.counted = bytes;
    }

    /// If too much waits, closes the sockets for which most waits, until a quarter of the bound is free, so that the
    /// next turn need not search through all sockets again. The closed sockets reconnect and resume.
    pub(super) fn relieve(&mut self) {
        #[cfg(test)]
        assert_eq!(self.waiting.bytes, self.sockets.iter().map(|(_, socket)| socket.outbox.bytes()).sum::<usize>());
        if self.waiting.bytes <= self.waiting.most {
            return;
        }
        let behind = self.sockets.iter().filter(|(_, socket)| socket.counted > 0);
        let mut behind: Vec<_> = behind.map(|(key, socket)| (socket.counted, key as u32)).collect();
        behind.sort_unstable();
        while self.waiting.bytes > self.waiting.most / 4 * 3
            && let Some((_, key)) = behind.pop()
        {
            metric::OVERFLOWS.add_of("total", 1);
            // A socket that is closing already loses no more than its last frames.
            if self.socket(key).closing { self.end(key) } else { self.give_up(key) }
        }
    }
}
