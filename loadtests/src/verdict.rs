//! Records what a user saw and must never see. A run with one violation has failed.

use std::sync::{Mutex, PoisonError};

/// Violations that are kept with their words; further ones are only counted.
const KEPT: usize = 20;

/// A kind of violation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// An event that others saw never arrived.
    Lost,
    /// An event arrived twice.
    Duplicated,
    /// An event arrived after a later one.
    Reordered,
    /// A seat map went back, or two users have different seat maps at the end.
    SeatMap,
    /// A gift was never shown; a gift that comes again is skipped by its number and is no violation.
    Gift,
    /// Balances, entries and receipts disagree, or the audit found something.
    Balance,
    /// Something else that the protocol rules out.
    Protocol,
}

/// One violation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Its kind.
    pub kind: Kind,
    /// A sentence for developers: who saw what, with the frame.
    pub words: String,
}

/// All violations of a run.
#[derive(Debug, Default)]
pub struct Verdict {
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    first: Vec<Violation>,
    counts: [u64; 7],
}

impl Verdict {
    /// Adds `count` violations of one kind, described by these words.
    pub fn note(&self, kind: Kind, count: u64, words: impl FnOnce() -> String) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.counts[kind as usize] += count;
        if found.first.len() < KEPT {
            found.first.push(Violation { kind, words: words() });
        }
    }

    /// The number of violations of this kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).counts[kind as usize]
    }

    /// Whether there is no violation.
    pub fn is_clean(&self) -> bool {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).counts.iter().all(|count| *count == 0)
    }

    /// The first violations, with their words.
    pub fn first(&self) -> Vec<Violation> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }
}
