//! Protection of sign-in against guessing: a guess is counted before the password is checked, and is taken back or
//! forgotten afterwards.

use std::net::IpAddr;

use parlor_protocol::ErrorCode;
use parlor_protocol::room::Person;

use super::throttle::{self, Counted, DAY_SECONDS, Pace};
use super::{Contact, Identity, store};
use crate::kit::error::{Error, Result};
use crate::kit::limit::holder;
use crate::kit::tx::Tx;

/// A guess at a password, which has been counted for its network address and for the contact.
pub(super) struct Guess {
    address: (Pace, Vec<u8>, Counted),
    contact: (Pace, Vec<u8>, Counted),
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
    /// Counts a guess, for its network address and for the contact. While either is locked this fails with
    /// `rate_limited`; the caller then does not commit, so nothing is counted.
    pub(super) async fn count_guess(&self, tx: &mut Tx, from: IpAddr, login: &Contact) -> Result<Guess> {
        let (of_address, of_contact) = (self.pace_of_address(), self.pace_of_contact());
        let contact_key = self.0.key.hash(&[login.as_str()]);
        let address_key = self.0.key.hash(&[&holder(from).to_string()]);
        // Every guess counts in this order, so that two guesses never deadlock.
        let address = throttle::count(tx, of_address, &address_key).await?;
        let contact = throttle::count(tx, of_contact, &contact_key).await?;
        let account = store::account(tx, login).await?;
        Ok(Guess {
            address: (of_address, address_key, address),
            contact: (of_contact, contact_key, contact),
            account: account.map(|account| (account.user, account.password_hash)),
        })
    }

    /// Takes a guess back whose password was not checked.
    pub(super) async fn take_back_guess(&self, tx: &mut Tx, guess: &Guess) -> Result<()> {
        let Guess { address: (pace, key, counted), .. } = guess;
        throttle::take_back(tx, *pace, key, *counted).await?;
        let Guess { contact: (pace, key, counted), .. } = guess;
        throttle::take_back(tx, *pace, key, *counted).await
    }

    /// Ends a guess that was right: it is taken back for the address, and all guesses at the contact are forgotten.
    /// Gives the account's owner and the password's hash.
    pub(super) async fn forgive_guess(&self, tx: &mut Tx, guess: Guess) -> Result<(Person, String)> {
        let (pace, key, counted) = guess.address;
        throttle::take_back(tx, pace, &key, counted).await?;
        let (pace, key, _) = guess.contact;
        throttle::forgive(tx, pace, &key).await?;
        guess.account.ok_or_else(|| Error::new(ErrorCode::InvalidCredentials))
    }

    /// The pace of failed sign-ins for one phone number or e-mail address.
    pub(super) fn pace_of_contact(&self) -> Pace {
        let settings = &self.0.settings;
        Pace {
            kind: "sign_in_contact",
            free: settings.failures_account,
            first_seconds: settings.lock_seconds,
            max_seconds: settings.lock_max_seconds,
            forget_seconds: DAY_SECONDS,
        }
    }

    /// The pace of failed sign-ins from one network address. Many people may share it, each with a mistake now and
    /// then, so failures are forgotten after twice the longest lock without any.
    fn pace_of_address(&self) -> Pace {
        let settings = &self.0.settings;
        Pace {
            kind: "sign_in_address",
            free: settings.failures_address,
            forget_seconds: settings.lock_max_seconds.saturating_mul(2).min(DAY_SECONDS),
            ..self.pace_of_contact()
        }
    }
}
