//! The refresh token, and the decision about one that is presented. There is no I/O here: what is stored, ages and
//! random bytes are arguments.
//!
//! A token has three parts: the session's id, the family secret (random, and the same in all tokens of the session) and
//! its own secret (256 bits). The family secret tells a former token, whose reuse ends the session, from junk, which
//! does not; so one row for each session is enough to recognise all of its former tokens. A successor is computed from
//! the token and a random salt. So a client that repeats an exchange whose answer was lost gets the same successor, and
//! two exchanges at the same time give one successor.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The bytes of a secret, and of its SHA-256.
const BYTES: usize = 32;
/// A secret, a salt or a hash.
pub(super) type Secret = [u8; BYTES];

/// A refresh token.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RefreshToken {
    pub(super) session: Uuid,
    family: Secret,
    own: Secret,
}

impl RefreshToken {
    /// The first token of a session, made of two random secrets.
    pub(super) fn first(session: Uuid, family: Secret, own: Secret) -> Self {
        Self { session, family, own }
    }

    /// Parses a token in the form of [`text`](Self::text). Nothing in it has been checked yet.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16 + 2 * BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        if length != bytes.len() {
            return None;
        }
        let (session, secrets) = bytes.split_first_chunk::<16>()?;
        let (family, own) = secrets.split_first_chunk::<BYTES>()?;
        Some(Self { session: Uuid::from_bytes(*session), family: *family, own: *own.first_chunk()? })
    }

    /// The token as the client stores it: base64 without padding.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.session.as_bytes().as_slice(), &self.family, &self.own].concat())
    }

    /// The token for which this one is exchanged; with the same salt it is always the same. Somebody who knows only the
    /// salt and this token's hash, which are stored, cannot compute it.
    pub(super) fn successor(&self, salt: &Secret) -> Self {
        let own = Sha256::new().chain_update(b"parlor refresh").chain_update(self.own).chain_update(salt).finalize();
        Self { own: own.into(), ..self.clone() }
    }

    /// The hash of the family secret, which is stored.
    pub(super) fn family_hash(&self) -> Secret {
        Sha256::digest(self.family).into()
    }

    /// The hash of the token's own secret, which is stored.
    pub(super) fn own_hash(&self) -> Secret {
        Sha256::digest(self.own).into()
    }
}

/// What is stored about the refresh tokens of a session.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) family_hash: Vec<u8>,
    pub(super) current_hash: Vec<u8>,
    /// Whether the session has neither been ended nor expired.
    pub(super) stands: bool,
    pub(super) exchange: Option<Exchange>,
}

/// The exchange that made the live token.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) previous_hash: Vec<u8>,
    pub(super) salt: Secret,
    /// How many milliseconds ago it was, by the database's clock.
    pub(super) age_ms: i64,
}

/// The decision about a token that is presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is the live token: it is exchanged, with a new salt.
    Exchange,
    /// It was exchanged a moment ago and its successor has not been used: this salt gives the same successor again.
    Repeat(Secret),
    /// It was exchanged, and either its successor has been used or too much time has passed: two parties have it.
    Reused,
    /// It is junk, or its session has ended.
    Refused,
}

/// Judges a token. Secrets are compared by their hashes, so the time that it takes says nothing about the secrets.
pub(super) fn judge(token: &RefreshToken, stored: &Stored, repeat_ms: i64) -> Verdict {
    if !stored.stands || stored.family_hash != token.family_hash() {
        return Verdict::Refused;
    }
    let hash = token.own_hash();
    if stored.current_hash == hash {
        return Verdict::Exchange;
    }
    match &stored.exchange {
        Some(last) if last.previous_hash == hash && last.age_ms <= repeat_ms => Verdict::Repeat(last.salt),
        _ => Verdict::Reused,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Exchange, RefreshToken, Stored, Verdict, judge};

    const REPEAT_MS: i64 = 30_000;

    fn first() -> RefreshToken {
        RefreshToken::first(Uuid::from_u128(1), [1; 32], [2; 32])
    }

    /// What is stored after `token` was exchanged with this salt, `age_ms` ago.
    fn exchanged(token: &RefreshToken, salt: [u8; 32], age_ms: i64) -> Stored {
        Stored {
            family_hash: token.family_hash().to_vec(),
            current_hash: token.successor(&salt).own_hash().to_vec(),
            stands: true,
            exchange: Some(Exchange { previous_hash: token.own_hash().to_vec(), salt, age_ms }),
        }
    }

    #[test]
    fn a_token_reads_back_and_junk_does_not() {
        let token = first();
        assert!(RefreshToken::parse(&token.text()) == Some(token.clone()));
        for junk in ["", "x", "\u{1f600}", &token.text()[1..], &format!("{}A", token.text()), &"A".repeat(1 << 16)] {
            assert!(RefreshToken::parse(junk).is_none(), "{junk}");
        }
    }

    #[test]
    fn the_same_salt_gives_the_same_successor_and_another_salt_another_one() {
        let token = first();
        assert!(token.successor(&[3; 32]) == token.successor(&[3; 32]));
        assert!(token.successor(&[3; 32]) != token.successor(&[4; 32]));
        assert!(token.successor(&[3; 32]).family_hash() == token.family_hash());
    }

    #[test]
    fn the_live_token_is_exchanged_and_the_one_before_repeats_for_a_while() {
        let token = first();
        let stored = exchanged(&token, [3; 32], REPEAT_MS);
        assert_eq!(judge(&token.successor(&[3; 32]), &stored, REPEAT_MS), Verdict::Exchange);
        assert_eq!(judge(&token, &stored, REPEAT_MS), Verdict::Repeat([3; 32]));
        assert_eq!(judge(&token, &exchanged(&token, [3; 32], REPEAT_MS + 1), REPEAT_MS), Verdict::Reused);
    }

    #[test]
    fn a_token_whose_successor_was_used_is_reused_at_once_and_for_ever() {
        let (token, next) = (first(), first().successor(&[3; 32]));
        let stored = exchanged(&next, [4; 32], 0);
        assert_eq!(judge(&token, &stored, REPEAT_MS), Verdict::Reused);
        assert_eq!(judge(&next, &stored, REPEAT_MS), Verdict::Repeat([4; 32]));
    }

    #[test]
    fn junk_that_names_a_session_ends_nothing() {
        let stored = exchanged(&first(), [3; 32], 0);
        let forged = RefreshToken::first(Uuid::from_u128(1), [9; 32], [2; 32]);
        assert_eq!(judge(&forged, &stored, REPEAT_MS), Verdict::Refused);
        let ended = Stored { stands: false, ..stored };
        for token in [first(), first().successor(&[3; 32])] {
            assert_eq!(judge(&token, &ended, REPEAT_MS), Verdict::Refused);
        }
    }
}
