//! The rules of one-time codes: making them, entering them, and what they allow. Nobody can tell from them whether an
//! address has an account, because the same is counted, stored and answered in both cases and messages are sent later.

use std::net::IpAddr;
use std::time::Duration;

use parlor_protocol::{ErrorCode, UserId};

use super::share::{self, Limits, Sent};
use super::store::Held;
use super::tries::may_try;
use super::{Proof, Purpose, channel, digits, hash, message, parts, store, user_text};
use crate::identity::contact::AccountContact;
use crate::identity::device::{Guesser, KnownDevice};
use crate::identity::revocation::{self, Reason, Revoked};
use crate::identity::store::session_of;
use crate::identity::throttle::{self, Counted, Pace};
use crate::identity::{Contact, CurrentUser, Identity};
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::kit::hex::hex;
use crate::kit::tx::Tx;
use crate::kit::usage::{self, Used};

/// The kind of the allowance from which a message is taken.
const fn message_kind(resets: bool) -> &'static str {
    if resets { "code.reset" } else { "code.other" }
}

impl Identity {
    /// Counts a request for a code, for the known device or the network address from which it comes; `rate_limited` if
    /// there were too many.
    pub(super) fn admit_code(&self, from: IpAddr, device: Option<&KnownDevice>) -> Result<()> {
        self.admit(&self.0.codes, from, device)
    }

    /// Has a code sent to somebody who is not signed in. A code to reset a password is sent only if it could reset one.
    pub(super) async fn send_code(
        &self,
        tx: &mut Tx,
        chance: &Chance,
        purpose: Purpose,
        login: &AccountContact,
        (from, known): (IpAddr, Option<KnownDevice>),
    ) -> Result<()> {
        let contact = self.stored_as(tx, login).await?;
        let asker = self.guesser(tx, contact, from, known.as_ref()).await?;
        self.admit_guesser(&self.0.codes, from, known.as_ref(), &asker)?;
        let somebody = match purpose {
            Purpose::Reset => store::resettable(tx, contact).await?.is_some(),
            Purpose::Register | Purpose::Contact => true,
        };
        self.issue(tx, chance, (purpose, contact, None), &asker, somebody).await
    }

    /// Has a code sent to the user's address, or to one that they want to have.
    pub(super) async fn send_contact_code(
        &self,
        tx: &mut Tx,
        chance: &Chance,
        user: UserId,
        contact: &Contact,
    ) -> Result<()> {
        let asker = Guesser::user(&self.0.key, user);
        self.issue(tx, chance, (Purpose::Contact, contact, Some(user)), &asker, true).await
    }

    /// Makes a code, stores its hash and has it sent after the commit. If there is nobody to send it to, the same rows
    /// are written and nothing is sent. The code holds until the asker may have another one, so that nobody is without a
    /// code because others have used up what may be sent.
    async fn issue(
        &self,
        tx: &mut Tx,
        chance: &Chance,
        (purpose, contact, user): (Purpose, &Contact, Option<UserId>),
        asker: &Guesser,
        somebody: bool,
    ) -> Result<()> {
        let inner = &self.0;
        if !inner.courier.reaches(channel(contact)) {
            return Err(Error::new(ErrorCode::FeatureOff));
        }
        let pace = Pace {
            kind: "code",
            free: 1,
            first_seconds: inner.settings.code_resend_seconds,
            max_seconds: inner.settings.code_resend_max_seconds,
        };
        let key = inner.key.hash(&[contact.as_str()]);
        // The lock of the contact is taken first, so that two requests never deadlock.
        let mut sent = self.sent(tx, &key, asker).await?;
        let limits = Limits { hour: inner.settings.codes_per_hour_contact, day: inner.settings.codes_per_day_contact };
        let resets = purpose == Purpose::Reset;
        let wait = share::wait_ms(&sent, resets, limits);
        if wait > 0 {
            return Err(usage::refused(wait));
        }
        let asked = inner.key.hash(&[purpose.name(), contact.as_str(), &hex(&asker.key)]);
        let counted = throttle::count(tx, pace, &asked).await?;
        usage::count(tx, message_kind(resets), &key, Some(&asker.key), 0).await?;
        sent.push(Sent { age_ms: 0, resets, mine: true });
        let next_ms = share::wait_ms(&sent, resets, limits).max(pace.wait_ms(counted));
        let holds = Duration::from_secs(u64::from(inner.settings.code_minutes) * 60);
        let holds = holds.max(Duration::from_millis(u64::try_from(next_ms).unwrap_or(0)));

        let code = digits(chance);
        let hash = hash(&inner.key, purpose, contact, user, &code);
        let number = user.map_or(0, UserId::number);
        store::put(tx, (purpose.name(), &key, number), &hash, &asker.key, holds.as_secs_f64()).await?;
        let minutes = u32::try_from(holds.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
        let (channel, message) = message(contact, purpose, &code, minutes);
        inner.courier.send(tx, channel, message, somebody, holds).await
    }

    /// The messages that were sent to this contact in the last day, as this asker's and others'. Nobody else sends one
    /// until the transaction ends.
    async fn sent(&self, tx: &mut Tx, contact: &[u8], asker: &Guesser) -> Result<Vec<Sent>> {
        usage::lock(tx, "code", contact).await?;
        let mut sent = Vec::new();
        for resets in [true, false] {
            let used = usage::used(tx, message_kind(resets), contact).await?;
            let one = |used: Used| Sent { age_ms: used.age_ms, resets, mine: used.by.as_ref() == Some(&asker.key) };
            sent.extend(used.into_iter().map(one));
        }
        Ok(sent)
    }

    /// Takes one of the tries that `by` has at a code; `code_invalid` if the code is wrong, there is none, or no try is
    /// left. The try counts even if the code is wrong, so the caller must commit the transaction either way.
    pub(in crate::identity) async fn prove(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        contact: &Contact,
        user: Option<UserId>,
        code: &str,
        by: &Guesser,
    ) -> Result<Proof> {
        let invalid = || Error::new(ErrorCode::CodeInvalid);
        let key = self.0.key.hash(&[contact.as_str()]);
        let number = user.map_or(0, UserId::number);
        let Held { hash, asker } = store::hold(tx, purpose.name(), &key, number).await?.ok_or_else(invalid)?;
        let stranger = !by.known && asker.as_ref() != Some(&by.key);
        let past = store::tries(tx, &hash).await?;
        if !may_try(&past, &by.key, stranger, self.0.settings.code_tries) {
            return Err(invalid());
        }
        store::count_try(tx, &hash, &by.key, stranger).await?;
        let user = user_text(user);
        if !self.0.key.fits(&parts(purpose, contact, &user, code), &hash) {
            return Err(invalid());
        }
        Ok(Proof { purpose, contact: key, hash })
    }

    /// Replaces a password that was forgotten, and signs the user out everywhere.
    pub(super) async fn replace_password(
        &self,
        tx: &mut Tx,
        proof: &Proof,
        contact: &Contact,
        hash: &str,
    ) -> Result<UserId> {
        proof.use_up(tx).await?;
        // The code was sent for the account that had the address then. If that has changed, the code is invalid.
        let gone = || Error::new(ErrorCode::CodeInvalid);
        let user = store::resettable(tx, contact).await?.ok_or_else(gone)?;
        if !store::set_password(tx, user, hash, None).await? || !store::verify(tx, user, contact).await? {
            return Err(gone());
        }
        revocation::insert(tx, Revoked::User(user), Reason::SignedOut).await?;
        self.forgive_all(tx, contact).await?;
        Ok(user)
    }

    /// Replaces the password of a user who gave the old one, whose hash is `old`, and ends their other sessions.
    pub(super) async fn exchange_password(&self, tx: &mut Tx, user: CurrentUser, old: &str, new: &str) -> Result<()> {
        if !store::set_password(tx, user.id, new, Some(old)).await? {
            return Err(Error::new(ErrorCode::InvalidCredentials));
        }
        revocation::insert(tx, Revoked::Others(user.id, user.session), Reason::SignedOut).await?;
        Ok(())
    }

    /// Makes a contact the user's own and proven. `known` is the hash of the password that they gave; `None` if they
    /// gave none because the contact was theirs already. Gives the user who had the contact without having proven it.
    ///
    /// # Errors
    /// `unauthenticated` if the session, the password or the contact has changed meanwhile; `code_invalid` if the code
    /// has been used; `account_exists` if somebody else has proven the contact.
    pub(super) async fn take_contact(
        &self,
        tx: &mut Tx,
        user: CurrentUser,
        contact: &Contact,
        known: Option<String>,
        proof: &Proof,
    ) -> Result<Option<UserId>> {
        // A password reset may have come meanwhile. It ends the user's sessions, and a change of address that was begun
        // before it must not succeed after it.
        let held = store::hold_credentials(tx, user.id, contact).await?;
        let holds = held.is_some_and(|(hash, own)| known.map_or(own, |known| known == hash));
        let session = session_of(tx, user.session, user.id).await?;
        if !holds || session.is_none_or(|session| session.revoked || session.suspended) {
            return Err(Error::new(ErrorCode::Unauthenticated));
        }
        proof.use_up(tx).await?;
        let former = store::release(tx, contact, Some(user.id)).await?;
        store::put_contact(tx, user.id, contact).await?;
        Ok(former)
    }

    /// Counts a guess at the signed-in user's own password, as at sign-in. While the password is locked this fails with
    /// `rate_limited`; the caller then does not commit, so nothing is counted.
    pub(super) async fn count_own_guess(&self, tx: &mut Tx, user: UserId) -> Result<OwnGuess> {
        let settings = &self.0.settings;
        let pace = Pace {
            kind: "password",
            free: settings.failures_account,
            first_seconds: settings.lock_seconds,
            max_seconds: settings.lock_max_seconds,
        };
        let key = self.0.key.hash(&[&user.to_string()]);
        let counted = throttle::count(tx, pace, &key).await?;
        let (hash, _) = store::credentials(tx, user, None).await?.unzip();
        Ok(OwnGuess { pace, key, counted, hash })
    }
}

/// A guess of a signed-in user at their own password, which has been counted.
pub(super) struct OwnGuess {
    pace: Pace,
    key: Vec<u8>,
    counted: Counted,
    /// The hash of the password, if the account still exists.
    pub(super) hash: Option<String>,
}

impl OwnGuess {
    /// Takes the guess back, because it was not checked.
    pub(super) async fn take_back(&self, tx: &mut Tx) -> Result<()> {
        throttle::take_back(tx, self.pace, &self.key, self.counted).await
    }

    /// Forgets all guesses, because this one was right.
    pub(super) async fn forgive(&self, tx: &mut Tx) -> Result<()> {
        throttle::forgive(tx, self.pace, &self.key).await
    }
}

impl Proof {
    /// Deletes the code, so that it cannot be used again; `code_invalid` if another call has deleted it.
    pub(in crate::identity) async fn use_up(&self, tx: &mut Tx) -> Result<()> {
        let used = store::delete(tx, &self.hash, self.purpose.name(), &self.contact).await?;
        if used { Ok(()) } else { Err(Error::new(ErrorCode::CodeInvalid)) }
    }
}
