//! The rules of coin requests.

use parlor_protocol::{Coins, ErrorBody, ErrorCode, Op, UserId};
use sqlx::PgConnection;

use super::posting::{Approval, Approvals, ApprovedRequest};
use super::store::{self, Which};
use super::{Answer, CoinRequest, Settings, State};
use crate::economy::ledger::{By, Ledger, operation};
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::operation::Operation;
use crate::kit::tx::Tx;

/// The most requests that one run of the job marks as expired.
const EXPIRED_AT_ONCE: i64 = 1_000;

/// What an operation is answered, the first time and every time after.
type Settled = std::result::Result<Answer, ErrorBody>;

/// Asks a reseller for coins. The operation has one answer; a refusal is kept as well, so the caller commits in any
/// case.
///
/// # Errors
/// The refusals, which are kept: `not_a_reseller`, `coin_request_out_of_range`, `coin_requests_open` beyond what a user
/// may have open. And `operation_conflict`, `user_not_found` without a wallet; a fault or an outage of the store.
pub async fn make(
    tx: &mut Tx,
    settings: &Settings,
    op: Op,
    (user, reseller, amount): (UserId, UserId, Coins),
    now: Timestamp,
) -> Result<Settled> {
    let operation = Operation::of_words(op, user, &format!("coin_request make {reseller} {}", amount.0));
    match operation::recall(tx, &operation).await? {
        Some(operation::Answer::Refused(error)) => return Ok(Err(error)),
        Some(operation::Answer::Done(id)) => {
            // As it was made, whatever has become of it since.
            let (state, settled_at, receipt, reason) = (State::Pending, None, None, String::new());
            let request = CoinRequest { state, settled_at, receipt, reason, ..one(tx, id, now).await? };
            return Ok(Ok(Answer { request, replayed: true }));
        }
        None => {}
    }
    if let Err(error) = may_make(tx, settings, (user, reseller, amount), now).await? {
        operation::remember(tx, &operation, &operation::Answer::Refused(error.clone())).await?;
        return Ok(Err(error));
    }
    let expires_at = now.plus_ms(settings.expire_ms()).0;
    let id = store::insert(tx, (user, reseller, amount.0), expires_at, op).await?;
    operation::remember(tx, &operation, &operation::Answer::Done(id)).await?;
    Ok(Ok(Answer { request: one(tx, id, now).await?, replayed: false }))
}

/// Whether a user may ask for this. The user's coin account is locked, so nobody else makes a request of theirs.
async fn may_make(
    tx: &mut Tx,
    settings: &Settings,
    (user, reseller, amount): (UserId, UserId, Coins),
    now: Timestamp,
) -> Result<std::result::Result<(), ErrorBody>> {
    let Settings { min_coins, max_coins, open_max, .. } = *settings;
    if !(min_coins..=max_coins).contains(&amount.0) {
        let words = format!("one request asks for {min_coins} to {max_coins} coins");
        return Ok(Err(ErrorBody::new(ErrorCode::CoinRequestOutOfRange).message(words)));
    }
    if user == reseller || !store::sells(tx, reseller).await? {
        return Ok(Err(ErrorCode::NotAReseller.into()));
    }
    if store::open(tx, user, now.0).await? >= open_max {
        return Ok(Err(ErrorCode::CoinRequestsOpen.into()));
    }
    Ok(Ok(()))
}

async fn one(connection: &mut PgConnection, id: i64, now: Timestamp) -> Result<CoinRequest> {
    let which = Which { user: None, reseller: None, id: Some(id), state: None, before: None, limit: 1 };
    let found = store::list(connection, &which, now.0).await?.into_iter().next();
    found.ok_or_else(|| Error::new(ErrorCode::CoinRequestNotFound))
}

/// A request, for its user or its reseller.
///
/// # Errors
/// `coin_request_not_found`, also if `for_` is neither of them; a fault or an outage of the store.
pub async fn find(connection: &mut PgConnection, id: i64, for_: UserId, now: Timestamp) -> Result<CoinRequest> {
    let request = one(connection, id, now).await?;
    if [request.user, request.reseller].contains(&for_) {
        Ok(request)
    } else {
        Err(ErrorCode::CoinRequestNotFound.into())
    }
}

/// Requests that a user has made or, with `as_reseller`, that were made to them; newest first, below the id `before`,
/// and at most `rows` of them.
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

/// Approves a request: the reseller's coins move to the user and the request is marked, in one transaction and once.
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

/// Rejects a request. The operation has one answer; a refusal is kept as well, so the caller commits in any case.
///
/// # Errors
/// The refusals, which are kept: `coin_request_not_found`, `coin_request_settled`, `coin_request_expired`. And
/// `operation_conflict`, `user_not_found` without a wallet; a fault or an outage of the store.
pub async fn reject(tx: &mut Tx, op: Op, reseller: UserId, id: i64, reason: &str, now: Timestamp) -> Result<Settled> {
    let operation = Operation::of_words(op, reseller, &format!("coin_request {id} reject {reason}"));
    match operation::recall(tx, &operation).await? {
        Some(operation::Answer::Refused(error)) => return Ok(Err(error)),
        Some(operation::Answer::Done(id)) => {
            return Ok(Ok(Answer { request: one(tx, id, now).await?, replayed: true }));
        }
        None => {}
    }
    if store::reject(tx, (id, reseller), reason, op, now.0).await? {
        operation::remember(tx, &operation, &operation::Answer::Done(id)).await?;
        return Ok(Ok(Answer { request: one(tx, id, now).await?, replayed: false }));
    }
    let error: ErrorBody = match store::standing(tx, (id, reseller), now.0).await? {
        None => ErrorCode::CoinRequestNotFound,
        Some(State::Expired) => ErrorCode::CoinRequestExpired,
        Some(State::Pending | State::Approved | State::Rejected) => ErrorCode::CoinRequestSettled,
    }
    .into();
    operation::remember(tx, &operation, &operation::Answer::Refused(error.clone())).await?;
    Ok(Err(error))
}

/// Marks requests that have expired; returns how many, at most a thousand. Nothing depends on when this runs: an
/// expired request cannot be settled even if it is not marked yet.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    Ok(store::expire(tx, now.0, EXPIRED_AT_ONCE).await?)
}
