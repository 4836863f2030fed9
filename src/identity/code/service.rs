//! Codes sent and entered, and what they open. Nothing here tells whether an address has an account: what
//! is counted, stored and answered is the same, and sending is behind the answer.

use std::net::IpAddr;

use parlor_protocol::{ErrorCode, UserId};
use sqlx::PgConnection;

use super::{Proof, Purpose, channel, digits, hash, message, parts, store, user_text};
use crate::identity::revocation::{self, Reason, Revoked};
use crate::identity::store::session_of;
use crate::identity::throttle::{self, DAY_SECONDS, Pace};
use crate::identity::{Contact, CurrentUser, Identity, password};
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;
use crate::kit::limit::holder;

impl Identity {
    /// Sends a code to somebody who is not signed in. To reset a password, only where there is an account.
    pub async fn send_code(&self, from: IpAddr, purpose: Purpose, contact: &Contact) -> Result<()> {
        self.0.codes.check(&holder(from))?;
        let mut conn = self.0.pool.acquire().await?;
        let send = match purpose {
            Purpose::Reset => store::resettable(&mut conn, contact).await?.is_some(),
            Purpose::Register | Purpose::Contact => true,
        };
        self.issue(&mut conn, purpose, contact, None, send).await
    }

    /// Sends a code to an address that the user has or wants.
    pub async fn send_contact_code(&self, from: IpAddr, user: UserId, contact: &Contact) -> Result<()> {
        self.0.codes.check(&holder(from))?;
        self.issue(&mut *self.0.pool.acquire().await?, Purpose::Contact, contact, Some(user), true).await
    }

    async fn issue(
        &self,
        conn: &mut PgConnection,
        purpose: Purpose,
        contact: &Contact,
        user: Option<UserId>,
        send: bool,
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
        throttle::count(conn, pace, &asked).await?;
        let key = inner.key.hash(&[contact.as_str()]);
        let code = digits();
        let hash = hash(&inner.key, purpose, contact, user, &code);
        let (tries, minutes) = (inner.settings.code_tries, inner.settings.code_minutes);
        let number = user.map_or(0, UserId::number);
        store::put(conn, purpose.name(), &key, number, &hash, tries as i32, minutes as i32).await?;
        if send {
            let (channel, message) = message(contact, purpose, &code, minutes);
            inner.courier.send(channel, message);
        }
        Ok(())
    }

    /// Takes a try at a code; `code_invalid` where it is not the one. The try counts whatever follows.
    pub(in crate::identity) async fn prove(
        &self,
        purpose: Purpose,
        contact: &Contact,
        user: Option<UserId>,
        code: &str,
    ) -> Result<Proof> {
        let key = self.0.key.hash(&[contact.as_str()]);
        let mut conn = self.0.pool.acquire().await?;
        let hash = store::take_try(&mut conn, purpose.name(), &key, user.map_or(0, UserId::number)).await?;
        let user = user_text(user);
        let fits = |hash: &Vec<u8>| self.0.key.fits(&parts(purpose, contact, &user, code), hash);
        let hash = hash.filter(fits).ok_or_else(|| Error::new(ErrorCode::CodeInvalid))?;
        Ok(Proof { purpose, contact: key, hash })
    }

    /// Chooses another password by a code, and signs the user out everywhere.
    pub async fn reset_password(&self, from: IpAddr, contact: &Contact, code: &str, password: String) -> Result<()> {
        self.0.sign_ins.check(&holder(from))?;
        let proof = self.prove(Purpose::Reset, contact, None, code).await?;
        let hash = self.0.passwords.hash(password).await?;
        let mut tx = self.0.pool.begin().await?;
        proof.use_up(&mut tx).await?;
        // An account that came or went meanwhile is none that this code was sent for.
        let gone = || Error::new(ErrorCode::CodeInvalid);
        let user = store::resettable(&mut tx, contact).await?.ok_or_else(gone)?;
        if !store::set_password(&mut tx, user, &hash, None).await? || !store::verify(&mut tx, user, contact).await? {
            return Err(gone());
        }
        revocation::insert(&mut tx, Revoked::User(user), Reason::SignedOut).await?;
        throttle::forgive(&mut tx, self.pace_of_contact(), &self.0.key.hash(&[contact.as_str()])).await?;
        tx.commit().await?;
        tracing::info!(user.id = user.number(), "somebody chose another password by a code");
        Ok(())
    }

    /// Changes the password of who knows the old one, and signs their other sessions out.
    pub async fn change_password(&self, user: CurrentUser, old: String, new: String) -> Result<()> {
        let contacts = store::contacts(&mut *self.0.pool.acquire().await?, user.id).await?;
        let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
        if let Some(why) = password::weakness(&new, &contacts) {
            return Err(bad_field("password", why));
        }
        let old = self.knows_password(user.id, old).await?;
        let hash = self.0.passwords.hash(new).await?;
        let mut tx = self.0.pool.begin().await?;
        if !store::set_password(&mut tx, user.id, &hash, Some(&old)).await? {
            return Err(Error::new(ErrorCode::InvalidCredentials));
        }
        revocation::insert(&mut tx, Revoked::Others(user.id, user.session), Reason::SignedOut).await?;
        tx.commit().await?;
        tracing::info!(user.id = user.id.number(), "somebody changed their password");
        Ok(())
    }

    /// Proves an address by a code. One that is not the user's yet becomes theirs, which takes the password.
    pub async fn confirm_contact(
        &self,
        user: CurrentUser,
        contact: &Contact,
        code: &str,
        password: Option<String>,
    ) -> Result<()> {
        let credentials = store::credentials(&mut *self.0.pool.acquire().await?, user.id, Some(contact)).await?;
        let (_, own) = credentials.ok_or_else(|| Error::new(ErrorCode::UserNotFound))?;
        let mut known = None;
        if !own {
            let password = password.ok_or_else(|| bad_field("password", "needed for another address"))?;
            known = Some(self.knows_password(user.id, password).await?);
        }
        let proof = self.prove(Purpose::Contact, contact, Some(user.id), code).await?;
        let mut tx = self.0.pool.begin().await?;
        // What this stands on may have gone meanwhile: by a reset, which nobody's change of address survives.
        let held = store::hold_credentials(&mut tx, user.id, contact).await?;
        let holds = held.is_some_and(|(hash, own)| known.map_or(own, |known| known == hash));
        let session = session_of(&mut tx, user.session, user.id).await?;
        if !holds || session.is_none_or(|session| session.revoked || session.suspended) {
            return Err(Error::new(ErrorCode::Unauthenticated));
        }
        proof.use_up(&mut tx).await?;
        let former = store::release(&mut tx, contact, Some(user.id)).await?;
        store::put_contact(&mut tx, user.id, contact).await?;
        tx.commit().await?;
        if let Some(former) = former {
            tracing::info!(user.id = former.number(), "somebody lost an address that they had not proven");
        }
        Ok(())
    }

    /// The hash of the user's password, if this is it. Guesses are counted as at signing in.
    async fn knows_password(&self, user: UserId, password: String) -> Result<String> {
        let mut conn = self.0.pool.acquire().await?;
        let pace = Pace { kind: "password", ..self.pace_of_contact() };
        let key = self.0.key.hash(&[&user.to_string()]);
        let counted = throttle::count(&mut conn, pace, &key).await?;
        let (hash, _) = store::credentials(&mut conn, user, None).await?.unzip();
        drop(conn);
        let right = self.0.passwords.verify(password, hash.clone()).await;
        let mut conn = self.0.pool.acquire().await?;
        match (right, hash) {
            (Ok(verdict), Some(hash)) if verdict.right => {
                throttle::forgive(&mut conn, pace, &key).await?;
                Ok(hash)
            }
            (Ok(_), _) => Err(Error::new(ErrorCode::InvalidCredentials)),
            (Err(error), _) => {
                throttle::take_back(&mut conn, pace, &key, counted).await?;
                Err(error)
            }
        }
    }
}

impl Proof {
    /// Uses the code up; `code_invalid` where another call was faster.
    pub(in crate::identity) async fn use_up(&self, conn: &mut PgConnection) -> Result<()> {
        let used = store::delete(conn, &self.hash, self.purpose.name(), &self.contact).await?;
        if used { Ok(()) } else { Err(Error::new(ErrorCode::CodeInvalid)) }
    }
}
