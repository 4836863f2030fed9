//! Registering and signing in. Both need a password's hash, which takes a core for a while, so they consist of several
//! short transactions and hold no connection while the hash is computed. This file is part of the edge: it opens and
//! commits transactions.

use std::net::IpAddr;

use parlor_protocol::ErrorCode;
use parlor_protocol::room::Person;

use super::code::{Proof, Purpose};
use super::contact::AccountContact;
use super::device::{Guesser, KnownDevice};
use super::hashing::Asker;
use super::password::Verdict;
use super::session::Opened;
use super::{Contact, Grant, Identity, NewAccount, code};
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::limit::holder;

impl Identity {
    /// Makes an account with its wallet and welcome coins, and signs it in. `from` is the network address that asks for
    /// it; `None` if it is the operator, whom no limit concerns.
    ///
    /// # Errors
    /// `account_exists`, `code_invalid`, `rate_limited`, `busy`.
    pub async fn register(&self, edge: &Edge, from: Option<IpAddr>, account: NewAccount) -> Result<Grant> {
        if let Some(from) = from {
            self.admit_registration(from, &account)?;
            self.may_register(&mut *edge.read().await?, from).await?;
        }
        let proven = match (&account.code, account.phone.as_ref().or(account.email.as_ref())) {
            (Some(code), Some(contact)) => {
                let by = from.map(|from| Guesser::stranger(&self.0.key, from));
                let by = by.ok_or_else(|| Error::internal("an operator has no code"))?;
                Some((self.proven(edge, Purpose::Register, contact, None, code, &by).await?, contact))
            }
            _ => None,
        };
        // The password is hashed before the address is looked up, so that the time of the answer does not show that an
        // address is taken.
        let hash = self
            .passwords()
            .hash(from.map_or(Asker::Operator, asker), account.password.clone(), edge.chance().bytes())
            .await?;
        let (now, chance) = (edge.now(), edge.chance());
        let mut tx = edge.begin().await?;
        if let Some(from) = from {
            self.count_registration(&mut tx, from).await?;
        }
        let proven = proven.as_ref().map(|(proof, contact)| (proof, *contact));
        let opened = self.open_account(&mut tx, &account, &hash, proven, (now, chance)).await?;
        tx.commit().await?;
        self.wallets().welcome(opened.user.id).await?;
        tracing::info!(user.id = opened.user.id.number(), session.id = %opened.session, "a user registered");
        self.granted_to_device(opened, &hash, (now, chance))
    }

    /// Signs in, from a network address and perhaps a known device. An unknown account and a wrong password get the same
    /// answer after the same time.
    ///
    /// # Errors
    /// `invalid_credentials`, `suspended`, `rate_limited`, `busy`.
    pub(super) async fn sign_in(
        &self,
        edge: &Edge,
        (from, known): (IpAddr, Option<KnownDevice>),
        login: &AccountContact,
        password: String,
        device: &str,
    ) -> Result<Grant> {
        self.admit(&self.0.sign_ins, from, known.as_ref())?;
        let (user, hash) = self.checked(edge, (from, known), login, password).await?;
        let (now, chance) = (edge.now(), edge.chance());
        let mut tx = edge.begin().await?;
        let opened = self.open_session(&mut tx, user, &hash, device, (now, chance)).await?;
        tx.commit().await?;
        self.wallets().welcome(opened.user.id).await?;
        tracing::info!(user.id = opened.user.id.number(), session.id = %opened.session, "a user signed in");
        self.granted_to_device(opened, &hash, (now, chance))
    }

    /// Checks a password, and gives the account's owner and the password's hash. An unknown account and a wrong
    /// password get the same answer after the same time. While whoever guesses has to wait, even the right password
    /// is refused.
    async fn checked(
        &self,
        edge: &Edge,
        (from, known): (IpAddr, Option<KnownDevice>),
        login: &AccountContact,
        password: String,
    ) -> Result<(Person, String)> {
        // The guess is counted before the password is checked, so that a hundred guesses at the same time count as a
        // hundred.
        let mut tx = edge.begin().await?;
        let contact = self.stored_as(&mut tx, login).await?;
        let guess = self.count_guess(&mut tx, from, contact, known.as_ref()).await?;
        tx.commit().await?;
        let verdict = self.passwords().verify(asker(from), password.clone(), guess.hash()).await;
        let Verdict { right, is_stale } = match verdict {
            Ok(verdict) => verdict,
            Err(error) => {
                let mut tx = edge.begin().await?;
                self.take_back_guess(&mut tx, &guess).await?;
                tx.commit().await?;
                return Err(error);
            }
        };
        if !right {
            tracing::info!("a sign-in was refused: unknown account or wrong password");
            return Err(Error::new(ErrorCode::InvalidCredentials));
        }
        let mut tx = edge.begin().await?;
        let (user, hash) = self.forgive_guess(&mut tx, guess).await?;
        tx.commit().await?;
        if is_stale {
            let hash = self.hashed_anew(edge, &user, password, hash).await?;
            return Ok((user, hash));
        }
        Ok((user, hash))
    }

    /// Hashes a right password again, with the present parameters, and stores that hash. If that is not possible now,
    /// the old hash stays and the next sign-in tries again. Gives the hash that is stored.
    async fn hashed_anew(&self, edge: &Edge, user: &Person, password: String, hash: String) -> Result<String> {
        let Ok(new) = self.passwords().hash(Asker::User(user.id), password, edge.chance().bytes()).await else {
            return Ok(hash);
        };
        let mut tx = edge.begin().await?;
        let changed = code::store::set_password(&mut tx, user.id, &new, Some(&hash)).await?;
        tx.commit().await?;
        Ok(if changed { new } else { hash })
    }

    /// The tokens of a new session, with the one by which the device shows next time that it was signed in.
    fn granted_to_device(&self, opened: Opened, hash: &str, (now, chance): (Timestamp, &Chance)) -> Result<Grant> {
        let days = self.0.settings.known_device_days;
        let device = KnownDevice::issue(&self.0.key, opened.user.id, hash, days, (now, chance));
        Ok(Grant { device: Some(device), ..self.granted(opened, now)? })
    }

    /// Takes one of the tries at a code, in a transaction of its own, so that the try counts even if the code is wrong.
    pub(super) async fn proven(
        &self,
        edge: &Edge,
        purpose: Purpose,
        contact: &Contact,
        user: Option<parlor_protocol::UserId>,
        code: &str,
        by: &Guesser,
    ) -> Result<Proof> {
        let mut tx = edge.begin().await?;
        let proof = self.prove(&mut tx, purpose, contact, user, code, by).await;
        tx.commit_either_way(proof).await
    }
}

/// Who asks for a hash without being signed in.
pub(super) fn asker(from: IpAddr) -> Asker {
    Asker::Address(holder(from))
}
