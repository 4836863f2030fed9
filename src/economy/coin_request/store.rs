//! SQL of coin requests.

use std::collections::HashMap;

use parlor_protocol::{Op, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::posting::{Locked, Paid};
use super::{CoinRequest, State};
use crate::economy::ledger::posting::Wallet;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The user of each of these requests, with the user's wallet; neither ever changes.
pub(super) async fn askers(connection: &mut PgConnection, requests: &[i64]) -> Result<Vec<(i64, UserId, Wallet)>> {
    let rows = sqlx::query!(
        "select r.id, r.user_id, w.coin_account, w.diamond_account
           from coin_requests r
           join wallets w on w.user_id = r.user_id
          where r.id = any($1)",
        requests
    )
    .fetch_all(connection)
    .await?;
    let asker = |id, user, coin, diamond| Some((id, UserId::new(user)?, Wallet { coin, diamond }));
    Ok(rows.into_iter().filter_map(|row| asker(row.id, row.user_id, row.coin_account, row.diamond_account)).collect())
}

/// Locks requests in the order of their ids, and reads them.
pub(super) async fn lock(connection: &mut PgConnection, requests: &[i64]) -> Result<HashMap<i64, Locked>> {
    let rows = sqlx::query!(
        r#"select r.id, r.user_id, r.reseller_id, r.amount, r.state,
                  (extract(epoch from r.expires_at) * 1000)::bigint as "expires_at!",
                  exists (select from user_roles s where s.user_id = r.reseller_id and s.role = 'reseller') as "sells!"
             from coin_requests r
            where r.id = any($1)
            order by r.id
              for no key update of r"#,
        requests
    )
    .fetch_all(connection)
    .await?;
    let locked = rows.into_iter().filter_map(|row| {
        let (user, reseller) = (UserId::new(row.user_id)?, UserId::new(row.reseller_id)?);
        let state = State::from_name(&row.state)?;
        let (amount, expires_at, sells) = (row.amount, row.expires_at, row.sells);
        Some((row.id, Locked { user, reseller, amount, state, expires_at, sells }))
    });
    Ok(locked.collect())
}

/// Marks requests as approved. `paid` has, for each, the request's id, the transfer that paid it, the operation, and
/// the time in Unix milliseconds.
pub(super) async fn approve(connection: &mut PgConnection, paid: &[(i64, i64, Op, i64)]) -> Result<()> {
    let requests: Vec<i64> = paid.iter().map(|(request, ..)| *request).collect();
    let transfers: Vec<i64> = paid.iter().map(|(_, transfer, ..)| *transfer).collect();
    let ops: Vec<Uuid> = paid.iter().map(|(_, _, op, _)| op.0).collect();
    let times: Vec<i64> = paid.iter().map(|(.., at)| *at).collect();
    let done = sqlx::query!(
        "update coin_requests r
            set state = 'approved', transfer = t.transfer, settled_op = t.op,
                settled_at = timestamptz 'epoch' + t.at * interval '1 millisecond'
           from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[]) as t (id, transfer, op, at)
          where r.id = t.id and r.state = 'pending'",
        &requests,
        &transfers,
        &ops,
        &times
    )
    .execute(connection)
    .await?;
    if done.rows_affected() == paid.len() as u64 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Whether this user is a reseller.
pub(super) async fn sells(connection: &mut PgConnection, user: UserId) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from user_roles where user_id = $1 and role = 'reseller') as "sells!""#,
        user.number()
    )
    .fetch_one(connection)
    .await
}

/// How many requests of a user are pending and have not expired.
pub(super) async fn open(connection: &mut PgConnection, user: UserId, now_ms: i64) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "open!"
             from coin_requests
            where user_id = $1 and state = 'pending'
              and expires_at > timestamptz 'epoch' + $2 * interval '1 millisecond'"#,
        user.number(),
        now_ms as f64
    )
    .fetch_one(connection)
    .await
}

/// Inserts a request; returns its id.
pub(super) async fn insert(
    connection: &mut PgConnection,
    (user, reseller, amount): (UserId, UserId, i64),
    expires_at: i64,
    op: Op,
) -> Result<i64> {
    sqlx::query_scalar!(
        "insert into coin_requests (user_id, reseller_id, amount, expires_at, op)
         values ($1, $2, $3, timestamptz 'epoch' + $4 * interval '1 millisecond', $5)
         returning id",
        user.number(),
        reseller.number(),
        amount,
        expires_at as f64,
        op.0
    )
    .fetch_one(connection)
    .await
}

/// Which requests a list contains: those that match every field that is set.
pub(super) struct Which<'a> {
    pub user: Option<i64>,
    pub reseller: Option<i64>,
    pub id: Option<i64>,
    pub state: Option<&'a str>,
    pub before: Option<i64>,
    pub limit: i64,
}

/// Requests, newest first. A request that has expired is shown as expired even if the job has not marked it yet.
pub(super) async fn list(connection: &mut PgConnection, which: &Which<'_>, now_ms: i64) -> Result<Vec<CoinRequest>> {
    let rows = sqlx::query!(
        r#"select id, user_id, reseller_id, amount, shown as "shown!", created_at as "created_at!",
                  expires_at as "expires_at!", settled_at, transfer, reason
             from (select id, user_id, reseller_id, amount, transfer, reason,
                          case when state = 'pending'
                                    and expires_at <= timestamptz 'epoch' + $1 * interval '1 millisecond'
                               then 'expired' else state end as shown,
                          (extract(epoch from created_at) * 1000)::bigint as created_at,
                          (extract(epoch from expires_at) * 1000)::bigint as expires_at,
                          (extract(epoch from settled_at) * 1000)::bigint as settled_at
                     from coin_requests
                    where ($2::bigint is null or user_id = $2)
                      and ($3::bigint is null or reseller_id = $3)
                      and ($4::bigint is null or id = $4)
                      and ($5::bigint is null or id < $5)) r
            where $6::text is null or shown = $6
            order by id desc
            limit $7"#,
        now_ms as f64,
        which.user,
        which.reseller,
        which.id,
        which.before,
        which.state,
        which.limit
    )
    .fetch_all(connection)
    .await?;
    let request = rows.into_iter().filter_map(|row| {
        Some(CoinRequest {
            id: row.id,
            user: UserId::new(row.user_id)?,
            reseller: UserId::new(row.reseller_id)?,
            amount: parlor_protocol::Coins(row.amount),
            state: State::from_name(&row.shown)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            settled_at: row.settled_at,
            receipt: row.transfer,
            reason: row.reason,
        })
    });
    Ok(request.collect())
}

/// Marks a request to this reseller as rejected; `false` if there is no such request that is pending and has not
/// expired.
pub(super) async fn reject(
    connection: &mut PgConnection,
    (id, reseller): (i64, UserId),
    reason: &str,
    op: Op,
    now_ms: i64,
) -> Result<bool> {
    let done = sqlx::query!(
        "update coin_requests
            set state = 'rejected', reason = $3, settled_op = $4,
                settled_at = timestamptz 'epoch' + $5 * interval '1 millisecond'
          where id = $1 and reseller_id = $2 and state = 'pending'
            and expires_at > timestamptz 'epoch' + $5 * interval '1 millisecond'",
        id,
        reseller.number(),
        reason,
        op.0,
        now_ms as f64
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Where a reseller's request stands.
pub(super) async fn standing(
    connection: &mut PgConnection,
    (id, reseller): (i64, UserId),
    now_ms: i64,
) -> Result<Option<State>> {
    let state = sqlx::query_scalar!(
        r#"select case when state = 'pending' and expires_at <= timestamptz 'epoch' + $3 * interval '1 millisecond'
                       then 'expired' else state end as "state!"
             from coin_requests
            where id = $1 and reseller_id = $2"#,
        id,
        reseller.number(),
        now_ms as f64
    );
    Ok(state.fetch_optional(connection).await?.as_deref().and_then(State::from_name))
}

/// Marks at most `limit` expired requests; returns how many. A request that another transaction has locked is left out.
pub(super) async fn expire(connection: &mut PgConnection, now_ms: i64, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "update coin_requests
            set state = 'expired', settled_at = expires_at
          where id in (
                select id
                  from coin_requests
                 where state = 'pending' and expires_at <= timestamptz 'epoch' + $2 * interval '1 millisecond'
                 order by expires_at
                 limit $1
                   for no key update skip locked)",
        limit,
        now_ms as f64
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// What the row of an approved request says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Approved {
    transfer: Option<i64>,
    amount: i64,
    /// The coin accounts of reseller and user; `None` for a user who was erased.
    from: Option<i64>,
    to: Option<i64>,
}

impl Approved {
    /// Whether the posting is the one that the request names, with the same amount and accounts.
    pub fn is_of(&self, paid: &Paid) -> bool {
        self.transfer == Some(paid.transfer)
            && self.amount == paid.amount
            && self.from.is_none_or(|from| from == paid.from)
            && self.to.is_none_or(|to| to == paid.to)
    }
}

/// Every approved request.
pub(super) async fn approved(connection: &mut PgConnection) -> Result<Vec<(i64, Approved)>> {
    let rows = sqlx::query!(
        r#"select r.id, r.transfer, r.amount, f.coin_account as "from?", t.coin_account as "to?"
             from coin_requests r
             left join wallets f on f.user_id = r.reseller_id
             left join wallets t on t.user_id = r.user_id
            where r.state = 'approved'
            order by r.id"#
    )
    .fetch_all(connection)
    .await?;
    let approved = |transfer, amount, from, to| Approved { transfer, amount, from, to };
    Ok(rows.into_iter().map(|row| (row.id, approved(row.transfer, row.amount, row.from, row.to))).collect())
}
