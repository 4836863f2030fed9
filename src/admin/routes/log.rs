//! The audit log of staff's acts over REST.

use axum::Json;
use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{self, ActList, AuditEntry, Filter};
use crate::http::ValidQuery;
use crate::identity::{Identity, Staff, may};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::page::Page;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list_staff_acts))
}

/// Lists staff's acts from the audit log, newest first.
#[utoipa::path(get, path = "/v1/staff/audit", tag = "staff", params(ActList),
    responses((status = 200, description = "A page of acts.", body = Page<AuditEntry>, example = json!({"items": [{
        "id": 17, "at": 1_790_000_000_000_i64, "actor": 901_233_871, "act": "user.suspended", "user": 901_233_872,
        "detail": {"until": 1_790_086_400_000_i64}, "reason": "spam", "request_id": "0199b1c2-7d1e-7000-8000-000000000000",
    }]}))))]
async fn list_staff_acts(
    edge: Edge,
    _staff: Staff<may::ReadAudit>,
    ValidQuery(query): ValidQuery<ActList>,
) -> Result<Json<Page<AuditEntry>>> {
    let filter = Filter { actor: query.actor, user: query.user };
    Ok(Json(audit::page(&mut *edge.read().await?, filter, &query.window()?).await?))
}
