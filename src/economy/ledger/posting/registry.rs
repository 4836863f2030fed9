//! The registry of the kinds of postings that a program knows.

use std::sync::Arc;

use super::erased::{AnyKind, Registered};
use super::kind::Kind;

/// The highest number that a kind may have.
const NUMBERS: i16 = 1_000;

/// The kinds of postings that the program knows, by number. It is cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Kinds(Vec<Option<Arc<dyn AnyKind>>>);

impl Kinds {
    /// Adds a kind.
    ///
    /// # Panics
    /// If the number or the name is taken, or the number is not 1 to 1,000. That is a mistake in the program.
    #[must_use]
    pub fn with<K: Kind>(mut self, kind: K) -> Self {
        assert!((1..=NUMBERS).contains(&K::NUMBER), "the number of kind {} must be 1 to {NUMBERS}", K::NAME);
        let place = usize::from(K::NUMBER.unsigned_abs());
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        let taken = self.iter().find(|other| other.number() == K::NUMBER || other.name() == K::NAME);
        assert!(taken.is_none(), "the number or the name of kind {} is taken by {taken:?}", K::NAME);
        self.0[place] = Some(Arc::new(Registered(kind)));
        self
    }

    /// The kind with this number.
    pub(in crate::economy::ledger) fn of(&self, number: i16) -> Option<&dyn AnyKind> {
        self.0.get(usize::try_from(number).ok()?)?.as_deref()
    }

    /// Every kind, by number.
    pub(in crate::economy::ledger) fn iter(&self) -> impl Iterator<Item = &dyn AnyKind> {
        self.0.iter().filter_map(Option::as_deref)
    }
}
