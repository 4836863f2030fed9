//! Passwords: which are strong enough, and their hashes by argon2id, which are computed outside the async runtime.
//!
//! A hash takes a core for some 20 ms. So only as many are computed at the same time as the settings allow (by default
//! one for each core), a bounded number may wait, and beyond that the answer is `busy`. A guess at an account that does
//! not exist costs the same as any other.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use parlor_protocol::ErrorCode;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::kit::error::{Error, Result};
use crate::kit::supervise::Crew;
use crate::telemetry::metric;

/// The most characters of a password: enough for any passphrase, and too few to keep a core busy.
pub(super) const MAX_CHARS: usize = 128;
const MIN_CHARS: usize = 8;

/// Common passwords, in lower case, one a line. Those with fewer than 8 characters are left out, because they are
/// refused anyway.
const COMMON: &str = include_str!("common_passwords.txt");

/// The parameters of argon2id that OWASP's Password Storage Cheat Sheet recommends: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash that is verified if there is no account. Its salt and output are random bytes, so no password is known to
/// match; and even a match would be refused.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AdQpUobZqLaUlwup6HH5sA$z83GeXZ7oanO0Xa6Urbu00y9WQ6QRTizrSPygbjcd5Y";

/// Why a password is too weak; `None` if it is strong enough. Its length and a block list are checked, but not which
/// kinds of characters it has (NIST SP 800-63B, OWASP ASVS 6.2).
pub(super) fn weakness(password: &str, contacts: &[&str]) -> Option<&'static str> {
    if !(MIN_CHARS..=MAX_CHARS).contains(&password.chars().count()) {
        return Some("8 to 128 characters");
    }
    let lower = password.to_lowercase();
    let mut chars = lower.chars();
    let first = chars.next();
    if COMMON.lines().any(|common| common == lower) || chars.all(|c| Some(c) == first) {
        return Some("one of the passwords that are guessed first");
    }
    let names = |contact: &&str| *contact == lower || contact.split('@').next() == Some(lower.as_str());
    if contacts.iter().any(names) {
        return Some("not your phone number or address");
    }
    None
}

/// The random bytes that make two hashes of one password differ; RFC 9106 recommends 16.
pub(super) type Salt = [u8; 16];

/// How many passwords are being hashed or wait for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hashing {
    /// Passwords that are being hashed.
    pub running: usize,
    /// Passwords that wait.
    pub waiting: usize,
}

/// The result of checking a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    /// Whether the password is the account's.
    pub(super) right: bool,
    /// Whether the hash was made with other parameters than the present ones.
    pub(super) is_stale: bool,
}

/// Hashes and verifies passwords, a limited number at the same time.
#[derive(Clone, Debug)]
pub(super) struct Passwords {
    /// The permits to wait or run.
    admitted: Arc<Semaphore>,
    /// The permits to run.
    running: Arc<Semaphore>,
    permits: usize,
    queue: usize,
    crew: Crew,
}

impl Passwords {
    pub(super) fn new(permits: usize, queue: usize, crew: &Crew) -> Self {
        let (admitted, running) = (Semaphore::new(permits + queue), Semaphore::new(permits));
        let (admitted, running, crew) = (Arc::new(admitted), Arc::new(running), crew.clone());
        Self { admitted, running, permits, queue, crew }
    }

    /// How many passwords are being hashed and wait now.
    pub(super) fn figures(&self) -> Hashing {
        let running = self.permits - self.running.available_permits().min(self.permits);
        let most = self.permits + self.queue;
        let admitted = most - self.admitted.available_permits().min(most);
        Hashing { running, waiting: admitted.saturating_sub(running) }
    }

    /// The hash of a password, as a PHC string. The salt must be random and used for this hash only.
    pub(super) async fn hash(&self, password: String, salt: Salt) -> Result<String> {
        self.run(move || argon2()?.hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| Error::internal(format!("a password could not be hashed: {error}")))
    }

    /// Whether the password matches the account's hash. Without an account (`None`) it takes the same time and never
    /// matches.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<Verdict> {
        let exists = hash.is_some();
        let is_stale = hash.as_deref().is_some_and(is_stale);
        let verdict = self
            .run(move || {
                let hash = PasswordHash::new(hash.as_deref().unwrap_or(NOBODYS))?;
                argon2()?.verify_password(password.as_bytes(), &hash)
            })
            .await?;
        match verdict {
            Ok(()) => Ok(Verdict { right: exists, is_stale }),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict { right: false, is_stale }),
            Err(error) => Err(Error::internal(format!("a password could not be verified: {error}"))),
        }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let began = Instant::now();
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| {
            metric::HASHES_REFUSED.add(1);
            Error::new(ErrorCode::Busy)
        })?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(Error::internal)?;
        // The work holds the permits itself: a caller who hangs up does not stop the hash, so it must still count.
        let work = move || {
            let _permits = (admitted, running);
            let done = work();
            metric::HASH_TIMES.record_time(began.elapsed());
            done
        };
        self.crew.blocking("password hash", work).await.map_err(Error::internal)
    }
}

/// Whether a hash was made with other parameters than the present ones.
fn is_stale(hash: &str) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
}

fn argon2() -> argon2::password_hash::Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use parlor_protocol::ErrorCode;

    use super::{Hashing, NOBODYS, Passwords, weakness};
    use crate::kit::supervise::Crew;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new(2, 8, &Crew::default());
        let hash = passwords.hash("correct horse".to_owned(), [1; 16]).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse".to_owned(), [2; 16]).await.expect("hashed"), "salted");
        assert!(passwords.verify("correct horse".to_owned(), Some(hash.clone())).await.expect("verified").right);
        assert!(!passwords.verify("Correct horse".to_owned(), Some(hash)).await.expect("verified").right);
    }

    #[tokio::test]
    async fn nobodys_password_is_never_right_and_costs_the_same() {
        assert!(NOBODYS.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(
            !Passwords::new(1, 1, &Crew::default())
                .verify("anything at all".to_owned(), None)
                .await
                .expect("verified")
                .right
        );
    }

    #[tokio::test]
    async fn beyond_the_queue_it_is_busy() {
        let passwords = Passwords::new(1, 2, &Crew::default());
        let one = || passwords.verify("anything at all".to_owned(), None);
        let outcomes = futures_util::future::join_all([one(), one(), one(), one(), one()]).await;
        let busy = outcomes.iter().filter(|outcome| outcome.as_ref().is_err_and(|e| e.code() == ErrorCode::Busy));
        assert_eq!(busy.count(), 2);
        assert!(one().await.is_ok(), "and is free again");
        assert_eq!(passwords.figures(), Hashing { running: 0, waiting: 0 });
    }

    #[test]
    fn passwords_that_are_guessed_first_are_refused() {
        let contacts = ["layla@example.com", "+14155550123"];
        for weak in
            ["", "1234567", "12345678", "Password1", "IloveYou", "aaaaaaaaaa", "+14155550123", "Layla@Example.com"]
        {
            assert!(weakness(weak, &contacts).is_some(), "{weak}");
        }
        assert!(weakness(&"x y".repeat(43), &contacts).is_some(), "129 characters");
        for good in ["correct horse", "كلمة سر طويلة", &"xy".repeat(64)] {
            assert!(weakness(good, &contacts).is_none(), "{good}");
        }
    }
}
