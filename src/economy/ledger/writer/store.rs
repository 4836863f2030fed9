//! The writer's SQL. A batch takes a handful of set-based statements, whatever its size.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use parlor_protocol::{ErrorBody, ErrorCode, Op, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::batch::Refused;
use super::columns::JournalColumns;
use crate::economy::ledger::chain::Hash;
use crate::economy::ledger::journal;
use crate::economy::ledger::judge::Answered;
use crate::economy::ledger::posting::{Account, Locks, System, Wallet};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Prepares a connection for writing. Every statement is a look-up by key, so generic plans with index scans are
/// forced: stale statistics cannot turn one into a table scan, and no statement is planned twice. If the database loses
/// its client, it releases the locks after `timeout_ms`.
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

/// Inserts a new writer, whose chain is empty; returns its id.
pub(super) async fn insert_writer(connection: &mut PgConnection, node: &str) -> Result<i64> {
    sqlx::query_scalar!("insert into writers (node) values ($1) returning id", node).fetch_one(connection).await
}

/// The system's accounts, by name.
pub(super) async fn system(connection: &mut PgConnection) -> Result<System> {
    let rows = sqlx::query!("select name, account_id from system_accounts").fetch_all(connection).await?;
    Ok(System::of(rows.into_iter().map(|row| (row.name, row.account_id))))
}

/// The wallets of these users.
pub(super) async fn wallets(connection: &mut PgConnection, users: &[i64]) -> Result<HashMap<UserId, Wallet>> {
    let rows =
        sqlx::query!("select user_id, coin_account, diamond_account from wallets where user_id = any($1)", users)
            .fetch_all(connection)
            .await?;
    let wallet = rows.into_iter().filter_map(|row| {
        Some((UserId::new(row.user_id)?, Wallet { coin: row.coin_account, diamond: row.diamond_account }))
    });
    Ok(wallet.collect())
}

/// Locks and reads balances, in the order of their ids. Every writer uses this order, so there are no deadlocks.
pub(super) async fn lock_balances(connection: &mut PgConnection, accounts: &Locks) -> Result<BTreeMap<i64, Account>> {
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

/// Draws a block of 512 ids, and gives the first. It must be drawn under the locks, so that a later transfer of an
/// account always has a higher id.
pub(super) async fn draw_block(connection: &mut PgConnection) -> Result<i64> {
    sqlx::query_scalar!(r#"select nextval('transfers') - 511 as "first!""#).fetch_one(connection).await
}

/// The stored answers of these operations. It must be called after the locks are taken, so that it sees what the writer
/// that held them before has committed.
pub(super) async fn answered(
    connection: &mut PgConnection,
    ops: &[Uuid],
    actors: &[i64],
) -> Result<HashMap<(Op, i64), Answered>> {
    let rows = sqlx::query!(
        r#"select asked.op as "op!", asked.actor as "actor!", r.body_hash as "refused_hash?",
                  r.error as "error?: Json<ErrorBody>", j.id as "id?", o.body_hash as "other_hash?"
             from unnest($1::uuid[], $2::bigint[]) as asked (op, actor)
             left join journal j on j.op = asked.op and j.actor = asked.actor
             left join refusals r on r.op = asked.op and r.actor = asked.actor
             left join operations o on o.op = asked.op and o.actor = asked.actor
            where j.id is not null or r.op is not null or o.op is not null"#,
        ops,
        actors
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut answers = HashMap::with_capacity(rows.len());
    let mut done = Vec::new();
    for row in rows {
        match (row.id, row.error, row.refused_hash) {
            (Some(id), _, _) => done.push(id),
            (None, Some(Json(error)), Some(hash)) => {
                let body_hash = hash.try_into().unwrap_or_default();
                answers.insert((Op(row.op), row.actor), Answered { body_hash, answer: Err(error) });
            }
            (None, _, _) => {}
        }
        // An operation that moved nothing: whatever is asked under it now is something else.
        if let Some(hash) = row.other_hash {
            let body_hash = hash.try_into().unwrap_or_default();
            let answer = Err(ErrorCode::OperationConflict.into());
            answers.insert((Op(row.op), row.actor), Answered { body_hash, answer });
        }
    }
    if !done.is_empty() {
        for transfer in journal::rows(connection, &done).await? {
            let (key, body_hash) = ((transfer.op, transfer.actor), transfer.body_hash);
            answers.insert(key, Answered { body_hash, answer: Ok(Box::new(transfer)) });
        }
    }
    Ok(answers)
}

/// Inserts rows into the journal; returns how many. Legs come in flat arrays of which each row takes its slice. That is
/// cheaper than grouping them by row, and no text has to be parsed.
pub(super) async fn insert_transfers(
    connection: &mut PgConnection,
    rows: &JournalColumns,
    at: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query!(
        "insert into journal (id, kind, op, actor, body_hash, at, accounts, currencies, amounts, previous, actor_balance,
                              room_id, gift_no, gift_id, gift_count, gift_price, receivers, xp_bp, room_coins,
                              authority, staff, reverses, detail_version, detail)
         select t.id, t.kind, t.op, t.actor, substr($1::bytea, (16 * t.place - 15)::int, 16), $2::timestamptz,
                ($3::bigint[])[t.leg_first:t.leg_last], ($4::smallint[])[t.leg_first:t.leg_last],
                ($5::bigint[])[t.leg_first:t.leg_last], ($6::bigint[])[t.leg_first:t.leg_last], t.actor_balance,
                t.room_id, t.gift_no, t.gift_id, t.gift_count, t.gift_price,
                case when t.room_id is not null then ($7::bigint[])[t.receiver_first:t.receiver_last] end,
                t.xp_bp, t.room_coins, t.authority, t.staff, t.reverses, t.detail_version,
                case when t.detail_version is not null then substr($24::bytea, t.detail_first, t.detail_length) end
           from unnest($8::bigint[], $9::smallint[], $10::uuid[], $11::bigint[], $12::int[], $13::int[], $14::bigint[],
                       $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::int[], $21::int[],
                       $22::int[], $23::bigint[], $25::smallint[], $26::bigint[], $27::bigint[], $28::smallint[],
                       $29::int[], $30::int[])
                with ordinality
                as t (id, kind, op, actor, leg_first, leg_last, actor_balance, room_id, gift_no, gift_id, gift_count,
                      gift_price, receiver_first, receiver_last, xp_bp, room_coins, authority, staff, reverses,
                      detail_version, detail_first, detail_length, place)",
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
        &rows.details,
        &rows.authorities as &[Option<i16>],
        &rows.staff as &[Option<i64>],
        &rows.reverses as &[Option<i64>],
        &rows.detail_versions as &[Option<i16>],
        &rows.detail_firsts,
        &rows.detail_lengths,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Inserts the refusals of this link; returns how many.
pub(super) async fn insert_refusals(
    connection: &mut PgConnection,
    refused: &Refused<'_>,
    (writer, batch_no): (i64, i64),
    at: DateTime<Utc>,
) -> Result<u64> {
    let done = sqlx::query!(
        "insert into refusals (op, actor, body_hash, error, at, writer, batch_no)
         select t.op, t.actor, substr($3::bytea, (16 * t.place - 15)::int, 16), t.error, $5::timestamptz, $6, $7
           from unnest($1::uuid[], $2::bigint[], $4::jsonb[]) with ordinality as t (op, actor, error, place)",
        &refused.ops,
        &refused.actors,
        &refused.body_hashes,
        &refused.errors as _,
        at,
        writer,
        batch_no
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Updates the balances that the batch has changed; returns how many rows were updated, and how many should have been.
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

/// A row of the chain's links.
pub(super) struct LinkRow {
    pub writer: i64,
    pub version: i16,
    pub batch_no: i64,
    pub first_transfer: i64,
    pub last_transfer: i64,
    pub transfers: i32,
    pub refusals: i32,
    pub refusals_hash: Option<Hash>,
    pub previous: Hash,
    pub hash: Hash,
}

/// Inserts the batch's link.
pub(super) async fn insert_link(connection: &mut PgConnection, link: &LinkRow, at: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "insert into chain_links (writer, batch_no, first_transfer, last_transfer, transfers, previous, hash, at, version,
                                  refusals, refusals_hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        link.writer,
        link.batch_no,
        link.first_transfer,
        link.last_transfer,
        link.transfers,
        &link.previous[..],
        &link.hash[..],
        at,
        link.version,
        link.refusals,
        link.refusals_hash.as_ref().map(|hash| &hash[..])
    )
    .execute(connection)
    .await?;
    Ok(())
}
