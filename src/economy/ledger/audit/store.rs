//! The audit's SQL: pages by key, in one snapshot.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::economy::ledger::journal::JournalRow;
use crate::economy::ledger::posting::Transfer;

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

/// Rows of the journal above an id, each with what is wrong with its form.
pub(super) async fn transfers(
    connection: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<(Transfer, Option<&'static str>)>> {
    let rows = sqlx::query_as!(
        JournalRow,
        r#"select id, kind, op, actor, body_hash, at, authority, staff, accounts as "accounts: Vec<Option<i64>>",
                  currencies as "currencies: Vec<Option<i16>>", amounts as "amounts: Vec<Option<i64>>",
                  previous as "previous: Vec<Option<i64>>", actor_balance, room_id, gift_no, gift_id, gift_count,
                  gift_price, receivers as "receivers: Vec<Option<i64>>", xp_bp, room_coins, reverses,
                  detail_version, detail
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

pub(super) struct LinkRow {
    pub writer: i64,
    pub version: i16,
    pub batch_no: i64,
    pub first_transfer: i64,
    pub last_transfer: i64,
    pub transfers: i32,
    pub refusals: i32,
    pub refusals_hash: Option<Vec<u8>>,
    pub at: DateTime<Utc>,
    pub previous: Vec<u8>,
    pub hash: Vec<u8>,
}

/// Links whose first transfer is above `after` and at most `until`.
pub(super) async fn links(connection: &mut PgConnection, after: i64, until: i64) -> Result<Vec<LinkRow>> {
    sqlx::query_as!(
        LinkRow,
        "select writer, version, batch_no, first_transfer, last_transfer, transfers, refusals, refusals_hash, at,
                previous, hash
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

/// Rows of the journal above `after` and at most `until` whose operation an earlier row has done already.
pub(super) async fn operations_repeated(
    connection: &mut PgConnection,
    after: i64,
    until: i64,
) -> Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        r#"select again.id as "again!", first.id as "first!"
             from journal again
             join journal first on first.op = again.op and first.actor = again.actor and first.id < again.id
            where again.id > $1 and again.id <= $2
            order by again.id"#,
        after,
        until
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.again, row.first)).collect())
}

/// Every writer.
pub(super) async fn writers(connection: &mut PgConnection) -> Result<Vec<i64>> {
    sqlx::query_scalar!("select id from writers").fetch_all(connection).await
}
