//! Registering and signing in. Both need a password's hash, which takes a core for a while, so they consist of several
//! short transactions and hold no connection while the hash is computed. This file is part of the edge: it opens and
//! commits transactions.

use std::net::IpAddr;

use parlor_protocol::ErrorCode;
use parlor_protocol::room::Person;

use super::code::{Proof, Purpose};
use super::hashing::Asker;
use super::password::Verdict;
use super::{Contact, Grant, Identity, NewAccount, code};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::limit::holder;

impl Identity {
    /// Makes an account with its wallet and welcome coins, and signs it in.
    ///
    /// # Errors
    /// `account_exists`, `code_invalid`, `rate_limited`, `busy`.
    pub async fn register(&self, edge: &Edge, from: IpAddr, account: NewAccount) -> Result<Grant> {
        self.admit_registration(from, &account)?;
        let proven = match (&account.code, account.phone.as_ref().or(account.email.as_ref())) {
            (Some(code), Some(contact)) => {
                Some((self.proven(edge, Purpose::Register, contact, None, code).await?, contact))
            }
            _ => None,
        };
        // The password is hashed before the address is looked up, so that the time of the answer does not show that an
        // address is taken.
        let hash = self.passwords().hash(asker(from), account.password.clone(), edge.chance().bytes()).await?;
        let (now, chance) = (edge.now(), edge.chance());
        let mut tx = edge.begin().await?;
        let proven = proven.as_ref().map(|(proof, contact)| (proof, *contact));
        let opened = self.open_account(&mut tx, &account, &hash, proven, (now, chance)).await?;
        tx.commit().await?;
        self.wallets().welcome(opened.user.id).await?;
        tracing::info!(user.id = opened.user.id.number(), session.id = %opened.session, "a user registered");
        self.granted(opened, now)
    }

    /// Signs in. An unknown account and a wrong password get the same answer after the same time.
    ///
    /// # Errors
    /// `invalid_credentials`, `suspended`, `rate_limited`, `busy`.
    pub async fn sign_in(
        &self,
        edge: &Edge,
        from: IpAddr,
        login: &Contact,
        password: String,
        device: &str,
    ) -> Result<Grant> {
        self.admit_sign_in(from, login)?;
        let (user, hash) = self.checked(edge, from, login, password).await?;
        let (now, chance) = (edge.now(), edge.chance());
        let mut tx = edge.begin().await?;
        let opened = self.open_session(&mut tx, user, &hash, device, (now, chance)).await?;
        tx.commit().await?;
        self.wallets().welcome(opened.user.id).await?;
        tracing::info!(user.id = opened.user.id.number(), session.id = %opened.session, "a user signed in");
        self.granted(opened, now)
    }

    /// Checks a password, and gives the account's owner and the password's hash. An unknown account and a wrong
    /// password get the same answer after the same time. While the account is locked, even the right password is
    /// refused.
    async fn checked(&self, edge: &Edge, from: IpAddr, login: &Contact, password: String) -> Result<(Person, String)> {
        // The guess is counted before the password is checked, so that a hundred guesses at the same time count as a
        // hundred.
        let mut tx = edge.begin().await?;
        let guess = self.count_guess(&mut tx, from, login).await?;
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

    /// Takes one of the tries at a code, in a transaction of its own, so that the try counts even if the code is wrong.
    pub(super) async fn proven(
        &self,
        edge: &Edge,
        purpose: Purpose,
        contact: &Contact,
        user: Option<parlor_protocol::UserId>,
        code: &str,
    ) -> Result<Proof> {
        let mut tx = edge.begin().await?;
        let proof = self.prove(&mut tx, purpose, contact, user, code).await;
        tx.commit_either_way(proof).await
    }
}

/// Who asks for a hash without being signed in.
pub(super) fn asker(from: IpAddr) -> Asker {
    Asker::Address(holder(from))
}
