//! The rules of coin requests.

use parlor_protocol::{Coins, ErrorBody, ErrorCode, Op, UserId};
use sqlx::PgConnection;

use super::posting::{Approval, Approvals, ApprovedRequest};
use super::store::{self, Which};
use super::{Answer, CoinRequest, Settings, State};
use crate::economy::ledger::{By, Ledger};
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::operation::Operation;
use crate::kit::tx::Tx;

/// Requests that one run of the clean-up marks at most.
const EXPIRED_AT_ONCE: i64 = 1_000;

/// Asks a reseller for coins, once however often the operation is repeated.
///
/// # Errors
/// `not_a_reseller`, `coin_request_out_of_range`, `coin_requests_open` beyond what a user may have open,
/// `operation_conflict`; a fault or an outage of the store.
pub async fn make(
    tx: &mut Tx,
    settings: &Settings,
    op: Op,
    (user, reseller, amount): (UserId, UserId, Coins),
    now: Timestamp,
) -> Result<Answer> {
    store::lock_asker(tx, user).await?;
    if let Some(id) = store::made_by(tx, user, op).await? {
        let first = one(tx, id, now).await?;
        let same = (first.reseller, first.amount) == (reseller, amount);
        return if same {
            Ok(Answer { request: first, replayed: true })
        } else {
            Err(ErrorCode::OperationConflict.into())
        };
    }
    let Settings { min_coins, max_coins, open_max, .. } = *settings;
    if !(min_coins..=max_coins).contains(&amount.0) {
        let words = format!("one request asks for {min_coins} to {max_coins} coins");
        return Err(ErrorBody::new(ErrorCode::CoinRequestOutOfRange).message(words).into());
    }
    if user == reseller || !store::sells(tx, reseller).await? {
        return Err(ErrorCode::NotAReseller.into());
    }
    if store::open(tx, user, now.0).await? >= open_max {
        return Err(ErrorCode::CoinRequestsOpen.into());
    }
    let expires_at = now.plus_ms(settings.expire_ms()).0;
    let id = store::insert(tx, (user, reseller, amount.0), expires_at, op).await?;
    Ok(Answer { request: one(tx, id, now).await?, replayed: false })
}

async fn one(connection: &mut PgConnection, id: i64, now: Timestamp) -> Result<CoinRequest> {
    let which = Which { user: None, reseller: None, id: Some(id), state: None, before: None, limit: 1 };
    let found = store::list(connection, &which, now.0).await?.into_iter().next();
    found.ok_or_else(|| Error::new(ErrorCode::CoinRequestNotFound))
}

/// A request, for its asker or its reseller.
///
/// # Errors
/// `coin_request_not_found`, also where it is others'; a fault or an outage of the store.
pub async fn find(connection: &mut PgConnection, id: i64, for_: UserId, now: Timestamp) -> Result<CoinRequest> {
    let request = one(connection, id, now).await?;
    if [request.user, request.reseller].contains(&for_) {
        Ok(request)
    } else {
        Err(ErrorCode::CoinRequestNotFound.into())
    }
}

/// Requests that a user has made, or as a reseller was asked; newest first, at most so many rows.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn list(
    connection: &mut PgConnection,
    (user, as_reseller): (UserId, bool),
    state: Option<State>,
    before: Option<i64>,
    rows: i64,
    now: Timestamp,
) -> Result<Vec<CoinRequest>> {
    let own = Some(user.number());
    let (user, reseller) = if as_reseller { (None, own) } else { (own, None) };
    let state = state.map(State::name);
    let which = Which { user, reseller, id: None, state, before, limit: rows };
    Ok(store::list(connection, &which, now.0).await?)
}

/// Approves a request out of the reseller's coins: they move and the request is marked in one commit, once.
///
/// # Errors
/// `coin_request_not_found`, `coin_request_settled`, `coin_request_expired`, `not_a_reseller`,
/// `insufficient_funds`, `operation_conflict`, `busy`, `store_unavailable`.
pub async fn approve(
    ledger: &Ledger,
    op: Op,
    reseller: UserId,
    request: i64,
) -> std::result::Result<ApprovedRequest, ErrorBody> {
    let operation = Operation::of_words(op, reseller, &format!("coin_request {request} approve"));
    ledger.post::<Approvals>(operation, By::User, Approval { request, reseller }).await
}

/// Rejects a request, once however often the operation is repeated.
///
/// # Errors
/// `coin_request_not_found`, `coin_request_settled`, `coin_request_expired`, `operation_conflict`; a fault or an
/// outage of the store.
pub async fn reject(tx: &mut Tx, op: Op, reseller: UserId, id: i64, reason: &str, now: Timestamp) -> Result<Answer> {
    if store::reject(tx, (id, reseller), reason, op, now.0).await? {
        return Ok(Answer { request: one(tx, id, now).await?, replayed: false });
    }
    let request = one(tx, id, now).await?;
    if request.reseller != reseller {
        return Err(ErrorCode::CoinRequestNotFound.into());
    }
    match request.state {
        State::Rejected if store::settled_by(tx, id).await? == Some(op) => {
            let same = request.reason == reason;
            if same { Ok(Answer { request, replayed: true }) } else { Err(ErrorCode::OperationConflict.into()) }
        }
        State::Expired => Err(ErrorCode::CoinRequestExpired.into()),
        State::Pending | State::Approved | State::Rejected => Err(ErrorCode::CoinRequestSettled.into()),
    }
}

/// Marks requests that have run out; returns how many, a thousand at most. Whether or not it runs, nobody
/// approves what has run out.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn expire(tx: &mut Tx) -> Result<u64> {
    Ok(store::expire(tx, EXPIRED_AT_ONCE).await?)
}
