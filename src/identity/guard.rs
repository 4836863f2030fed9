//! Sign-in against guessing: what is counted before a password is looked at, and what is forgiven after.

use std::net::IpAddr;

use parlor_protocol::ErrorCode;
use parlor_protocol::room::Person;

use super::code;
use super::throttle::{self, DAY_SECONDS, Pace};
use super::{Contact, Identity, store};
use crate::kit::error::{Error, Result};
use crate::kit::limit::holder;

impl Identity {
    /// Whose password this is, and its hash. An unknown account and a wrong password have one answer, in
    /// the same time; while it is locked, so has the right password.
    pub(super) async fn checked(&self, from: IpAddr, login: &Contact, password: String) -> Result<(Person, String)> {
        let (contact, address) = (self.pace_of_contact(), self.pace_of_address());
        let contact_key = self.0.key.hash(&[login.as_str()]);
        let address_key = self.0.key.hash(&[&holder(from).to_string()]);
        let mut conn = self.0.pool.acquire().await?;
        let of_address = throttle::count(&mut conn, address, &address_key).await?;
        let of_contact = match throttle::count(&mut conn, contact, &contact_key).await {
            Ok(counted) => counted,
            Err(error) => {
                // Not a guess: nobody looked at the password.
                throttle::take_back(&mut conn, address, &address_key, of_address).await?;
                return Err(error);
            }
        };
        let account = store::account(&mut conn, login).await?;
        // A password takes a while: no connection is kept for it.
        drop(conn);
        let (user, hash) = account.map(|account| (account.user, account.password_hash)).unzip();
        let verdict = self.0.passwords.verify(password.clone(), hash.clone()).await;
        let mut conn = self.0.pool.acquire().await?;
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(error) => {
                throttle::take_back(&mut conn, address, &address_key, of_address).await?;
                throttle::take_back(&mut conn, contact, &contact_key, of_contact).await?;
                return Err(error);
            }
        };
        let (Some(user), Some(hash), true) = (user, hash, verdict.right) else {
            tracing::info!("a sign-in was refused: unknown account or wrong password");
            return Err(Error::new(ErrorCode::InvalidCredentials));
        };
        throttle::take_back(&mut conn, address, &address_key, of_address).await?;
        throttle::forgive(&mut conn, contact, &contact_key).await?;
        drop(conn);
        if verdict.is_stale {
            return Ok((user.clone(), self.hashed_anew(user, password, hash).await?));
        }
        Ok((user, hash))
    }

    /// Hashes a password that was right with the parameters of today; where that is not possible now, the
    /// next sign-in does it.
    async fn hashed_anew(&self, user: Person, password: String, hash: String) -> Result<String> {
        let Ok(new) = self.0.passwords.hash(password).await else { return Ok(hash) };
        let mut conn = self.0.pool.acquire().await?;
        let changed = code::store::set_password(&mut conn, user.id, &new, Some(&hash)).await?;
        Ok(if changed { new } else { hash })
    }

    /// Of failed sign-ins under one phone number or e-mail address.
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

    /// Of failed sign-ins from one address. Many may be behind it, each with a slip now and then: it is
    /// forgotten when the longest lock is over and as much time again has passed without any.
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
