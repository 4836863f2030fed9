//! `parlor admin …`: creates the first admin, and grants and revokes roles without one.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use parlor_protocol::{ErrorCode, UserId};
use sqlx::Connection;
use sqlx::postgres::PgPoolOptions;

use super::{Addresses, chance, clock, for_work, say};
use crate::audit::Actor;
use crate::dev::Purpose;
use crate::economy::ledger;
use crate::identity::{Contact, NewAccount, operator, role};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::fields::line;
use crate::kit::tx::Tx;
use crate::start::StartError;

/// The most bytes that are read of a line with a password. Whether the password is acceptable is decided later.
const LINE_BYTES: u64 = 4_096;

/// The admin to be created, as typed. One of `email` and `phone` is needed to sign in.
#[derive(Debug)]
pub struct NewAdmin {
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone number, with `+` and the country's code.
    pub phone: Option<String>,
    /// The display name, at most 40 characters.
    pub name: String,
}

/// `parlor admin create`: creates an account with every permission. The password is read from standard input; if that
/// is empty, a password is made, and printed this once.
pub async fn create_admin(data: Option<PathBuf>, admin: NewAdmin) -> Result<(), StartError> {
    let contact = |text: Option<String>, parse: fn(&str) -> Result<Contact, &'static str>| {
        let wrong = |why| StartError::new(format!("that is not {why}"));
        text.map(|text| parse(&text).map_err(wrong)).transpose()
    };
    let (email, phone) = (contact(admin.email, Contact::email)?, contact(admin.phone, Contact::phone)?);
    let name = line(&admin.name, 40).map_err(|why| StartError::new(format!("--name: {why}")))?;
    let read = read_password().map_err(|error| StartError::new("the password cannot be read").because(error))?;
    let (password, made) =
        read.map_or_else(|| (operator::made_password(&chance()), true), |password| (password, false));
    let account = NewAccount { phone, email, password: password.clone(), name, device: String::new(), code: None };
    let user = work(data, "parlor admin create", async |edge| {
        let hash = operator::hashed(&account, edge.chance()).await?;
        let mut tx = edge.begin().await?;
        let user = operator::create_admin(&mut tx, &account, &hash, edge.chance()).await?;
        ledger::create_wallet(&mut tx, user).await?;
        tx.commit().await?;
        Ok(user)
    })
    .await?;
    say(&format!("user {user} is an admin"));
    if made {
        say(&format!("password: {password}"));
    }
    Ok(())
}

/// `parlor admin grant`: gives a role to the user of this id, e-mail address, phone number or signature.
pub async fn grant(data: Option<PathBuf>, user: &str, role: &str) -> Result<(), StartError> {
    let user = change(data, "parlor admin grant", user, async |tx, user| {
        role::grant(tx, &Actor::operator(), user, role).await
    });
    say(&format!("user {} has the role {role}", user.await?));
    Ok(())
}

/// `parlor admin revoke`: takes a role from the user of this id, e-mail address, phone number or signature.
pub async fn revoke(data: Option<PathBuf>, user: &str, role: &str) -> Result<(), StartError> {
    let user = change(data, "parlor admin revoke", user, async |tx, user| {
        role::take(tx, &Actor::operator(), user, role).await
    });
    say(&format!("user {} does not have the role {role}", user.await?));
    Ok(())
}

/// Finds the user and changes them, in one transaction. Returns the user's id.
async fn change(
    data: Option<PathBuf>,
    who: &str,
    user: &str,
    change: impl AsyncFnOnce(&mut Tx, UserId) -> Result<()>,
) -> Result<UserId, StartError> {
    work(data, who, async |edge| {
        let mut tx = edge.begin().await?;
        let user = operator::find(&mut tx, user).await?;
        change(&mut tx, user).await?;
        tx.commit().await?;
        Ok(user)
    })
    .await
}

/// Does the work on the database as `parlor_app`. If it is refused, the error says why in a sentence.
async fn work<T>(
    data: Option<PathBuf>,
    who: &str,
    work: impl AsyncFnOnce(&Edge) -> Result<T>,
) -> Result<T, StartError> {
    let settings = for_work()?;
    let addresses = Addresses::find(&settings, data, Purpose::Existing, who).await?;
    let done = async {
        let conn = addresses.migrated().await?;
        // This connection only checked the schema; the edge's pool opens its own.
        let _ = conn.close().await;
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(addresses.app()?.clone());
        let edge = Edge::new(pool.clone(), clock(), chance());
        let done = work(&edge).await.map_err(sentence);
        pool.close().await;
        done
    }
    .await;
    addresses.close().await;
    done
}

fn sentence(error: Error) -> StartError {
    let what = match error.code() {
        ErrorCode::UserNotFound => {
            "there is no such user: name an id, an e-mail address, a phone number with +, or a signature"
        }
        ErrorCode::NotFound => "there is no such role: the table `roles` lists the roles that exist",
        ErrorCode::AccountExists => {
            "an account with this address or number exists already: `parlor admin grant ADDRESS admin` makes it an admin"
        }
        ErrorCode::BadRequest | ErrorCode::Forbidden => {
            let fields = error.body.fields.iter().map(|field| format!("{}: {}", field.field, field.message));
            let words = fields.reduce(|all, field| format!("{all}; {field}"));
            return StartError::new(words.unwrap_or(error.body.message));
        }
        _ => "the database did not make the change: see that PostgreSQL runs, then try again",
    };
    // A refusal is wholly said by its sentence; a fault has a cause.
    let sentence = StartError::new(what);
    if error.source.is_some() { sentence.because(error) } else { sentence }
}

/// The first line of standard input; `None` if it is empty. At a terminal the password is asked for, and is not shown
/// while it is typed.
fn read_password() -> std::io::Result<Option<String>> {
    let stdin = std::io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        eprint!("password (leave empty to have one made): ");
        std::io::stderr().flush()?;
        let _silent = Silent::start()?;
        stdin.lock().take(LINE_BYTES).read_line(&mut line)?;
        eprintln!();
    } else {
        stdin.lock().take(LINE_BYTES).read_line(&mut line)?;
    }
    let line = line.trim_end_matches(['\r', '\n']);
    Ok((!line.is_empty()).then(|| line.to_owned()))
}

/// Turns the terminal's echo off while it lives. It holds the terminal's former state.
struct Silent(Termios);

impl Silent {
    fn start() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(std::io::stdin(), SetArg::TCSAFLUSH, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // This fails only if the terminal is gone, and then there is nothing to restore.
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSAFLUSH, &self.0);
    }
}
