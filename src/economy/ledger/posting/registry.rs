//! The kinds that a program knows: one line each.

use std::sync::Arc;

use super::erased::{AnyKind, Registered};
use super::kind::Kind;

/// Numbers of kinds end here.
const NUMBERS: i16 = 1_000;

/// Every kind of posting that the program knows, by number.
#[derive(Clone, Debug, Default)]
pub struct Kinds(Vec<Option<Arc<dyn AnyKind>>>);

impl Kinds {
    /// One kind more.
    ///
    /// # Panics
    /// Where the number or the name is taken, or the number is not 1 to 1,000: a fault of the program.
    #[must_use]
    pub fn with<K: Kind>(mut self, kind: K) -> Self {
        assert!((1..=NUMBERS).contains(&K::NUMBER), "the number of kind {} is 1 to {NUMBERS}", K::NAME);
        let place = usize::from(K::NUMBER.unsigned_abs());
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        let taken = self.iter().find(|other| other.number() == K::NUMBER || other.name() == K::NAME);
        assert!(taken.is_none(), "the number or the name of kind {} is taken by {taken:?}", K::NAME);
        self.0[place] = Some(Arc::new(Registered(kind)));
        self
    }

    /// The kind of this number.
    pub(in crate::economy::ledger) fn of(&self, number: i16) -> Option<&dyn AnyKind> {
        self.0.get(usize::try_from(number).ok()?)?.as_deref()
    }

    /// Every kind, by number.
    pub(in crate::economy::ledger) fn iter(&self) -> impl Iterator<Item = &dyn AnyKind> {
        self.0.iter().filter_map(Option::as_deref)
    }
}
