//! The counters, latencies and findings that all members of a run share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::latency::Latency;
use crate::verdict::Verdict;

/// The counters, latencies and findings that all members of a run share.
#[derive(Debug, Default)]
pub struct Tally {
    /// Events that arrived at sockets.
    pub deliveries: AtomicU64,
    /// The bytes of these events.
    pub bytes: AtomicU64,
    /// Commands that were sent.
    pub sent: AtomicU64,
    /// Commands that were refused, or whose socket was lost before the answer.
    pub errors: AtomicU64,
    /// Commands that were answered without an error.
    pub answered: AtomicU64,
    /// Sockets that the server closed as slow consumers.
    pub slow_closes: AtomicU64,
    /// Latency from the intended time of sending a chat line to each screen.
    pub delivery: Latency,
    /// The same latency for the members who are counted apart.
    pub apart: Latency,
    /// Latency from the intended time of sending a command to its reply.
    pub reply: Latency,
    /// The time from opening a socket to having joined, for members who were cut.
    pub back: Latency,
    /// Everything that the members must never see and saw.
    pub verdict: Verdict,
    errors_by_code: Mutex<HashMap<String, u64>>,
}

impl Tally {
    /// Counts a command that was refused with this code, or that got no answer.
    pub fn refused(&self, code: &str) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        *self.codes().entry(code.to_owned()).or_default() += 1;
    }

    /// Refusals by their code.
    pub fn refusals(&self) -> Vec<(String, u64)> {
        let mut codes: Vec<_> = self.codes().clone().into_iter().collect();
        codes.sort();
        codes
    }

    fn codes(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.errors_by_code.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
