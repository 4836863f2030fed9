//! Chance as a port: ids, tokens, codes, salts and numbers come from a [`Chance`] that whoever composed the
//! program handed down, so that a test can repeat them.
//!
//! `clippy.toml` forbids the global generators (`rand::rng`, `rand::random`, `Uuid::now_v7`, …).

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rand_core::UnwrapErr;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, RngExt as _, SeedableRng as _};
use uuid::{Builder, Uuid};

use super::clock::Timestamp;

/// Where chance comes from. Cheap to clone; clones of a seeded one draw from the same sequence.
#[derive(Clone, Debug)]
pub struct Chance(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Chance {
    /// The operating system's generator, which is fit for secrets. Only who composes a program takes it.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A sequence that this seed repeats: for tests, and never for a secret that anything relies on.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// So many random bytes: a secret, a salt.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.draw(|generator| generator.fill_bytes(&mut bytes));
        bytes
    }

    /// A number of the range, each as likely. The range is not empty.
    pub fn below(&self, range: Range<i64>) -> i64 {
        self.draw(|generator| generator.random_range(range))
    }

    /// One of these, each as likely.
    ///
    /// # Panics
    /// Where there is none.
    pub fn one_of<'a, T: ?Sized>(&self, these: &[&'a T]) -> &'a T {
        these[self.draw(|generator| generator.random_range(0..these.len()))]
    }

    /// A random id (UUID 4): nothing of it can be guessed.
    pub fn id(&self) -> Uuid {
        Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// An id that sorts by its time (UUID 7, RFC 9562): 48 bits of milliseconds, then 74 random ones. Ids of
    /// one millisecond stand in no order.
    pub fn id_at(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.0).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut dyn Rng) -> T) -> T {
        match &self.0 {
            // It fails on no system that this program runs on: what it needs is there since Linux 3.17.
            Source::System => draw(&mut UnwrapErr(SysRng)),
            Source::Seeded(generator) => draw(&mut *generator.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Timestamp};

    fn drawn(chance: &Chance) -> ([u8; 32], i64, uuid::Uuid, uuid::Uuid) {
        (chance.bytes(), chance.below(0..1_000_000), chance.id(), chance.id_at(Timestamp(1_790_000_000_000)))
    }

    #[test]
    fn a_seed_repeats_its_sequence_and_another_has_another() {
        assert_eq!(drawn(&Chance::seeded(7)), drawn(&Chance::seeded(7)));
        assert_ne!(drawn(&Chance::seeded(7)), drawn(&Chance::seeded(8)));
        let chance = Chance::seeded(7);
        assert_ne!(drawn(&chance), drawn(&chance.clone()), "a clone goes on with the same sequence");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the system's chance is what is tried")]
    fn the_systems_chance_never_repeats() {
        let chance = Chance::system();
        assert_ne!(drawn(&chance), drawn(&chance));
    }

    #[test]
    fn ids_have_their_version_and_sort_by_their_time() {
        let chance = Chance::seeded(1);
        assert_eq!((chance.id().get_version_num(), chance.id_at(Timestamp(1)).get_version_num()), (4, 7));
        assert!(chance.id_at(Timestamp(1_790_000_000_000)) < chance.id_at(Timestamp(1_790_000_000_001)));
    }
}
