//! Transfers between users over REST.

use axum::Json;
use axum::extract::{FromRef, State};
use parlor_protocol::{Coins, ErrorCode, Op, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewTransfer, SentCoins};
use crate::economy::ledger::Ledger;
use crate::http::{IdempotencyKey, ValidJson};
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::Result;

/// The route `/v1/wallet/transfers`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Edge: FromRef<S>,
    Identity: FromRef<S>,
    Ledger: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(transfer_coins))
}

/// A transfer that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCoinTransfer {
    /// The user who receives the coins.
    to: UserId,
    /// How many coins are to arrive.
    amount: Coins,
}

/// Sends coins to another user.
///
/// There are limits for one transfer and for all transfers of a day. Unless the server is set up otherwise, an account
/// may send from its third day and from wealth level 3 on; a reseller may send at once, and more. Sender and receiver
/// see the transfer in the entries of their wallets.
#[utoipa::path(post, path = "/v1/wallet/transfers", tag = "wallet",
    params(("Idempotency-Key" = Op, Header, description = "The operation: made once for each tap, and kept over retries.")),
    request_body(content = NewCoinTransfer, example = json!({"to": 901_233_872, "amount": 500})),
    responses((status = 200, description = "The coins have moved.", body = SentCoins, example = json!({
        "receipt": 5633, "at": 1_790_000_000_127_i64, "to": 901_233_872, "amount": 500, "fee": 0, "balance": 9_490,
        "replayed": false,
    }))),
    extensions(("x-errors" = json!([
        ErrorCode::UserNotFound, ErrorCode::TransferToSelf, ErrorCode::TransferOutOfRange, ErrorCode::TransferNotYet,
        ErrorCode::TransferDayLimit, ErrorCode::InsufficientFunds, ErrorCode::AmountOutOfRange, ErrorCode::Busy,
    ]))))]
async fn transfer_coins(
    State(ledger): State<Ledger>,
    user: CurrentUser,
    IdempotencyKey(op): IdempotencyKey,
    ValidJson(NewCoinTransfer { to, amount }): ValidJson<NewCoinTransfer>,
) -> Result<Json<SentCoins>> {
    Ok(Json(super::send(&ledger, op, NewTransfer { from: user.id, to, amount }).await?))
}
