//! Passwords: which are strong enough, and their hashes by argon2id, which are computed outside the async runtime.
//!
//! Those who want a hash take turns ([`Turns`]); if too many wait, the answer is `busy`. A guess at an account that does
//! not exist costs the same as any other.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt as PhcSalt};
use argon2::{Algorithm, Argon2, Params, Version};
use parlor_protocol::ErrorCode;
use tokio::time::Instant;

use super::hashing::{Asker, Memory, Turns};
use super::opaque::prepared;
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
/// The bytes of memory that a hash takes while it is computed.
pub(super) const MEMORY_BYTES: u64 = MEMORY_KIB as u64 * 1_024;

/// The hash that is verified if there is no account. Its salt and output are random bytes, so no password is known to
/// match; and even a match would be refused.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AdQpUobZqLaUlwup6HH5sA$z83GeXZ7oanO0Xa6Urbu00y9WQ6QRTizrSPygbjcd5Y";

/// Why a password is too weak; `None` if it is strong enough. Its length and a block list are checked, but not which
/// kinds of characters it has (NIST SP 800-63B, OWASP ASVS 6.2).
pub(super) fn weakness(password: &str, contacts: &[&str]) -> Option<&'static str> {
    let prepared = prepared(password);
    if password.chars().count() > MAX_CHARS || prepared.chars().count() < MIN_CHARS {
        return Some("8 to 128 characters");
    }
    if prepared.contains(char::is_control) {
        return Some("no control characters");
    }
    let lower = prepared.to_lowercase();
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
    /// Whether the hash was made with other parameters than the present ones, or of the password as it was typed, before
    /// passwords were prepared. It is renewed then.
    pub(super) is_stale: bool,
}

/// Hashes and verifies passwords, a limited number at the same time.
#[derive(Clone, Debug)]
pub(super) struct Passwords {
    turns: Turns,
    crew: Crew,
}

/// Why a password could not be hashed or verified.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no memory: {0}")]
    Memory(#[from] std::io::Error),
    #[error(transparent)]
    Hash(#[from] argon2::password_hash::Error),
    #[error(transparent)]
    Argon2(#[from] argon2::Error),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            // What the system refuses now it may have in a moment.
            Fault::Memory(error) => {
                tracing::warn!(%error, "the system gave no memory to hash a password in");
                busy()
            }
            Fault::Hash(_) | Fault::Argon2(_) => Self::internal(format!("a password's hash failed: {fault}")),
        }
    }
}

fn busy() -> Error {
    metric::HASHES_REFUSED.add(1);
    Error::new(ErrorCode::Busy)
}

impl Passwords {
    /// Passwords of which at most `most` are hashed at the same time and `queue` wait.
    pub(super) fn new(most: usize, queue: usize, crew: &Crew) -> Self {
        Self { turns: Turns::new(most, queue), crew: crew.clone() }
    }

    /// How many passwords are being hashed and wait now.
    pub(super) fn figures(&self) -> Hashing {
        let (running, waiting) = self.turns.figures();
        Hashing { running, waiting }
    }

    /// The hash of a password ([`prepared`]), as a PHC string. The salt must be random and used for this hash only.
    pub(super) async fn hash(&self, asker: Asker, password: String, salt: Salt) -> Result<String> {
        let password = prepared(&password).into_owned();
        let hash = self.run(asker, move |memory| phc(password.as_bytes(), &salt, memory)).await?;
        Ok(hash?)
    }

    /// Whether the password matches the account's hash. Without an account (`None`) it takes the same time and never
    /// matches.
    pub(super) async fn verify(&self, asker: Asker, password: String, hash: Option<String>) -> Result<Verdict> {
        let exists = hash.is_some();
        let is_stale = hash.as_deref().is_some_and(is_stale);
        let work = move |memory: &mut Memory| {
            let (hash, prepared) = (hash.as_deref().unwrap_or(NOBODYS), prepared(&password));
            if fits(prepared.as_bytes(), hash, memory)? {
                return Ok((true, false));
            }
            // Hashes were once made of what was typed.
            let as_typed = *prepared != *password && fits(password.as_bytes(), hash, memory)?;
            Ok::<_, Error>((as_typed, as_typed))
        };
        let (fits, as_typed) = self.run(asker, work).await??;
        Ok(Verdict { right: fits && exists, is_stale: is_stale || as_typed })
    }

    async fn run<T: Send + 'static>(
        &self,
        asker: Asker,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T> {
        let began = Instant::now();
        let mut turn = self.turns.take(asker).await.ok_or_else(busy)?;
        // The work holds its turn itself: a caller who hangs up does not stop the hash, so it must still count.
        let work = move || {
            let done = work(turn.memory());
            drop(turn);
            metric::HASH_TIMES.record_time(began.elapsed());
            done
        };
        self.crew.blocking("password hash", work).await.map_err(Error::internal)
    }
}

/// The hash of a password, as a PHC string.
fn phc(password: &[u8], salt: &Salt, memory: &mut Memory) -> Result<String, Fault> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let blocks = memory.blocks(params.block_count())?;
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let argon2 = Argon2::new(algorithm, version, params.clone());
    argon2.hash_password_into_with_memory(password, salt, &mut output, blocks)?;
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(&params)?,
        salt: Some(PhcSalt::new(salt).map_err(argon2::password_hash::Error::from)?),
        hash: Some(Output::new(&output).map_err(argon2::password_hash::Error::from)?),
    };
    Ok(hash.to_string())
}

/// Whether a password has this hash, a PHC string. It is computed with the parameters that stand there, and compared in
/// constant time.
fn fits(password: &[u8], hash: &str, memory: &mut Memory) -> Result<bool, Fault> {
    let hash = PasswordHash::new(hash).map_err(argon2::password_hash::Error::from)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let params = Params::try_from(&hash)?;
    let mut buffer = [0; Output::MAX_LENGTH];
    let output = &mut buffer[..expected.len()];
    let blocks = memory.blocks(params.block_count())?;
    Argon2::new(algorithm, version, params).hash_password_into_with_memory(password, salt, output, blocks)?;
    Ok(Output::new(output).map_err(argon2::password_hash::Error::from)? == *expected)
}

/// Whether a hash was made with other parameters than the present ones.
fn is_stale(hash: &str) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
}

#[cfg(test)]
mod tests {
    use parlor_protocol::ErrorCode;

    use super::{Asker, Hashing, NOBODYS, Passwords, weakness};
    use crate::kit::supervise::Crew;

    const ME: Asker = Asker::Operator;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new(2, 8, &Crew::default());
        let hash = passwords.hash(ME, "correct horse".to_owned(), [1; 16]).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash(ME, "correct horse".to_owned(), [2; 16]).await.expect("hashed"), "salted");
        assert!(passwords.verify(ME, "correct horse".to_owned(), Some(hash.clone())).await.expect("verified").right);
        assert!(!passwords.verify(ME, "Correct horse".to_owned(), Some(hash)).await.expect("verified").right);
    }

    #[tokio::test]
    async fn a_password_typed_on_another_device_fits_and_an_old_hash_is_renewed() {
        let passwords = Passwords::new(2, 8, &Crew::default());
        let (composed, decomposed) = ("le café ouvert", "le\u{a0}cafe\u{301} ouvert");
        let hash = passwords.hash(ME, decomposed.to_owned(), [1; 16]).await.expect("hashed");
        for typed in [composed, decomposed] {
            let verdict = passwords.verify(ME, typed.to_owned(), Some(hash.clone())).await.expect("verified");
            assert!(verdict.right && !verdict.is_stale, "{typed}");
        }
        // A hash of the bytes that were typed, as all were once.
        let old = passwords.run(ME, move |memory| super::phc(decomposed.as_bytes(), &[1; 16], memory)).await;
        let old = Some(old.expect("a turn").expect("hashed"));
        let verdict = passwords.verify(ME, decomposed.to_owned(), old.clone()).await.expect("verified");
        assert!(verdict.right && verdict.is_stale);
        assert!(!passwords.verify(ME, "le cafe ouvert".to_owned(), old).await.expect("verified").right);
    }

    #[tokio::test]
    async fn nobodys_password_is_never_right_and_costs_the_same() {
        assert!(NOBODYS.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(
            !Passwords::new(1, 1, &Crew::default())
                .verify(ME, "anything at all".to_owned(), None)
                .await
                .expect("verified")
                .right
        );
    }

    #[tokio::test]
    async fn beyond_the_queue_it_is_busy() {
        let passwords = Passwords::new(1, 2, &Crew::default());
        let one = || passwords.verify(ME, "anything at all".to_owned(), None);
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
        assert!(weakness("correct\nhorse", &contacts).is_some(), "a control character");
        assert!(weakness("e\u{301}e\u{301}e\u{301}e\u{301}", &contacts).is_some(), "four characters");
        assert!(weakness("iloveyou\u{3000}", &contacts).is_none() && weakness("ILOVEYOU", &contacts).is_some());
        for good in ["correct horse", "كلمة سر طويلة", &"xy".repeat(64)] {
            assert!(weakness(good, &contacts).is_none(), "{good}");
        }
    }
}
