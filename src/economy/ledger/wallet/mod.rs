//! Wallets: accounts are opened here, and their owners' balances and entries are read.
//!
//! Accounts are opened empty, in the caller's transaction. Only the ledger's writer changes a balance.

mod store;

use std::collections::HashMap;

use parlor_protocol::reply::Balance;
use parlor_protocol::{Currency, ErrorCode, UserId};
use sqlx::PgConnection;

use super::journal;
use super::posting::{AnyKind, Kinds, People, Posted, Transfer, Viewer};
use crate::kit::error::{Error, Result};

/// The most entries of one page.
pub const ENTRY_PAGE: i64 = 100;

/// Opens the two empty accounts of a new user, in the transaction that makes the user.
///
/// # Errors
/// A fault or an outage of the store; a second wallet of one user is a fault.
pub async fn create_wallet(connection: &mut PgConnection, user: UserId) -> Result<()> {
    create_wallets(connection, &[user]).await
}

/// Opens the accounts of many new users, in one statement.
///
/// # Errors
/// As [`create_wallet`].
pub async fn create_wallets(connection: &mut PgConnection, users: &[UserId]) -> Result<()> {
    let users: Vec<i64> = users.iter().map(|user| user.number()).collect();
    Ok(store::insert_wallets(connection, &users).await?)
}

/// Opens an empty account that no user owns, as that of an agency. Returns its id.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn create_account(connection: &mut PgConnection, currency: Currency) -> Result<i64> {
    Ok(store::insert_account(connection, currency.number()).await?)
}

/// The balances of a user, coins first.
///
/// # Errors
/// `user_not_found` without a wallet; a fault or an outage of the store.
pub async fn balances(connection: &mut PgConnection, user: UserId) -> Result<Vec<Balance>> {
    let of = balances_of(connection, &[user]).await?.remove(&user);
    of.ok_or_else(|| ErrorCode::UserNotFound.into())
}

/// The balances of several users, by user. Users without a wallet are left out.
pub async fn balances_of(connection: &mut PgConnection, users: &[UserId]) -> Result<HashMap<UserId, Vec<Balance>>> {
    let numbers: Vec<i64> = users.iter().map(|user| user.number()).collect();
    let mut of: HashMap<UserId, Vec<Balance>> = HashMap::with_capacity(users.len());
    for row in store::balances(connection, &numbers).await? {
        let currency = currency(row.currency)?;
        let (amount, xp, version, exponent) = (row.amount, row.xp, row.last_transfer, currency.exponent());
        let user = UserId::new(row.user).ok_or_else(|| Error::internal("a wallet's user is out of range"))?;
        of.entry(user).or_default().push(Balance { currency, amount, xp, version, exponent });
    }
    Ok(of)
}

/// One movement of an account, with its cause.
#[derive(Clone, PartialEq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Entry {
    /// The transfer in the ledger.
    pub transfer: i64,
    /// The kind of posting: `gift`, `grant`, `issuance`, … New kinds may be added.
    pub kind: &'static str,
    /// The account's currency.
    pub currency: Currency,
    /// The change of the balance in minor units; below 0 if they left the account.
    pub amount: i64,
    /// The time of the transfer, in Unix milliseconds.
    pub at: i64,
    /// The cause, in a field that is named after the kind, as `gift`: what was moved, how much, where, from whom, to
    /// whom, and why it moved this account.
    #[serde(flatten)]
    pub cause: std::collections::BTreeMap<&'static str, serde_json::Value>,
}

/// A page of an account's entries, newest first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Entries {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The transfer with which the next page begins; `None` if this page reaches the account's first transfer.
    pub next: Option<i64>,
}

/// A page of entries of a user's account, from its last transfer, or from the transfer `cursor` that a page named as
/// its next. If `cursor` is not a transfer of this account, the page is empty.
///
/// # Errors
/// `user_not_found` without a wallet; a fault or an outage of the store.
pub async fn entries(
    connection: &mut PgConnection,
    kinds: &Kinds,
    user: UserId,
    of: Currency,
    cursor: Option<i64>,
    limit: i64,
) -> Result<Entries> {
    let head = store::head(connection, user.number(), of.number()).await?;
    let (account, last_transfer) = head.ok_or_else(|| Error::new(ErrorCode::UserNotFound))?;
    let start = cursor.unwrap_or(last_transfer);
    let steps = store::walk(connection, account, start, limit.clamp(1, ENTRY_PAGE)).await?;
    let next = steps.last().map(|step| step.previous).filter(|previous| *previous != 0);
    let ids: Vec<i64> = steps.iter().map(|step| step.id).collect();
    let rows = journal::rows(connection, &ids).await?;
    let rows: HashMap<i64, Transfer> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut people = People::default();
    journal::name(connection, rows.values(), &mut people).await?;
    let viewer = Viewer { user, account };
    let entry = |step: store::Step| {
        let row = rows.get(&step.id)?;
        let kind = kinds.of(row.kind);
        let cause = kind.and_then(|kind| kind.entry(Posted { row, people: &people, replayed: false }, viewer));
        Some(Entry {
            transfer: row.id,
            // A newer program may have posted a kind that this one does not know.
            kind: kind.map_or("unknown", AnyKind::name),
            currency: of,
            amount: step.amount,
            at: row.at(),
            cause: cause.into_iter().collect(),
        })
    };
    Ok(Entries { entries: steps.into_iter().filter_map(entry).collect(), next })
}

fn currency(number: i16) -> Result<Currency> {
    Currency::from_number(number).ok_or_else(|| Error::internal(format!("currency {number} of an account")))
}
