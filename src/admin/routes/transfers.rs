//! Transfers that were a mistake, taken back.

use axum::Json;
use axum::extract::{FromRef, State};
use parlor_protocol::{ErrorCode, Op};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reason;
use crate::economy::ledger::Ledger;
use crate::economy::reversal::{self, ReversedTransfer};
use crate::http::{IdempotencyKey, ValidJson, ValidPath};
use crate::identity::{Identity, Staff, may};
use crate::kit::edge::Edge;
use crate::kit::error::Result;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Ledger: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(reverse_transfer))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReversal {
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Takes a transfer back: every account gets back what it gave and gives back what it got, with the experience.
///
/// Once, and whole: where one account no longer has what it got, nothing is moved. The transfer stays in the history, and
/// so does what it left elsewhere (a room's gifts and total, an approved coin request). Nobody takes back what moved
/// an account of their own.
#[utoipa::path(post, path = "/v1/staff/transfers/{id}/reversal", tag = "staff",
    params(("id" = i64, Path, description = "Which transfer.", minimum = 1),
        ("Idempotency-Key" = Op, Header, description = "The operation: made once for each tap, and kept over retries.")),
    request_body(content = NewReversal, example = json!({"reason": "sent to the wrong user"})),
    responses((status = 200, description = "It is taken back.", body = ReversedTransfer, example = json!({
        "receipt": 7169, "at": 1_790_000_200_127_i64, "reverses": 6145, "replayed": false,
    }))),
    extensions(("x-errors" = json!([
        ErrorCode::TransferNotFound, ErrorCode::TransferReversed, ErrorCode::TransferNotReversible, ErrorCode::FundsSpent,
        ErrorCode::AmountOutOfRange, ErrorCode::UserNotFound, ErrorCode::Busy,
    ]))))]
async fn reverse_transfer(
    State(ledger): State<Ledger>,
    staff: Staff<may::ReverseTransfers>,
    IdempotencyKey(op): IdempotencyKey,
    ValidPath(transfer): ValidPath<i64>,
    ValidJson(body): ValidJson<NewReversal>,
) -> Result<Json<ReversedTransfer>> {
    let reason = reason(&body.reason)?;
    Ok(Json(reversal::reverse(&ledger, op, staff.actor(), transfer, &reason).await?))
}
