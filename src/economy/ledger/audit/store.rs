//! The audit's SQL: pages by key, in one snapshot.

use chrono::{DateTime, Utc};
use parlor_protocol::Op;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::economy::ledger::chain::{GiftPart, Leg, Transfer};

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) struct AccountRow {
    pub id: i64,
    pub currency: i16,
    pub may_overdraw: bool,
}

/// Accounts above an id.
pub(super) async fn accounts(connection: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        "select id, currency, may_overdraw from accounts where id > $1 order by id limit $2",
        after,
        limit
    )
    .fetch_all(connection)
    .await
}

/// The system's accounts by name.
pub(super) async fn system_accounts(connection: &mut PgConnection) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!("select name, account_id from system_accounts").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.name, row.account_id)).collect())
}

pub(super) struct BalanceRow {
    pub id: i64,
    pub amount: i64,
    pub xp: i64,
    pub last_transfer: i64,
    pub may_overdraw: bool,
}

/// Balances above an account's id.
pub(super) async fn balances(connection: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<BalanceRow>> {
    sqlx::query_as!(
        BalanceRow,
        "select account_id as id, amount, xp, last_transfer, may_overdraw
           from balances
          where account_id > $1
          order by account_id
          limit $2",
        after,
        limit
    )
    .fetch_all(connection)
    .await
}

pub(super) struct RoomRow {
    pub room: i64,
    pub gift_no: i64,
    pub coins: i64,
}

/// Totals of rooms above an id.
pub(super) async fn rooms(connection: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<RoomRow>> {
    sqlx::query_as!(
        RoomRow,
        "select room_id as room, gift_no, coins from room_totals where room_id > $1 order by room_id limit $2",
        after,
        limit
    )
    .fetch_all(connection)
    .await
}

/// Rows of the journal above an id, each with what is wrong with its form.
pub(super) async fn transfers(
    connection: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<(Transfer, Option<String>)>> {
    let rows = sqlx::query_as!(
        JournalRow,
        r#"select id, kind, op, actor, body_hash, at, accounts as "accounts: Vec<Option<i64>>",
                  currencies as "currencies: Vec<Option<i16>>", amounts as "amounts: Vec<Option<i64>>",
                  previous as "previous: Vec<Option<i64>>", actor_balance, room_id, gift_no, gift_id, gift_count,
                  gift_price, receivers as "receivers: Vec<Option<i64>>", xp_bp, room_coins, reverses
             from journal
            where id > $1
            order by id
            limit $2"#,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(JournalRow::read).collect())
}

struct JournalRow {
    id: i64,
    kind: i16,
    op: Uuid,
    actor: i64,
    body_hash: Vec<u8>,
    at: DateTime<Utc>,
    accounts: Vec<Option<i64>>,
    currencies: Vec<Option<i16>>,
    amounts: Vec<Option<i64>>,
    previous: Vec<Option<i64>>,
    actor_balance: i64,
    room_id: Option<i64>,
    gift_no: Option<i64>,
    gift_id: Option<i64>,
    gift_count: Option<i64>,
    gift_price: Option<i64>,
    receivers: Option<Vec<Option<i64>>>,
    xp_bp: Option<i32>,
    room_coins: Option<i64>,
    reverses: Option<i64>,
}

impl JournalRow {
    /// A row whose checks were switched off may hold anything: it is read as far as it goes.
    fn read(self) -> (Transfer, Option<String>) {
        let legs = self.accounts.len();
        let mut flaw = None;
        if [self.currencies.len(), self.amounts.len(), self.previous.len()] != [legs; 3] {
            flaw = Some("its legs are of unequal length".to_owned());
        }
        let sides = self.accounts.into_iter().zip(self.currencies).zip(self.amounts.into_iter().zip(self.previous));
        let legs_read = sides.filter_map(|((account, currency), (amount, previous))| {
            Some(Leg { account: account?, currency: currency?, amount: amount?, previous: previous? })
        });
        let read: Vec<Leg> = legs_read.collect();
        if read.len() != legs && flaw.is_none() {
            flaw = Some("a leg is not whole".to_owned());
        }
        let part = || {
            Some(GiftPart {
                room: self.room_id?,
                gift_no: self.gift_no?,
                gift: self.gift_id?,
                count: self.gift_count?,
                price: self.gift_price?,
                receivers: self.receivers?.into_iter().flatten().collect(),
                xp_bp: self.xp_bp?,
                room_coins: self.room_coins?,
            })
        };
        let claims_gift = self.room_id.is_some() || self.gift_id.is_some() || self.kind == 1;
        let gift = part();
        if gift.is_some() != claims_gift {
            flaw = Some("is a gift by half".to_owned());
        }
        let body_hash = self.body_hash.try_into().unwrap_or_default();
        let transfer = Transfer {
            id: self.id,
            kind: self.kind,
            op: Op(self.op),
            actor: self.actor,
            body_hash,
            at_us: self.at.timestamp_micros(),
            legs: read,
            actor_balance: self.actor_balance,
            gift,
            reverses: self.reverses,
        };
        (transfer, flaw)
    }
}

pub(super) struct LinkRow {
    pub writer: i64,
    pub batch_no: i64,
    pub first_transfer: i64,
    pub last_transfer: i64,
    pub transfers: i32,
    pub previous: Vec<u8>,
    pub hash: Vec<u8>,
}

/// Links whose first transfer is above `after` and at most `until`.
pub(super) async fn links(connection: &mut PgConnection, after: i64, until: i64) -> Result<Vec<LinkRow>> {
    sqlx::query_as!(
        LinkRow,
        "select writer, batch_no, first_transfer, last_transfer, transfers, previous, hash
           from chain_links
          where first_transfer > $1 and first_transfer <= $2
          order by first_transfer",
        after,
        until
    )
    .fetch_all(connection)
    .await
}

/// Operations that were done and refused.
pub(super) async fn operations_twice(connection: &mut PgConnection) -> Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query!(
        r#"select r.op as "op!", r.actor as "actor!"
             from refusals r
             join journal j on j.op = r.op and j.actor = r.actor
            order by r.op
            limit 1000"#
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.op, row.actor)).collect())
}

/// Wallets whose accounts are not as they should be.
pub(super) async fn broken_wallets(connection: &mut PgConnection) -> Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        r#"select w.user_id as "user_id!", coalesce(c.currency, 0) as "coin!", coalesce(d.currency, 0) as "diamond!",
                  (cb.account_id is not null and db.account_id is not null) as "balances!"
             from wallets w
             left join accounts c on c.id = w.coin_account
             left join accounts d on d.id = w.diamond_account
             left join balances cb on cb.account_id = w.coin_account
             left join balances db on db.account_id = w.diamond_account
            where c.currency is distinct from 1 or d.currency is distinct from 2
               or cb.account_id is null or db.account_id is null
            order by w.user_id
            limit 1000"#
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let balances = if row.balances { "" } else { ", without a balance row" };
            (row.user_id, format!("accounts of currencies {} and {}{balances}", row.coin, row.diamond))
        })
        .collect())
}

/// How many refusals are stored.
pub(super) async fn refusals(connection: &mut PgConnection) -> Result<u64> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from refusals"#).fetch_one(connection).await?;
    Ok(count.unsigned_abs())
}
