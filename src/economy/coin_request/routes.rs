//! `/v1/coin-requests`: asked by users, settled by resellers.

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
use crate::kit::fields::{bad_field, line};
use crate::kit::page::Page;

/// Characters of a reason at most.
const REASON_CHARS: usize = 200;

/// The addresses of coin requests.
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

/// What a reseller is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCoinRequest {
    /// Who is asked: somebody with the role `reseller`.
    reseller: UserId,
    /// For how many coins.
    amount: Coins,
}

/// What the operation that made it is answered.
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
    responses((status = 201, description = "The reseller has it.", body = Answer, example = json!(made()))),
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

/// On which side of a request the caller stands.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Side {
    /// The caller asked.
    User,
    /// The caller was asked.
    Reseller,
}

crate::list! {
    /// What `GET /v1/coin-requests` is asked with: newest first.
    struct CoinRequestList: "coin_requests" by i64 {
        /// Requests that the caller made, or that the caller was asked as a reseller.
        #[serde(default = "user_side")]
        #[param(inline, default = "user")]
        side: Side,
        /// Only those that stand so.
        #[param(inline)]
        state: Option<Standing>,
    }
}

fn user_side() -> Side {
    Side::User
}

/// The caller's coin requests, newest first.
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

/// A coin request, for who asked and who was asked.
#[utoipa::path(get, path = "/v1/coin-requests/{id}", tag = "wallet",
    params(("id" = i64, Path, description = "Which request.")),
    responses((status = 200, description = "The request as it stands.", body = CoinRequest, example = json!(example()))),
    extensions(("x-errors" = json!([ErrorCode::CoinRequestNotFound]))))]
async fn find_coin_request(edge: Edge, user: CurrentUser, ValidPath(id): ValidPath<i64>) -> Result<Json<CoinRequest>> {
    Ok(Json(super::find(&mut *edge.read().await?, id, user.id, edge.now()).await?))
}

/// Approves a coin request: the coins move from the reseller to the user, once.
#[utoipa::path(post, path = "/v1/coin-requests/{id}/approval", tag = "wallet",
    params(("id" = i64, Path, description = "Which request."),
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

/// Why a request is rejected.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Rejection {
    /// In the reseller's words, for the user to read; may be left out.
    #[schema(max_length = 200)]
    reason: String,
}

/// Rejects a coin request, once.
#[utoipa::path(post, path = "/v1/coin-requests/{id}/rejection", tag = "wallet",
    params(("id" = i64, Path, description = "Which request."),
        ("Idempotency-Key" = Op, Header, description = "The operation: made once for each tap, and kept over retries.")),
    request_body(content = Option<Rejection>, example = json!({"reason": "the proof cannot be read"})),
    responses((status = 200, description = "It is rejected.", body = Answer, example = json!({
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
    let reason = match reason.trim() {
        "" => String::new(),
        words => line(words, REASON_CHARS).map_err(|why| bad_field("reason", why))?,
    };
    let mut tx = edge.begin().await?;
    let answer = super::reject(&mut tx, op, user.id, id, &reason, edge.now()).await?;
    tx.commit().await?;
    Ok(Json(answer?))
}
