//! SQL of wallets: opening accounts, and reading balances and entries.

use sqlx::PgConnection;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Inserts the two accounts of each of these users, with their balances, in one statement.
pub(super) async fn insert_wallets(connection: &mut PgConnection, users: &[i64]) -> Result<()> {
    let done = sqlx::query!(
        "with owners as (select user_id, place from unnest($1::bigint[]) with ordinality as owner (user_id, place)),
              coin as (insert into accounts (currency) select 1 from owners returning id),
              diamond as (insert into accounts (currency) select 2 from owners returning id),
              opened as (insert into balances (account_id) select id from coin union all select id from diamond)
         insert into wallets (user_id, coin_account, diamond_account)
         select user_id, coin.id, diamond.id
           from owners
           join (select id, row_number() over (order by id) as place from coin) coin using (place)
           join (select id, row_number() over (order by id) as place from diamond) diamond using (place)",
        users
    )
    .execute(connection)
    .await?;
    if done.rows_affected() == users.len() as u64 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Inserts one account with its balance; returns its id.
pub(super) async fn insert_account(connection: &mut PgConnection, currency: i16) -> Result<i64> {
    sqlx::query_scalar!(
        "with opened as (insert into accounts (currency) values ($1) returning id)
         insert into balances (account_id) select id from opened returning account_id",
        currency
    )
    .fetch_one(connection)
    .await
}

pub(super) struct BalanceRow {
    pub user: i64,
    pub currency: i16,
    pub amount: i64,
    pub xp: i64,
    pub last_transfer: i64,
}

/// The balances of these users, by user and then by currency.
pub(super) async fn balances(connection: &mut PgConnection, users: &[i64]) -> Result<Vec<BalanceRow>> {
    sqlx::query_as!(
        BalanceRow,
        r#"select w.user_id as "user!", a.currency as "currency!", b.amount as "amount!", b.xp as "xp!",
                  b.last_transfer as "last_transfer!"
           from wallets w
           join balances b on b.account_id in (w.coin_account, w.diamond_account)
           join accounts a on a.id = b.account_id
          where w.user_id = any($1)
          order by w.user_id, a.currency"#,
        users
    )
    .fetch_all(connection)
    .await
}

/// A user's account of this currency, and its last transfer.
pub(super) async fn head(connection: &mut PgConnection, user: i64, currency: i16) -> Result<Option<(i64, i64)>> {
    let row = sqlx::query!(
        r#"select b.account_id as "account_id!", b.last_transfer as "last_transfer!"
           from wallets w
           join balances b on b.account_id = case when $2::smallint = 1 then w.coin_account else w.diamond_account end
          where w.user_id = $1"#,
        user,
        currency
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.account_id, row.last_transfer)))
}

/// One transfer of an account, with the account's transfer before it.
pub(super) struct Step {
    pub id: i64,
    pub amount: i64,
    pub previous: i64,
}

/// At most `limit` transfers of an account, backwards from the transfer `start`, each found by the one after it.
pub(super) async fn walk(connection: &mut PgConnection, account: i64, start: i64, limit: i64) -> Result<Vec<Step>> {
    sqlx::query_as!(
        Step,
        r#"with recursive walk as (
               select j.id, leg.amount, leg.previous, 1::bigint as step
                 from journal j
                cross join lateral unnest(j.accounts, j.amounts, j.previous) as leg (account, amount, previous)
                where j.id = $2 and leg.account = $1
               union all
               select j.id, leg.amount, leg.previous, w.step + 1
                 from walk w
                 join journal j on j.id = w.previous
                cross join lateral unnest(j.accounts, j.amounts, j.previous) as leg (account, amount, previous)
                where w.step < $3 and leg.account = $1
           )
           select id as "id!", amount as "amount!", previous as "previous!" from walk order by step"#,
        account,
        start,
        limit
    )
    .fetch_all(connection)
    .await
}
