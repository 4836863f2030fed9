//! What no user may ever see, and who has seen it. A run with one violation has failed.

use std::sync::{Mutex, PoisonError};

/// Violations that are kept with their words; the rest is counted.
const KEPT: usize = 20;

/// A kind of violation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// An event that others saw never came.
    Lost,
    /// An event came twice.
    Duplicated,
    /// An event came before one that it is behind.
    Reordered,
    /// Two users have different seat maps at the end.
    SeatMap,
    /// A gift was never shown: one that comes again is passed over by its number.
    Gift,
    /// A balance is not what the journal says.
    Balance,
    /// Something else that the protocol rules out.
    Protocol,
}

/// One violation, in words that a developer can go on from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Of which kind.
    pub kind: Kind,
    /// Who saw what, with the frame.
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
    /// Notes `count` of one kind, all told in these words.
    pub fn note(&self, kind: Kind, count: u64, words: impl FnOnce() -> String) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.counts[kind as usize] += count;
        if found.first.len() < KEPT {
            found.first.push(Violation { kind, words: words() });
        }
    }

    /// How many of this kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).counts[kind as usize]
    }

    /// Nobody saw anything wrong.
    pub fn is_clean(&self) -> bool {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).counts.iter().all(|count| *count == 0)
    }

    /// The first violations.
    pub fn first(&self) -> Vec<Violation> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }
}
