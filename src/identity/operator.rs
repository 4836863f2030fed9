//! What the operator does at the command line: the first admin, and whoever else has to be helped there.
//! No limits hold here: who may type these commands reaches the database anyway.

use parlor_protocol::{ErrorCode, UserId};
use sqlx::PgConnection;

use super::dossier::{self, Search};
use super::password::{self, Passwords};
use super::{Contact, NewAccount, role, service};
use crate::audit::{self, Act, Actor};
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;
use crate::kit::list::Window;
use crate::kit::supervise::Crew;
use crate::kit::tx::Tx;

/// Characters of a password that is made here: 120 bits.
const MADE_CHARS: usize = 24;
/// Lower case letters and digits that nobody takes for one another.
const MADE_OF: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password for somebody who names none. Printed once, and kept nowhere but as its hash.
pub fn made_password(chance: &Chance) -> String {
    let random: [u8; MADE_CHARS] = chance.bytes();
    random.iter().map(|byte| char::from(MADE_OF[usize::from(byte % 32)])).collect()
}

/// The hash of the password of a new admin's account. Before the transaction that makes it: it takes a while.
///
/// # Errors
/// `bad_request` for a weak password.
pub async fn hashed(account: &NewAccount, chance: &Chance) -> Result<String> {
    let contacts: Vec<&str> = account.phone.iter().chain(&account.email).map(Contact::as_str).collect();
    if let Some(why) = password::weakness(&account.password, &contacts) {
        return Err(bad_field("password", why));
    }
    Passwords::new(1, 1, &Crew::default()).hash(account.password.clone(), chance.bytes()).await
}

/// Makes an account that is an admin, without a session. What else an account begins with belongs into the
/// same transaction.
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

/// The user of this id, e-mail address or phone number.
///
/// # Errors
/// `bad_request` where it is none of these, `user_not_found`; a fault or an outage of the store.
pub async fn find(conn: &mut PgConnection, words: &str) -> Result<UserId> {
    let found = dossier::list(conn, &Search::parse(Some(words), None)?, &Window::parse(Some(1), None, None)?).await?;
    let user = found.items.first().filter(|_| !words.trim().is_empty());
    user.map(|user| user.id).ok_or_else(|| Error::new(ErrorCode::UserNotFound))
}

#[cfg(test)]
mod tests {
    use super::{Chance, made_password, password};

    #[test]
    fn a_made_password_will_do_and_no_two_are_alike() {
        let chance = Chance::seeded(1);
        let (one, other) = (made_password(&chance), made_password(&chance));
        assert_ne!(one, other);
        assert_eq!((one.len(), password::weakness(&one, &[])), (24, None));
    }
}
