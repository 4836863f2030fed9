//! SQL of accounts and their history.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Opens the two accounts of each of these users with their balance rows, in one statement.
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

/// Opens one account with its balance row.
pub(super) async fn insert_account(connection: &mut PgConnection, currency: i16) -> Result<i64> {
    sqlx::query_scalar!(
        "with opened as (insert into accounts (currency) values ($1) returning id)
         insert into balances (account_id) select id from opened returning account_id",
        currency
    )
    .fetch_one(connection)
    .await
}

/// Starts a room's totals.
pub(super) async fn insert_room_totals(connection: &mut PgConnection, room: i64) -> Result<()> {
    sqlx::query!("insert into room_totals (room_id) values ($1)", room).execute(connection).await?;
    Ok(())
}

pub(super) struct BalanceRow {
    pub user: i64,
    pub currency: i16,
    pub amount: i64,
    pub xp: i64,
    pub last_transfer: i64,
}

/// These users' balances, of each by currency.
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

/// A user's account of a currency and its last transfer.
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

pub(super) struct EntryRow {
    pub id: i64,
    pub kind: i16,
    pub at: DateTime<Utc>,
    pub amount: i64,
    pub previous: i64,
    pub room: Option<i64>,
    pub gift_no: Option<i64>,
    pub gift: Option<i64>,
    pub count: Option<i64>,
    pub from_user: Option<i64>,
    pub to_users: Vec<i64>,
}

/// At most `limit` transfers of an account, backwards along its list from `start`.
pub(super) async fn walk(connection: &mut PgConnection, account: i64, start: i64, limit: i64) -> Result<Vec<EntryRow>> {
    sqlx::query_as!(
        EntryRow,
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
           select j.id as "id!", j.kind as "kind!", j.at as "at!", w.amount as "amount!", w.previous as "previous!", j.room_id as room, j.gift_no,
                  j.gift_id as gift, j.gift_count as count, sender.user_id as "from_user?",
                  array(select r.user_id
                          from unnest(j.receivers) with ordinality as received (account, place)
                          join wallets r on r.diamond_account = received.account
                         order by received.place) as "to_users!"
             from walk w
             join journal j on j.id = w.id
             left join wallets sender on sender.coin_account = j.actor
            order by w.step"#,
        account,
        start,
        limit
    )
    .fetch_all(connection)
    .await
}

pub(super) struct GiftRow {
    pub id: i64,
    pub gift_no: i64,
    pub at: DateTime<Utc>,
    pub gift: i64,
    pub count: i64,
    pub total: i64,
    pub room_coins: i64,
    pub from_user: Option<i64>,
    pub from_name: Option<String>,
    pub to_users: Vec<Option<i64>>,
    pub to_names: Vec<Option<String>>,
}

/// At most `limit` gifts of a room above a number, with the people's names. Who was erased is null.
pub(super) async fn gifts_above(
    connection: &mut PgConnection,
    room: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<GiftRow>> {
    sqlx::query_as!(
        GiftRow,
        r#"select j.id as "id!", j.gift_no as "gift_no!", j.at as "at!", j.gift_id as "gift!", j.gift_count as "count!",
                  j.gift_price * j.gift_count * cardinality(j.receivers) as "total!", j.room_coins as "room_coins!",
                  sender.user_id as "from_user?", payer.name as "from_name?",
                  people.ids as "to_users!: Vec<Option<i64>>", people.names as "to_names!: Vec<Option<String>>"
             from journal j
             left join wallets sender on sender.coin_account = j.actor
             left join users payer on payer.id = sender.user_id
            cross join lateral (
                   select array_agg(w.user_id order by received.place) as ids,
                          array_agg(u.name order by received.place) as names
                     from unnest(j.receivers) with ordinality as received (account, place)
                     left join wallets w on w.diamond_account = received.account
                     left join users u on u.id = w.user_id) people
            where j.room_id = $1 and j.gift_no > $2
            order by j.gift_no
            limit $3"#,
        room,
        after,
        limit
    )
    .fetch_all(connection)
    .await
}

/// Coins spent in a room, ever; `None` for a room without totals.
pub(super) async fn room_coins(connection: &mut PgConnection, room: i64) -> Result<Option<i64>> {
    sqlx::query_scalar!("select coins from room_totals where room_id = $1", room).fetch_optional(connection).await
}
