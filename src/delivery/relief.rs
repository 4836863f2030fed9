//! How much waits for a shard's sockets, and who is closed when it is too much: each socket keeps below its own bound,
//! and all of them together could still take more memory than there is.
//!
//! A socket for which nothing waits, as nearly all of them, is never looked at for this. Bytes count for each socket that
//! they wait for: in a room they are mostly the same, kept once; how much of it nobody else holds could only be
//! found out at a cost, and the sum is never too small.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::shard::Shard;
use crate::telemetry::metric;

/// Bytes that wait, and how many may.
pub(super) struct Waiting {
    bytes: usize,
    most: usize,
    /// What was told last, for the metric.
    told: Arc<AtomicUsize>,
}

impl Waiting {
    /// At most so many bytes; where the sum is told once a turn.
    pub(super) fn new(most: usize, told: Arc<AtomicUsize>) -> Self {
        Self { bytes: 0, most, told }
    }

    /// A socket for which so much was counted is gone.
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
    /// Counts what waits for a socket that may have become behind, or may have caught up.
    pub(super) fn count(&mut self, key: u32) {
        let Self { sockets, waiting, .. } = self;
        let socket = &mut sockets[key as usize];
        let bytes = socket.outbox.bytes();
        waiting.bytes = waiting.bytes - socket.counted + bytes;
        socket.counted = bytes;
    }

    /// Where too much waits, closes the sockets for which most does until a quarter of what may wait is free: so the
    /// next turn has no need to look through them all again. They come back and resume, with a part or a snapshot.
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
            // One that is closing has nothing more to lose than its last frames.
            if self.socket(key).closing { self.end(key) } else { self.give_up(key) }
        }
    }
}
