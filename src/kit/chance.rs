//! Randomness as a port: ids, tokens, codes, salts and numbers are drawn from a [`Chance`]. Whoever composes the
//! program creates it and hands it down, so that a test can repeat every draw.
//!
//! `clippy.toml` forbids the global generators (`rand::rng`, `rand::random`, `Uuid::now_v7`, …).

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rand_core::UnwrapErr;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, RngExt as _, SeedableRng as _};
use uuid::{Builder, Uuid};

use super::clock::Timestamp;

/// A source of random values. Cheap to clone; the clones of a seeded source draw from one common sequence.
#[derive(Clone, Debug)]
pub struct Chance(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Chance {
    /// The operating system's generator, which is fit for secrets. Only the code that composes a program calls this.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A sequence that is the same for the same seed. For tests only: its values can be predicted, so no secret may
    /// come from it.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// `N` random bytes, for a secret or a salt.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.draw(|generator| generator.fill_bytes(&mut bytes));
        bytes
    }

    /// A number of the range, each equally likely.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn in_range(&self, range: Range<i64>) -> i64 {
        self.draw(|generator| generator.random_range(range))
    }

    /// One of these, each equally likely.
    ///
    /// # Panics
    /// If `these` is empty.
    pub fn one_of<'a, T: ?Sized>(&self, these: &[&'a T]) -> &'a T {
        these[self.draw(|generator| generator.random_range(0..these.len()))]
    }

    /// A random id (UUID 4, RFC 9562), of which nothing can be guessed.
    pub fn id(&self) -> Uuid {
        Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// An id that sorts by its time (UUID 7, RFC 9562): 48 bits of Unix milliseconds, then 74 random bits. The order
    /// of ids of the same millisecond is random.
    pub fn id_at(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.0).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut dyn Rng) -> T) -> T {
        match &self.0 {
            // The draw cannot fail on a system that this program runs on: `getrandom` is there since Linux 3.17.
            Source::System => draw(&mut UnwrapErr(SysRng)),
            Source::Seeded(generator) => draw(&mut *generator.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Timestamp};

    fn drawn(chance: &Chance) -> ([u8; 32], i64, uuid::Uuid, uuid::Uuid) {
        (chance.bytes(), chance.in_range(0..1_000_000), chance.id(), chance.id_at(Timestamp(1_790_000_000_000)))
    }

    #[test]
    fn the_same_seed_gives_the_same_sequence_and_another_seed_another() {
        assert_eq!(drawn(&Chance::seeded(7)), drawn(&Chance::seeded(7)));
        assert_ne!(drawn(&Chance::seeded(7)), drawn(&Chance::seeded(8)));
        let chance = Chance::seeded(7);
        assert_ne!(drawn(&chance), drawn(&chance.clone()), "a clone continues the sequence instead of repeating it");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test is about the system's generator")]
    fn the_systems_generator_never_repeats() {
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
