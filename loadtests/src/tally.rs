//! What all members of a run add to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::latency::Latency;
use crate::verdict::Verdict;

/// What all members of a run add to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Events that came to sockets.
    pub deliveries: AtomicU64,
    /// Bytes of those.
    pub bytes: AtomicU64,
    /// Commands that were sent.
    pub sent: AtomicU64,
    /// Commands that were refused, or whose socket was lost before the answer.
    pub errors: AtomicU64,
    /// Commands that were answered.
    pub answered: AtomicU64,
    /// Sockets that the server closed as slow consumers.
    pub slow_closes: AtomicU64,
    /// From the intended sending of a chat line to each screen.
    pub delivery: Latency,
    /// The same of those who are counted apart.
    pub apart: Latency,
    /// From the intended sending of a command to its reply.
    pub reply: Latency,
    /// From knocking to being back, of those who were cut.
    pub back: Latency,
    /// What went wrong.
    pub verdict: Verdict,
    errors_by_code: Mutex<HashMap<String, u64>>,
}

impl Tally {
    /// A command was refused with this code, or had no answer.
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
