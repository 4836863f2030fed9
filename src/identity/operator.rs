//! The operator's commands for accounts: making the first admin, and helping other users. No rate limits apply, because
//! whoever can run these commands can reach the database anyway.

use parlor_protocol::{ErrorCode, UserId};
use sqlx::PgConnection;

use super::dossier::{self, Search};
use super::hashing::Asker;
use super::password::{self, Passwords};
use super::{Contact, NewAccount, role, service, store};
use crate::audit::{self, Act, Actor};
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;
use crate::kit::list::Window;
use crate::kit::supervise::Crew;
use crate::kit::tx::Tx;

/// The characters of a generated password: 24 characters of 5 bits each are 120 bits.
const MADE_CHARS: usize = 24;
/// Lower-case letters and digits that cannot be mistaken for one another.
const MADE_OF: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A random password for an account for which the operator gives none. It is printed once, and only its hash is stored.
pub fn made_password(chance: &Chance) -> String {
    let random: [u8; MADE_CHARS] = chance.bytes();
    random.iter().map(|byte| char::from(MADE_OF[usize::from(byte % 32)])).collect()
}

/// The hash of the password of a new account. Computing it takes a while, so it is done before the transaction.
///
/// # Errors
/// `bad_request` for a weak password.
pub async fn hashed(account: &NewAccount, chance: &Chance) -> Result<String> {
    let contacts: Vec<&str> = account.phone.iter().chain(&account.email).map(Contact::as_str).collect();
    if let Some(why) = password::weakness(&account.password, &contacts) {
        return Err(bad_field("password", why));
    }
    Passwords::new(1, 1, &Crew::default()).hash(Asker::Operator, account.password.clone(), chance.bytes()).await
}

/// Makes an admin's account, without a session. The caller opens the account's wallet in the same transaction.
///
/// # Errors
/// `account_exists`; a fault or an outage of the store.
pub async fn create_admin(tx: &mut Tx, account: &NewAccount, password_hash: &str, chance: &Chance) -> Result<UserId> {
    let user = service::insert_account(tx, account, password_hash, chance).await?;
    let operator = Actor::operator();
    audit::record(tx, &operator, &Act::on_user("account.created", user)).await?;
    role::grant(tx, &operator, user, role::ADMIN).await?;
    Ok(user)
}

/// Whether anybody has an account.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn has_users(conn: &mut PgConnection) -> Result<bool> {
    Ok(store::has_users(conn).await?)
}

/// The user with this id, e-mail address, phone number or signature.
///
/// # Errors
/// `bad_request` if it has none of these forms, `user_not_found`; a fault or an outage of the store.
pub async fn find(conn: &mut PgConnection, words: &str) -> Result<UserId> {
    let found = dossier::list(conn, &Search::parse(Some(words), None)?, &Window::parse(Some(1), None, None)?).await?;
    let user = found.items.first().filter(|_| !words.trim().is_empty());
    user.map(|user| user.id).ok_or_else(|| Error::new(ErrorCode::UserNotFound))
}

#[cfg(test)]
mod tests {
    use super::{Chance, made_password, password};

    #[test]
    fn a_generated_password_is_strong_enough_and_no_two_are_alike() {
        let chance = Chance::seeded(1);
        let (one, other) = (made_password(&chance), made_password(&chance));
        assert_ne!(one, other);
        assert_eq!((one.len(), password::weakness(&one, &[])), (24, None));
    }
}
