//! The writer's SQL: a handful of set-based statements a batch, whatever its size.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::{Coins, ErrorBody, GiftId, Op, RoomId, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::columns::JournalColumns;
use crate::economy::ledger::chain::Hash;
use crate::economy::ledger::judge::{Account, Answered, Price, RoomTotal, System, Wallet};
use crate::economy::ledger::order::{Receipt, TransferReceipt};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Prepares a connection for writing. Every statement is a look-up by key, so plans are fixed: no stale
/// statistics turn one into a scan, and none is planned twice. A server that has lost its client gives
/// the locks back after `timeout_ms`.
pub(super) async fn prepare(connection: &mut PgConnection, timeout_ms: u64) -> Result<()> {
    let timeout = timeout_ms.to_string();
    sqlx::query!(
        r#"select set_config('plan_cache_mode', 'force_generic_plan', false) as a,
                  set_config('enable_seqscan', 'off', false) as b,
                  set_config('enable_hashjoin', 'off', false) as c,
                  set_config('enable_mergejoin', 'off', false) as d,
                  set_config('statement_timeout', $1, false) as e,
                  set_config('idle_in_transaction_session_timeout', $1, false) as f"#,
        timeout
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// Starts a chain: a new writer.
pub(super) async fn insert_writer(connection: &mut PgConnection, node: &str) -> Result<i64> {
    sqlx::query_scalar!("insert into writers (node) values ($1) returning id", node).fetch_one(connection).await
}

/// The system's accounts.
pub(super) async fn system(connection: &mut PgConnection) -> Result<System> {
    let rows = sqlx::query!("select name, account_id from system_accounts").fetch_all(connection).await?;
    let account = |name: &str| {
        let row = rows.iter().find(|row| row.name == name);
        row.map(|row| row.account_id).ok_or_else(|| sqlx::Error::Protocol(format!("no system account {name}")))
    };
    Ok(System {
        coin_issuance: account("coin_issuance")?,
        promotion: account("promotion")?,
        gift_revenue: account("gift_revenue")?,
        diamond_issuance: account("diamond_issuance")?,
    })
}

/// The wallets of these users, with their agencies.
pub(super) async fn wallets(connection: &mut PgConnection, users: &[i64]) -> Result<HashMap<UserId, Wallet>> {
    let rows = sqlx::query!(
        r#"select w.user_id as "user_id!", w.coin_account as "coin_account!", w.diamond_account as "diamond_account!",
                  a.diamond_account as "agency_account?", a.rate_bp as "rate_bp?"
             from wallets w
             left join agency_members m on m.user_id = w.user_id
             left join agencies a on a.id = m.agency_id
            where w.user_id = any($1)"#,
        users
    )
    .fetch_all(connection)
    .await?;
    let wallet = rows.into_iter().filter_map(|row| {
        let agency = row.agency_account.zip(row.rate_bp);
        Some((UserId::new(row.user_id)?, Wallet { coin: row.coin_account, diamond: row.diamond_account, agency }))
    });
    Ok(wallet.collect())
}

/// Prices of these gifts, those that are off included.
pub(super) async fn prices(connection: &mut PgConnection, gifts: &[i64]) -> Result<HashMap<GiftId, Price>> {
    let rows = sqlx::query!("select id, price, xp_bp, enabled, vip_level from gifts where id = any($1)", gifts)
        .fetch_all(connection)
        .await?;
    let price = rows.into_iter().filter_map(|row| {
        let price = Price { coins: row.price, xp_bp: row.xp_bp, enabled: row.enabled, vip_level: row.vip_level };
        Some((GiftId::new(row.id)?, price))
    });
    Ok(price.collect())
}

/// Locks balances in the order of their ids, as every writer does, and reads them.
pub(super) async fn lock_balances(
    connection: &mut PgConnection,
    accounts: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Account>> {
    let accounts: Vec<i64> = accounts.iter().copied().collect();
    let rows = sqlx::query!(
        "select account_id, amount, xp, last_transfer, may_overdraw
           from balances
          where account_id = any($1)
          order by account_id
            for no key update",
        &accounts
    )
    .fetch_all(connection)
    .await?;
    let account = rows.into_iter().map(|row| {
        let (amount, xp, last_transfer) = (row.amount, row.xp, row.last_transfer);
        (row.account_id, Account { amount, xp, last_transfer, may_overdraw: row.may_overdraw, changed: false })
    });
    Ok(account.collect())
}

/// Locks rooms' totals in the order of their ids, and reads them.
pub(super) async fn lock_rooms(
    connection: &mut PgConnection,
    rooms: &BTreeSet<RoomId>,
) -> Result<BTreeMap<RoomId, RoomTotal>> {
    let rooms: Vec<i64> = rooms.iter().map(|room| room.number()).collect();
    let rows = sqlx::query!(
        "select room_id, gift_no, coins
           from room_totals
          where room_id = any($1)
          order by room_id
            for no key update",
        &rooms
    )
    .fetch_all(connection)
    .await?;
    let total = rows.into_iter().filter_map(|row| {
        Some((RoomId::new(row.room_id)?, RoomTotal { gift_no: row.gift_no, coins: row.coins, changed: false }))
    });
    Ok(total.collect())
}

/// The first id of a block of 512. Drawn under the locks: along an account's list ids only rise.
pub(super) async fn draw_block(connection: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar!(r#"select nextval('transfers') - 511 as "first!""#).fetch_one(connection).await
}

/// The stored answers of these operations. Asked after the locks, so that it sees what the writer that
/// held them before has committed.
pub(super) async fn answered(
    connection: &mut PgConnection,
    ops: &[Uuid],
    actors: &[i64],
) -> Result<HashMap<(Op, i64), Answered>> {
    let rows = sqlx::query!(
        r#"select asked.op as "op!", asked.actor as "actor!", r.body_hash as "refused_hash?",
                  r.error as "error?: Json<ErrorBody>",
                  j.id as "id?", j.kind as "kind?", j.body_hash as "body_hash?", j.at as "at?", j.amounts as "amounts?", j.actor_balance as "actor_balance?", j.gift_no, j.gift_id, j.gift_count,
                  j.gift_price * j.gift_count * cardinality(j.receivers) as total,
                  array(select w.user_id
                          from unnest(j.receivers) with ordinality as to_ (account, place)
                          join wallets w on w.diamond_account = to_.account
                         order by to_.place) as "receivers!"
             from unnest($1::uuid[], $2::bigint[]) as asked (op, actor)
             left join journal j on j.op = asked.op and j.actor = asked.actor
             left join refusals r on r.op = asked.op and r.actor = asked.actor
            where j.id is not null or r.op is not null"#,
        ops,
        actors
    )
    .fetch_all(connection)
    .await?;
    let mut answers = HashMap::with_capacity(rows.len());
    for row in rows {
        let (stored_hash, answer) = match (row.id, row.error) {
            (Some(receipt), _) => {
                let at = row.at.map_or(0, |at| at.timestamp_millis());
                let balance = Coins(row.actor_balance.unwrap_or_default());
                let receipt = match row.gift_id.and_then(GiftId::new) {
                    Some(gift) => Receipt::Gift(GiftReceipt {
                        receipt,
                        gift_no: row.gift_no.unwrap_or_default(),
                        at,
                        gift,
                        count: row.gift_count.unwrap_or_default(),
                        to: row.receivers.into_iter().filter_map(UserId::new).collect(),
                        total: Coins(row.total.unwrap_or_default()),
                        balance,
                        replayed: false,
                    }),
                    None => Receipt::Transfer(TransferReceipt {
                        receipt,
                        at,
                        amount: Coins(row.amounts.unwrap_or_default().into_iter().max().unwrap_or_default()),
                        balance,
                        replayed: false,
                    }),
                };
                (row.body_hash, Ok(receipt))
            }
            (None, Some(Json(error))) => (row.refused_hash, Err(error)),
            (None, None) => continue,
        };
        let body_hash = stored_hash.and_then(|hash| hash.try_into().ok()).unwrap_or_default();
        answers.insert((Op(row.op), row.actor), Answered { body_hash, answer });
    }
    Ok(answers)
}

/// Adds rows to the journal; returns how many. Legs come flat and each row takes its slice: cheaper than
/// gathering them by row, and no text is parsed.
pub(super) async fn insert_transfers(
    connection: &mut PgConnection,
    rows: &JournalColumns,
    at: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query!(
        "insert into journal (id, kind, op, actor, body_hash, at, accounts, currencies, amounts, previous, actor_balance,
                              room_id, gift_no, gift_id, gift_count, gift_price, receivers, xp_bp, room_coins)
         select t.id, t.kind, t.op, t.actor, substr($1::bytea, (16 * t.place - 15)::int, 16), $2::timestamptz,
                ($3::bigint[])[t.leg_first:t.leg_last], ($4::smallint[])[t.leg_first:t.leg_last],
                ($5::bigint[])[t.leg_first:t.leg_last], ($6::bigint[])[t.leg_first:t.leg_last], t.actor_balance,
                t.room_id, t.gift_no, t.gift_id, t.gift_count, t.gift_price,
                case when t.room_id is not null then ($7::bigint[])[t.receiver_first:t.receiver_last] end,
                t.xp_bp, t.room_coins
           from unnest($8::bigint[], $9::smallint[], $10::uuid[], $11::bigint[], $12::int[], $13::int[], $14::bigint[],
                       $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::int[], $21::int[],
                       $22::int[], $23::bigint[])
                with ordinality
                as t (id, kind, op, actor, leg_first, leg_last, actor_balance, room_id, gift_no, gift_id, gift_count,
                      gift_price, receiver_first, receiver_last, xp_bp, room_coins, place)",
        &rows.body_hashes,
        at,
        &rows.accounts,
        &rows.currencies,
        &rows.amounts,
        &rows.previous,
        &rows.receivers,
        &rows.ids,
        &rows.kinds,
        &rows.ops,
        &rows.actors,
        &rows.leg_firsts,
        &rows.leg_lasts,
        &rows.actor_balances,
        &rows.rooms as &[Option<i64>],
        &rows.gift_nos as &[Option<i64>],
        &rows.gifts as &[Option<i64>],
        &rows.counts as &[Option<i64>],
        &rows.prices as &[Option<i64>],
        &rows.receiver_firsts,
        &rows.receiver_lasts,
        &rows.xp_bps as &[Option<i32>],
        &rows.room_coins as &[Option<i64>],
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Adds refusals; returns how many. `body_hashes` are 16 bytes each, one behind the other.
pub(super) async fn insert_refusals(
    connection: &mut PgConnection,
    ops: &[Uuid],
    actors: &[i64],
    body_hashes: &[u8],
    errors: &[Json<&ErrorBody>],
    at: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query!(
        "insert into refusals (op, actor, body_hash, error, at)
         select t.op, t.actor, substr($3::bytea, (16 * t.place - 15)::int, 16), t.error, $5::timestamptz
           from unnest($1::uuid[], $2::bigint[], $4::jsonb[]) with ordinality as t (op, actor, error, place)",
        ops,
        actors,
        body_hashes,
        errors as _,
        at
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Brings the balances that changed to where the batch leaves them; returns how many.
pub(super) async fn update_balances(
    connection: &mut PgConnection,
    accounts: &BTreeMap<i64, Account>,
) -> Result<(u64, usize)> {
    let changed: Vec<_> = accounts.iter().filter(|(_, account)| account.changed).collect();
    let ids: Vec<i64> = changed.iter().map(|(id, _)| **id).collect();
    let amounts: Vec<i64> = changed.iter().map(|(_, account)| account.amount).collect();
    let xps: Vec<i64> = changed.iter().map(|(_, account)| account.xp).collect();
    let heads: Vec<i64> = changed.iter().map(|(_, account)| account.last_transfer).collect();
    let done = sqlx::query!(
        "update balances b
            set amount = t.amount, xp = t.xp, last_transfer = t.last_transfer
           from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) as t (id, amount, xp, last_transfer)
          where b.account_id = t.id",
        &ids,
        &amounts,
        &xps,
        &heads
    )
    .execute(connection)
    .await?;
    Ok((done.rows_affected(), ids.len()))
}

/// Brings the rooms' totals that changed to where the batch leaves them; returns how many.
pub(super) async fn update_rooms(
    connection: &mut PgConnection,
    rooms: &BTreeMap<RoomId, RoomTotal>,
) -> Result<(u64, usize)> {
    let changed: Vec<_> = rooms.iter().filter(|(_, total)| total.changed).collect();
    let ids: Vec<i64> = changed.iter().map(|(room, _)| room.number()).collect();
    let gift_nos: Vec<i64> = changed.iter().map(|(_, total)| total.gift_no).collect();
    let coins: Vec<i64> = changed.iter().map(|(_, total)| total.coins).collect();
    let done = sqlx::query!(
        "update room_totals r
            set gift_no = t.gift_no, coins = t.coins
           from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as t (id, gift_no, coins)
          where r.room_id = t.id",
        &ids,
        &gift_nos,
        &coins
    )
    .execute(connection)
    .await?;
    Ok((done.rows_affected(), ids.len()))
}

/// A link as it is stored.
pub(super) struct LinkRow {
    pub writer: i64,
    pub batch_no: i64,
    pub first_transfer: i64,
    pub last_transfer: i64,
    pub transfers: i32,
    pub previous: Hash,
    pub hash: Hash,
}

/// Adds the batch's link to the chain.
pub(super) async fn insert_link(connection: &mut PgConnection, link: &LinkRow, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into chain_links (writer, batch_no, first_transfer, last_transfer, transfers, previous, hash, at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        link.writer,
        link.batch_no,
        link.first_transfer,
        link.last_transfer,
        link.transfers,
        &link.previous[..],
        &link.hash[..],
        at
    )
    .execute(connection)
    .await?;
    Ok(())
}
