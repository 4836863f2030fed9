//! Accounts as staff sees them: the list, and one account with all that is known of it. Staff also signs users out
//! here.

mod store;

use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::contact::AccountContact;
use super::revocation::{self, Reason, Revoked};
use super::suspension::Suspension;
use super::{Contact, profile, role, suspension};
use crate::audit::{self, Act, Actor};
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;
use crate::kit::list::{TimeKey, Window};
use crate::kit::page::Page;
use crate::kit::tx::Tx;

/// An account in the list. It contains no phone number or e-mail address; those are shown only when the account is
/// opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Listed {
    /// The user's id.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
    /// The roles that the user has been given.
    pub roles: Vec<String>,
    /// Whether the user is suspended now.
    pub suspended: bool,
    #[serde(skip)]
    created_us: i64,
}

/// A session that has not ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct SessionLine {
    /// The session's id.
    pub id: Uuid,
    /// What the client calls its device.
    pub device: String,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
}

/// All that is known of an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Dossier {
    /// The user's id.
    pub id: UserId,
    /// The display name.
    pub name: String,
    /// The phone number to sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The e-mail address to sign in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
    /// The roles that the user has been given.
    pub roles: Vec<String>,
    /// The suspension, if the user is suspended now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
    /// The sessions that have not ended, newest first, at most 100.
    pub sessions: Vec<SessionLine>,
}

/// What a list of accounts is searched by. Without any of these it contains all accounts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Search {
    id: Option<i64>,
    phone: Option<String>,
    /// The phone number as an older version stored it, if that is something else.
    phone_before: Option<String>,
    email: Option<String>,
    signature: Option<String>,
    role: Option<String>,
}

crate::list! {
    /// The query of `GET /v1/staff/users`: newest first, ordered by when an account was made (Unix microseconds) and by
    /// its id.
    pub struct AccountList: "accounts" by (TimeKey, i64) {
        /// An id, an e-mail address, a phone number with `+` or `00`, or a signature; it must match exactly.
        q: Option<String>,
        /// Only users who have been given this role.
        role: Option<String>,
    }
}

impl Search {
    /// Parses what was typed: an id, an e-mail address, a phone number or a signature, which are told apart by their
    /// form. `role` is added as it is.
    ///
    /// # Errors
    /// `bad_request` if it has none of these forms.
    pub fn parse(words: Option<&str>, role: Option<String>) -> Result<Self> {
        let mut search = Self { role, ..Self::default() };
        let Some(words) = words.map(str::trim).filter(|words| !words.is_empty()) else { return Ok(search) };
        if words.bytes().all(|b| b.is_ascii_digit()) && !words.starts_with("00") {
            search.id = Some(words.parse().map_err(|_| bad_field("q", "an id has fewer digits"))?);
            return Ok(search);
        }
        match AccountContact::parse(words) {
            Ok(AccountContact { contact: Contact::Phone(phone), before }) => {
                search.phone = Some(phone);
                search.phone_before = before.map(|before| before.as_str().to_owned());
            }
            Ok(AccountContact { contact: Contact::Email(email), .. }) => search.email = Some(email),
            Err(_) => {
                let none = "an id, an e-mail address, a phone number with `+`, or a signature";
                search.signature = Some(profile::signature(words).map_err(|_| bad_field("q", none))?);
            }
        }
        Ok(search)
    }
}

/// A page of accounts, newest first.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn list(conn: &mut PgConnection, search: &Search, window: &Window<AccountList>) -> Result<Page<Listed>> {
    let mut rows = Vec::new();
    // As at a sign-in, the spelling of an older version comes first.
    if search.phone_before.is_some() {
        let before = Search { phone: search.phone_before.clone(), ..search.clone() };
        rows = store::accounts(conn, &before, window).await?;
    }
    if rows.is_empty() {
        rows = store::accounts(conn, search, window).await?;
    }
    Ok(window.page(rows, |row| (TimeKey::of_micros(row.created_us), row.id.number())))
}

/// Reads all that is known of an account, and writes that to the audit log, because it shows the user's phone number
/// and e-mail address.
///
/// # Errors
/// `user_not_found`; a fault or an outage of the store.
pub async fn open(tx: &mut Tx, actor: &Actor, user: UserId) -> Result<Dossier> {
    let mut dossier = store::account(tx, user).await?.ok_or_else(|| Error::new(ErrorCode::UserNotFound))?;
    dossier.roles = role::of(tx, user).await?;
    dossier.suspension = suspension::of(tx, user).await?;
    dossier.sessions = store::sessions(tx, user).await?;
    audit::record(tx, actor, &Act::on_user("user.read", user)).await?;
    Ok(dossier)
}

/// Ends one session of a user, or all of them if `session` is `None`. A second call changes nothing. The user's sockets
/// are closed after the transaction has been committed.
///
/// # Errors
/// `user_not_found`, `forbidden`; `not_found` if the session is not the user's.
pub async fn sign_out(tx: &mut Tx, actor: &Actor, user: UserId, session: Option<Uuid>) -> Result<()> {
    role::lock_acts(tx, actor, super::Permission::RevokeSessions).await?;
    role::act_on(tx, actor, user).await?;
    if let Some(session) = session
        && super::session_of(tx, session, user).await?.is_none()
    {
        return Err(ErrorBody::new(ErrorCode::NotFound).message("the user has no such session").into());
    }
    let revoked = session.map_or(Revoked::User(user), |session| Revoked::Session(user, session));
    revocation::insert(tx, revoked, Reason::SignedOut).await?;
    audit::record(tx, actor, &Act::on_user("sessions.revoked", user).detail(json!({ "session": session }))).await
}

#[cfg(test)]
mod tests {
    use super::Search;

    fn parsed(words: &str) -> Option<Search> {
        Search::parse(Some(words), None).ok()
    }

    #[test]
    fn what_is_typed_is_told_apart_by_its_form() {
        let nothing = Search::default();
        assert_eq!(parsed(" 104233871 "), Some(Search { id: Some(104_233_871), ..nothing.clone() }));
        assert_eq!(parsed("Layla@Example.com").and_then(|search| search.email).as_deref(), Some("layla@example.com"));
        assert_eq!(parsed("+1 415 555 0123").and_then(|search| search.phone).as_deref(), Some("+14155550123"));
        assert_eq!(parsed("0014155550123").and_then(|search| search.phone).as_deref(), Some("+14155550123"));
        assert_eq!(parsed("Amber-Fox-42").and_then(|search| search.signature).as_deref(), Some("amber-fox-42"));
        assert_eq!((parsed(""), Search::parse(None, None).ok()), (Some(nothing.clone()), Some(nothing)));
    }

    #[test]
    fn what_has_no_such_form_is_refused() {
        for words in ["@", "99999999999999999999", "' or 1=1", "+x"] {
            assert_eq!(parsed(words), None, "{words}");
        }
    }
}
