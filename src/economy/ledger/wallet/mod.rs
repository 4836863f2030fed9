//! Accounts as their owners see them: opening, balances, entries; and a room's gifts from the table.
//!
//! Everything here reads, or opens empty accounts inside the caller's transaction. Only the writer
//! changes a balance.

mod store;

use std::collections::HashMap;

use parlor_protocol::reply::Balance;
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{Coins, Currency, ErrorCode, GiftId, RoomId, UserId};
use sqlx::PgConnection;

use super::{CommittedGifts, Kind, banner};
use crate::kit::error::{Error, Result};

/// Entries of one page at most.
pub const ENTRY_PAGE: i64 = 100;

/// Stands for a person whose mapping was erased; no user has this id.
fn erased() -> Person {
    Person { id: UserId::new(1).expect("above 0"), name: String::new() }
}

/// Opens a user's two accounts, empty. Belongs into the transaction that makes the user.
///
/// # Errors
/// A fault or an outage of the store; a second wallet of one user is a fault.
pub async fn create_wallet(connection: &mut PgConnection, user: UserId) -> Result<()> {
    create_wallets(connection, &[user]).await
}

/// The same for many users, in one statement.
///
/// # Errors
/// As [`create_wallet`].
pub async fn create_wallets(connection: &mut PgConnection, users: &[UserId]) -> Result<()> {
    let users: Vec<i64> = users.iter().map(|user| user.number()).collect();
    Ok(store::insert_wallets(connection, &users).await?)
}

/// Opens an empty account that is no user's, as an agency's. Returns its id.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn create_account(connection: &mut PgConnection, currency: Currency) -> Result<i64> {
    Ok(store::insert_account(connection, currency.number()).await?)
}

/// Starts the numbering of a room's gifts. Belongs into the transaction that makes the room.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn create_room_totals(connection: &mut PgConnection, room: RoomId) -> Result<()> {
    Ok(store::insert_room_totals(connection, room.number()).await?)
}

/// Every balance of a user, coins first.
///
/// # Errors
/// `user_not_found` without a wallet; a fault or an outage of the store.
pub async fn balances(connection: &mut PgConnection, user: UserId) -> Result<Vec<Balance>> {
    let of = balances_of(connection, &[user]).await?.remove(&user);
    of.ok_or_else(|| ErrorCode::UserNotFound.into())
}

/// The same of several users, by user; who has no wallet is absent.
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
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Entry {
    /// The transfer in the ledger.
    pub transfer: i64,
    /// What it was for.
    pub kind: Kind,
    /// Of which currency.
    pub currency: Currency,
    /// Minor units; below 0 where they left the account.
    pub amount: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// Of a gift: what, how many, where, from whom, to whom, and why it moved this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gift: Option<EntryGift>,
}

/// Why a gift moved an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GiftRole {
    /// Its owner paid for it.
    Sender,
    /// Its owner received it.
    Receiver,
    /// Its owner's room was where it was given: the owner's share.
    RoomOwner,
}

/// The gift behind an entry. People whose accounts were erased are not named.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct EntryGift {
    /// As what the account's owner is in it.
    pub role: GiftRole,
    /// What.
    pub gift: GiftId,
    /// How many each receiver got.
    pub count: i64,
    /// In which room.
    pub room: RoomId,
    /// Its number there.
    pub gift_no: i64,
    /// Who paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<UserId>,
    /// Who received.
    pub to: Vec<UserId>,
}

/// A page of an account's history, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entries {
    /// The movements.
    pub entries: Vec<Entry>,
    /// Where the next page starts; `None` at the account's beginning.
    pub next: Option<i64>,
}

/// Walks a user's account from its last transfer, or from the transfer that a page named as the next.
/// A cursor that is no transfer of this account gives an empty page.
///
/// # Errors
/// `user_not_found` without a wallet; a fault or an outage of the store.
pub async fn entries(
    connection: &mut PgConnection,
    user: UserId,
    of: Currency,
    cursor: Option<i64>,
    limit: i64,
) -> Result<Entries> {
    let head = store::head(connection, user.number(), of.number()).await?;
    let (account, last_transfer) = head.ok_or_else(|| Error::new(ErrorCode::UserNotFound))?;
    let start = cursor.unwrap_or(last_transfer);
    let rows = store::walk(connection, account, start, limit.clamp(1, ENTRY_PAGE)).await?;
    let next = rows.last().map(|row| row.previous).filter(|previous| *previous != 0);
    let entries = rows.into_iter().map(|row| entry(user, of, row)).collect::<Result<_>>()?;
    Ok(Entries { entries, next })
}

fn entry(user: UserId, currency: Currency, row: store::EntryRow) -> Result<Entry> {
    let kind =
        Kind::from_number(row.kind).ok_or_else(|| Error::internal(format!("kind {} of a transfer", row.kind)))?;
    let from = row.from_user.and_then(UserId::new);
    let gift = row.gift.and_then(|gift| {
        let role = match currency {
            Currency::Coin => GiftRole::Sender,
            Currency::Diamond if row.to_users.contains(&user.number()) => GiftRole::Receiver,
            Currency::Diamond => GiftRole::RoomOwner,
        };
        Some(EntryGift {
            role,
            gift: GiftId::new(gift)?,
            count: row.count.unwrap_or_default(),
            room: RoomId::new(row.room?)?,
            gift_no: row.gift_no.unwrap_or_default(),
            from,
            to: row.to_users.into_iter().filter_map(UserId::new).collect(),
        })
    });
    Ok(Entry { transfer: row.id, kind, currency, amount: row.amount, at: row.at.timestamp_millis(), gift })
}

/// At most `limit` committed gifts of a room above `after`, oldest first, with people's present names.
/// Where there are none, the coins are those of the room now.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn gifts_above(
    connection: &mut PgConnection,
    room: RoomId,
    after: i64,
    limit: usize,
) -> Result<CommittedGifts> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = store::gifts_above(connection, room.number(), after, limit).await?;
    let coins = match rows.last() {
        Some(row) => row.room_coins,
        None => store::room_coins(connection, room.number()).await?.unwrap_or_default(),
    };
    let gifts = rows.into_iter().map(gift_line).collect::<Result<_>>()?;
    Ok(CommittedGifts { gifts, coins: Coins(coins) })
}

fn gift_line(row: store::GiftRow) -> Result<GiftLine> {
    let person = |id: Option<i64>, name: Option<String>| match id.and_then(UserId::new) {
        Some(id) => Person { id, name: name.unwrap_or_default() },
        None => erased(),
    };
    let gift = GiftId::new(row.gift).ok_or_else(|| Error::internal(format!("gift id {} in the journal", row.gift)))?;
    let total = Coins(row.total);
    Ok(GiftLine {
        gift_no: row.gift_no,
        receipt: row.id,
        at: row.at.timestamp_millis(),
        from: person(row.from_user, row.from_name),
        to: row.to_users.into_iter().zip(row.to_names).map(|(id, name)| person(id, name)).collect(),
        gift,
        count: row.count,
        total,
        banner: banner(total),
    })
}

fn currency(number: i16) -> Result<Currency> {
    Currency::from_number(number).ok_or_else(|| Error::internal(format!("currency {number} of an account")))
}
