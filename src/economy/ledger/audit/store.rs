//! The audit's SQL. Tables are read page by page, in the order of their keys.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::economy::ledger::journal::JournalRow;
use crate::economy::ledger::posting::Transfer;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) struct AccountRow {
    pub id: i64,
    pub currency: i16,
    pub may_overdraw: bool,
}

/// Those of these accounts that exist.
pub(super) async fn accounts_of(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<AccountRow>> {
    sqlx::query_as!(AccountRow, "select id, currency, may_overdraw from accounts where id = any($1)", ids)
        .fetch_all(connection)
        .await
}

/// The id of the newest account; 0 if there is none.
pub(super) async fn last_account(connection: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "last!" from accounts"#).fetch_one(connection).await
}

/// The database's time.
pub(super) async fn now(connection: &mut PgConnection) -> Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(connection).await
}

/// At most `limit` accounts above the id `after`.
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

/// The name and the account of each system account.
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

/// The balances of accounts above `after` and up to `until`.
pub(super) async fn balances(connection: &mut PgConnection, after: i64, until: i64) -> Result<Vec<BalanceRow>> {
    sqlx::query_as!(
        BalanceRow,
        "select account_id as id, amount, xp, last_transfer, may_overdraw
           from balances
          where account_id > $1 and account_id <= $2
          order by account_id",
        after,
        until
    )
    .fetch_all(connection)
    .await
}

/// At most `limit` rows of the journal above `after` and up to `until`, each with what is wrong with its form.
pub(super) async fn transfers(
    connection: &mut PgConnection,
    after: i64,
    until: i64,
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
            where id > $1 and id <= $2
            order by id
            limit $3"#,
        after,
        until,
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

/// At most `limit` links whose first transfer is above `after` and up to `until`.
pub(super) async fn links(connection: &mut PgConnection, after: i64, until: i64, limit: i64) -> Result<Vec<LinkRow>> {
    sqlx::query_as!(
        LinkRow,
        "select writer, version, batch_no, first_transfer, last_transfer, transfers, refusals, refusals_hash, at,
                previous, hash
           from chain_links
          where first_transfer > $1 and first_transfer <= $2
          order by first_transfer
          limit $3",
        after,
        until,
        limit
    )
    .fetch_all(connection)
    .await
}

/// Checks at most `limit` wallets of users above `after`. Gives the user of the last one, and the users whose wallets
/// are wrong, with a description.
pub(super) async fn broken_wallets(
    connection: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<(Option<i64>, Vec<(i64, String)>)> {
    let rows = sqlx::query!(
        r#"select w.user_id as "user_id!", coalesce(c.currency, 0) as "coin!", coalesce(d.currency, 0) as "diamond!",
                  (cb.account_id is not null and db.account_id is not null) as "balances!"
             from (select * from wallets where user_id > $1 order by user_id limit $2) w
             left join accounts c on c.id = w.coin_account
             left join accounts d on d.id = w.diamond_account
             left join balances cb on cb.account_id = w.coin_account
             left join balances db on db.account_id = w.diamond_account
            order by w.user_id"#,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    let last = rows.last().map(|row| row.user_id);
    let broken = rows.into_iter().filter(|row| (row.coin, row.diamond, row.balances) != (1, 2, true));
    let said = broken.map(|row| {
        let balances = if row.balances { "" } else { ", without a balance row" };
        (row.user_id, format!("accounts of currencies {} and {}{balances}", row.coin, row.diamond))
    });
    Ok((last, said.collect()))
}

/// Rows of the journal above `after` and up to `until` whose operation an earlier row has done, each with that row.
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

/// The end of a writer's chain.
pub(super) struct HeadRow {
    pub writer: i64,
    /// Whether the writer exists.
    pub is_there: bool,
    /// The number of the writer's last link.
    pub batch_no: i64,
    /// The highest id that this link names.
    pub reaches: i64,
}

/// The end of every chain. The query steps from one writer to the next, so its cost grows with the writers and not with
/// the links.
pub(super) async fn heads(connection: &mut PgConnection) -> Result<Vec<HeadRow>> {
    sqlx::query_as!(
        HeadRow,
        r#"with recursive chained as (
               select min(writer) as writer from chain_links
                union all
               select (select min(l.writer) from chain_links l where l.writer > c.writer)
                 from chained c
                where c.writer is not null
           )
           select c.writer as "writer!", exists (select from writers w where w.id = c.writer) as "is_there!",
                  l.batch_no as "batch_no!", greatest(l.first_transfer, l.last_transfer) as "reaches!"
             from chained c
            cross join lateral (
                  select batch_no, first_transfer, last_transfer
                    from chain_links
                   where writer = c.writer
                   order by batch_no desc
                   limit 1) l
            where c.writer is not null"#
    )
    .fetch_all(connection)
    .await
}

/// The lowest first transfer of these writers' links whose numbers are above those in `above`.
pub(super) async fn first_transfer(
    connection: &mut PgConnection,
    writers: &[i64],
    above: &[i64],
) -> Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"select min(l.first_transfer) as "first?"
             from unnest($1::bigint[], $2::bigint[]) as walked (writer, batch_no)
             join chain_links l on l.writer = walked.writer and l.batch_no > walked.batch_no"#,
        writers,
        above
    )
    .fetch_one(connection)
    .await
}
