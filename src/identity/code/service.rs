//! Codes made and entered, and what they open. Nothing here tells whether an address has an account: what
//! is counted, stored and answered is the same, and sending is behind the answer.

use std::net::IpAddr;
use std::time::Duration;

use parlor_protocol::{ErrorCode, UserId};

use super::{Proof, Purpose, channel, digits, hash, message, parts, store, user_text};
use crate::identity::revocation::{self, Reason, Revoked};
use crate::identity::store::session_of;
use crate::identity::throttle::{self, Counted, DAY_SECONDS, Pace};
use crate::identity::{Contact, CurrentUser, Identity};
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::kit::limit::holder;
use crate::kit::tx::Tx;

impl Identity {
    /// Counts a code for the address that asks for it.
    pub(super) fn admit_code(&self, from: IpAddr) -> Result<()> {
        self.0.codes.check(&holder(from))
    }

    /// Has a code sent to somebody who is not signed in. To reset a password, only where there is an account.
    pub(super) async fn send_code(
        &self,
        tx: &mut Tx,
        chance: &Chance,
        purpose: Purpose,
        contact: &Contact,
    ) -> Result<()> {
        let somebody = match purpose {
            Purpose::Reset => store::resettable(tx, contact).await?.is_some(),
            Purpose::Register | Purpose::Contact => true,
        };
        self.issue(tx, chance, purpose, contact, None, somebody).await
    }

    /// Has a code sent to an address that the user has or wants.
    pub(super) async fn send_contact_code(
        &self,
        tx: &mut Tx,
        chance: &Chance,
        user: UserId,
        contact: &Contact,
    ) -> Result<()> {
        self.issue(tx, chance, Purpose::Contact, contact, Some(user), true).await
    }

    /// Makes a code and has it sent with the commit. Where there is nobody to send it to, the same is written.
    async fn issue(
        &self,
        tx: &mut Tx,
        chance: &Chance,
        purpose: Purpose,
        contact: &Contact,
        user: Option<UserId>,
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
            forget_seconds: DAY_SECONDS,
        };
        // Each purpose has a wait of its own: else whoever asks for one shuts somebody out of another.
        let asked = inner.key.hash(&[purpose.name(), contact.as_str(), &user_text(user)]);
        throttle::count(tx, pace, &asked).await?;
        let key = inner.key.hash(&[contact.as_str()]);
        let code = digits(chance);
        let hash = hash(&inner.key, purpose, contact, user, &code);
        let (tries, minutes) = (inner.settings.code_tries, inner.settings.code_minutes);
        let number = user.map_or(0, UserId::number);
        store::put(tx, purpose.name(), &key, number, &hash, tries as i32, minutes as i32).await?;
        let (channel, message) = message(contact, purpose, &code, minutes);
        let holds = Duration::from_secs(u64::from(minutes) * 60);
        inner.courier.send(tx, channel, message, somebody, holds).await
    }

    /// Takes a try at a code; `code_invalid` where it is not the one. The try counts whatever follows: the
    /// transaction is to be committed either way.
    pub(in crate::identity) async fn prove(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        contact: &Contact,
        user: Option<UserId>,
        code: &str,
    ) -> Result<Proof> {
        let key = self.0.key.hash(&[contact.as_str()]);
        let hash = store::take_try(tx, purpose.name(), &key, user.map_or(0, UserId::number)).await?;
        let user = user_text(user);
        let fits = |hash: &Vec<u8>| self.0.key.fits(&parts(purpose, contact, &user, code), hash);
        let hash = hash.filter(fits).ok_or_else(|| Error::new(ErrorCode::CodeInvalid))?;
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
        // An account that came or went meanwhile is none that this code was sent for.
        let gone = || Error::new(ErrorCode::CodeInvalid);
        let user = store::resettable(tx, contact).await?.ok_or_else(gone)?;
        if !store::set_password(tx, user, hash, None).await? || !store::verify(tx, user, contact).await? {
            return Err(gone());
        }
        revocation::insert(tx, Revoked::User(user), Reason::SignedOut).await?;
        throttle::forgive(tx, self.pace_of_contact(), &self.0.key.hash(&[contact.as_str()])).await?;
        Ok(user)
    }

    /// Replaces the password of who knew the old one, and signs their other sessions out.
    pub(super) async fn exchange_password(&self, tx: &mut Tx, user: CurrentUser, old: &str, new: &str) -> Result<()> {
        if !store::set_password(tx, user.id, new, Some(old)).await? {
            return Err(Error::new(ErrorCode::InvalidCredentials));
        }
        revocation::insert(tx, Revoked::Others(user.id, user.session), Reason::SignedOut).await?;
        Ok(())
    }

    /// Makes a contact the user's, proven. `known` is the hash of the password that they gave, where they had
    /// to. Gives who had the contact without having proven it.
    pub(super) async fn take_contact(
        &self,
        tx: &mut Tx,
        user: CurrentUser,
        contact: &Contact,
        known: Option<String>,
        proof: &Proof,
    ) -> Result<Option<UserId>> {
        // What this stands on may have gone meanwhile: by a reset, which nobody's change of address survives.
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

    /// Counts a guess at the signed-in user's password, as at signing in. While it is locked nothing is
    /// counted: the transaction is not committed then.
    pub(super) async fn count_own_guess(&self, tx: &mut Tx, user: UserId) -> Result<OwnGuess> {
        let pace = Pace { kind: "password", ..self.pace_of_contact() };
        let key = self.0.key.hash(&[&user.to_string()]);
        let counted = throttle::count(tx, pace, &key).await?;
        let (hash, _) = store::credentials(tx, user, None).await?.unzip();
        Ok(OwnGuess { pace, key, counted, hash })
    }
}

/// A guess of the signed-in user at their own password, counted.
pub(super) struct OwnGuess {
    pace: Pace,
    key: Vec<u8>,
    counted: Counted,
    /// The password's hash, if the account is still there.
    pub(super) hash: Option<String>,
}

impl OwnGuess {
    /// Nobody looked at it.
    pub(super) async fn take_back(&self, tx: &mut Tx) -> Result<()> {
        throttle::take_back(tx, self.pace, &self.key, self.counted).await
    }

    /// It was right: the guesses before it are forgotten.
    pub(super) async fn forgive(&self, tx: &mut Tx) -> Result<()> {
        throttle::forgive(tx, self.pace, &self.key).await
    }
}

impl Proof {
    /// Uses the code up; `code_invalid` where another call was faster.
    pub(in crate::identity) async fn use_up(&self, tx: &mut Tx) -> Result<()> {
        let used = store::delete(tx, &self.hash, self.purpose.name(), &self.contact).await?;
        if used { Ok(()) } else { Err(Error::new(ErrorCode::CodeInvalid)) }
    }
}
