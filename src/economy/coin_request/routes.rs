//! Coin requests over REST: users make them, resellers settle them.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use parlor_protocol::{Coins, ErrorCode, Op, UserId};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, ApprovedRequest, CoinRequest, Settings, State as Standing};
use crate::economy::ledger::Ledger;
use crate::http::{IdempotencyKey, ValidJson, ValidPath, ValidQuery};
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::{bad_field, line_or_nothing};
use crate::kit::page::Page;

/// The most characters of a reason.
const REASON_CHARS: usize = 200;

/// The routes under `/v1/coin-requests`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Ledger: FromRef<S>,
    Edge: FromRef<S>,
    Settings: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(make_coin_request, list_coin_requests))
        .routes(routes!(find_coin_request))
        .routes(routes!(approve_coin_request))
        .routes(routes!(reject_coin_request))
}

/// A coin request that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCoinRequest {
    /// The user who is asked. They must have the role `reseller`.
    reseller: UserId,
    /// How many coins are asked for.
    amount: Coins,
}

/// The example of an answer to making a request.
fn made() -> serde_json::Value {
    let mut made = example();
    made["replayed"] = json!(false);
    made
}

fn example() -> serde_json::Value {
    json!({
        "id": 17, "user": 901_233_871, "reseller": 901_233_872, "amount": 700, "state": "pending",
        "created_at": 1_790_000_000_127_i64, "expires_at": 1_790_172_800_127_i64,
    })
}

/// Asks a reseller for coins.
///
/// A user has three requests open at most; one that nobody settles expires after 48 hours. The same operation
/// again gets the first answer, marked `replayed`.
#[utoipa::path(post, path = "/v1/coin-requests", tag = "wallet",
    params(("Idempotency-Key" = Op, Header, description = "The operation: made once for each tap, and kept over retries.")),
    request_body(content = NewCoinRequest, example = json!({"reseller": 901_233_872, "amount": 700})),
    responses((status = 201, description = "The request is made.", body = Answer, example = json!(made()))),
    extensions(("x-errors" = json!([
        ErrorCode::NotAReseller, ErrorCode::CoinRequestOutOfRange, ErrorCode::CoinRequestsOpen,
    ]))))]
async fn make_coin_request(
    edge: Edge,
    State(settings): State<Settings>,
    user: CurrentUser,
    IdempotencyKey(op): IdempotencyKey,
    ValidJson(NewCoinRequest { reseller, amount }): ValidJson<NewCoinRequest>,
) -> Result<(StatusCode, Json<Answer>)> {
    let mut tx = edge.begin().await?;
    let answer = super::make(&mut tx, &settings, op, (user.id, reseller, amount), edge.now()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(answer?)))
}

/// The caller's part in the requests of a list.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Side {
    /// The caller made the requests.
    User,
    /// The caller is the reseller who was asked.
    Reseller,
}

crate::list! {
    /// The query of `GET /v1/coin-requests`: newest first, ordered by the request's id.
    struct CoinRequestList: "coin_requests" by i64 {
        /// `user`: requests that the caller made; `reseller`: requests to the caller as a reseller.
        #[serde(default = "user_side")]
        #[param(inline)]
        side: Side,
        /// Only requests in this state.
        #[param(inline)]
        state: Option<Standing>,
    }
}

fn user_side() -> Side {
    Side::User
}

/// Lists the caller's coin requests, newest first.
#[utoipa::path(get, path = "/v1/coin-requests", tag = "wallet", params(CoinRequestList),
    responses((status = 200, description = "A page of requests.", body = Page<CoinRequest>,
        example = json!({"items": [example()], "next": "WyJjb2luX3JlcXVlc3RzIixudWxsLDE3XQ"}))))]
async fn list_coin_requests(
    edge: Edge,
    user: CurrentUser,
    ValidQuery(query): ValidQuery<CoinRequestList>,
) -> Result<Json<Page<CoinRequest>>> {
    let window = query.window()?;
    let side = (user.id, matches!(query.side, Side::Reseller));
    let rows = super::list(&mut *edge.read().await?, side, query.state, window.behind(), window.one_more(), edge.now())
        .await?;
    Ok(Json(window.page(rows, |request| request.id)))
}

/// Reads a coin request, for its user or its reseller.
#[utoipa::path(get, path = "/v1/coin-requests/{id}", tag = "wallet",
    params(("id" = i64, Path, description = "The request's id.")),
    responses((status = 200, description = "The request.", body = CoinRequest, example = json!(example()))),
    extensions(("x-errors" = json!([ErrorCode::CoinRequestNotFound]))))]
async fn find_coin_request(edge: Edge, user: CurrentUser, ValidPath(id): ValidPath<i64>) -> Result<Json<CoinRequest>> {
    Ok(Json(super::find(&mut *edge.read().await?, id, user.id, edge.now()).await?))
}

/// Approves a coin request: the coins move from the caller to the user, once.
#[utoipa::path(post, path = "/v1/coin-requests/{id}/approval", tag = "wallet",
    params(("id" = i64, Path, description = "The request's id."),
        ("Idempotency-Key" = Op, Header, description = "The operation: made once for each tap, and kept over retries.")),
    responses((status = 200, description = "The coins have moved.", body = ApprovedRequest, example = json!({
        "receipt": 6145, "at": 1_790_000_100_127_i64, "request": 17, "amount": 700, "balance": 99_300, "replayed": false,
    }))),
    extensions(("x-errors" = json!([
        ErrorCode::CoinRequestNotFound, ErrorCode::CoinRequestSettled, ErrorCode::CoinRequestExpired,
        ErrorCode::NotAReseller, ErrorCode::InsufficientFunds, ErrorCode::UserNotFound, ErrorCode::AmountOutOfRange,
        ErrorCode::Busy,
    ]))))]
async fn approve_coin_request(
    State(ledger): State<Ledger>,
    user: CurrentUser,
    IdempotencyKey(op): IdempotencyKey,
    ValidPath(id): ValidPath<i64>,
) -> Result<Json<ApprovedRequest>> {
    Ok(Json(super::approve(&ledger, op, user.id, id).await?))
}

/// The rejection of a request.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Rejection {
    /// Why the request is rejected; the user is shown it. It may be left out.
    #[schema(max_length = 200)]
    reason: String,
}

/// Rejects a coin request, once.
#[utoipa::path(post, path = "/v1/coin-requests/{id}/rejection", tag = "wallet",
    params(("id" = i64, Path, description = "The request's id."),
        ("Idempotency-Key" = Op, Header, description = "The operation: made once for each tap, and kept over retries.")),
    request_body(content = Option<Rejection>, example = json!({"reason": "the proof cannot be read"})),
    responses((status = 200, description = "The request is rejected.", body = Answer, example = json!({
        "id": 17, "user": 901_233_871, "reseller": 901_233_872, "amount": 700, "state": "rejected",
        "created_at": 1_790_000_000_127_i64, "expires_at": 1_790_172_800_127_i64, "settled_at": 1_790_000_100_127_i64,
        "reason": "the proof cannot be read", "replayed": false,
    }))),
    extensions(("x-errors" = json!([
        ErrorCode::CoinRequestNotFound, ErrorCode::CoinRequestSettled, ErrorCode::CoinRequestExpired,
    ]))))]
async fn reject_coin_request(
    edge: Edge,
    user: CurrentUser,
    IdempotencyKey(op): IdempotencyKey,
    ValidPath(id): ValidPath<i64>,
    body: Option<ValidJson<Rejection>>,
) -> Result<Json<Answer>> {
    let Rejection { reason } = body.map(|ValidJson(body)| body).unwrap_or_default();
    let reason = line_or_nothing(&reason, REASON_CHARS).map_err(|why| bad_field("reason", why))?;
    let mut tx = edge.begin().await?;
    let answer = super::reject(&mut tx, op, user.id, id, &reason, edge.now()).await?;
    tx.commit().await?;
    Ok(Json(answer?))
}
