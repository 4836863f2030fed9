//! Protection of sign-in against guessing, which locks out nobody but who guesses.
//!
//! A guess is counted before the password is checked, so that a hundred at the same time count as a hundred; a right one
//! deletes the guesses of whoever made it. Three counts limit wrong ones, each over the last day:
//!
//! - one guesser at one account has growing waits. A guesser is a network address, or a known device;
//! - all strangers together have a number of guesses at one account, so that many addresses help little;
//! - one stranger has a number of guesses at all accounts, so that trying one password everywhere helps little.
//!
//! A known device is no stranger: whatever others do, it may try. Accounts that do not exist are counted in the same way.

use std::net::IpAddr;

use parlor_protocol::ErrorCode;
use parlor_protocol::room::Person;

use super::device::{Guesser, KnownDevice};
use super::{Contact, Identity, store as accounts};
use crate::kit::error::{Error, Result};
use crate::kit::tx::Tx;
use crate::kit::usage;

mod pace;
mod store;

/// The kind of the locks under which guesses are counted.
const LOCK: &str = "sign_in_guess";

/// A guess at a password, which has been counted.
pub(super) struct Guess {
    id: i64,
    contact: Vec<u8>,
    guesser: Guesser,
    /// The account's owner and the password's hash, if there is such an account.
    account: Option<(Person, String)>,
}

impl Guess {
    /// The hash of the account's password, if there is an account.
    pub(super) fn hash(&self) -> Option<String> {
        self.account.as_ref().map(|(_, hash)| hash.clone())
    }
}

impl Identity {
    /// Counts a guess. While the guesser has to wait this fails with `rate_limited`; the caller then does not commit, so
    /// nothing is counted.
    pub(super) async fn count_guess(
        &self,
        tx: &mut Tx,
        from: IpAddr,
        login: &Contact,
        device: Option<&KnownDevice>,
    ) -> Result<Guess> {
        let inner = &self.0;
        let account = accounts::account(tx, login).await?.map(|account| (account.user, account.password_hash));
        let known_as = account.as_ref().map(|(person, hash)| (person.id, hash.as_str()));
        let guesser = Guesser::of(&inner.key, device, known_as, from);
        self.admit_guesser(&inner.sign_ins, from, device, &guesser)?;
        let contact = inner.key.hash(&[login.as_str()]);
        inner.attempts.check(&(contact.clone(), guesser.key.clone()))?;
        // Every guess takes these locks in this order, so that two guesses never deadlock.
        usage::lock(tx, LOCK, &guesser.key).await?;
        usage::lock(tx, LOCK, &contact).await?;
        let (at_account, of_guesser) = (inner.settings.failures_account_day, inner.settings.failures_address);
        let past = store::past(tx, &contact, &guesser, at_account, of_guesser).await?;
        let wait = pace::wait_ms(past, guesser.known, &inner.settings);
        if wait > 0 {
            return Err(usage::refused(wait));
        }
        let id = store::insert(tx, &contact, &guesser).await?;
        Ok(Guess { id, contact, guesser, account })
    }

    /// Takes a guess back whose password was not checked.
    pub(super) async fn take_back_guess(&self, tx: &mut Tx, guess: &Guess) -> Result<()> {
        store::delete(tx, guess.id).await
    }

    /// Ends a guess that was right: the guesses of this guesser at this account are forgotten, and those of others stay.
    /// Gives the account's owner and the password's hash.
    pub(super) async fn forgive_guess(&self, tx: &mut Tx, guess: Guess) -> Result<(Person, String)> {
        store::delete_own(tx, &guess.contact, &guess.guesser.key).await?;
        guess.account.ok_or_else(|| Error::new(ErrorCode::InvalidCredentials))
    }

    /// Forgets all guesses at a contact, because its owner has set a new password.
    pub(super) async fn forgive_all(&self, tx: &mut Tx, contact: &Contact) -> Result<()> {
        store::delete_at(tx, &self.0.key.hash(&[contact.as_str()])).await
    }
}

/// Deletes the guesses that count no more.
pub(super) async fn sweep(tx: &mut Tx) -> Result<()> {
    store::delete_old(tx).await
}
