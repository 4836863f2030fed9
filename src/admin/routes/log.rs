//! What staff did.

use axum::Json;
use axum::extract::FromRef;
use parlor_protocol::UserId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{self, AuditEntry, Filter};
use crate::http::ValidQuery;
use crate::identity::{Identity, Staff, may};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::page::PageQuery;
use crate::kit::page::{Cursor, Page};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list_staff_acts))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ActsQuery {
    /// What this user did.
    actor: Option<UserId>,
    /// What was done to this user.
    user: Option<UserId>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<Cursor>,
}

/// The audit log, newest first.
#[utoipa::path(get, path = "/v1/staff/audit", tag = "staff", params(ActsQuery),
    responses((status = 200, description = "A page of acts.", body = Page<AuditEntry>, example = json!({"items": [{
        "id": 17, "at": 1_790_000_000_000_i64, "actor": 901_233_871, "act": "user.suspended", "user": 901_233_872,
        "detail": {"until": 1_790_086_400_000_i64}, "reason": "spam", "request_id": "0199b1c2-7d1e-7000-8000-000000000000",
    }]}))))]
async fn list_staff_acts(
    edge: Edge,
    _staff: Staff<may::ReadAudit>,
    ValidQuery(query): ValidQuery<ActsQuery>,
) -> Result<Json<Page<AuditEntry>>> {
    let page = PageQuery::new(query.limit, query.cursor);
    let filter = Filter { actor: query.actor, user: query.user };
    let (before, limit) = (page.after()?, page.limit()?);
    Ok(Json(audit::page(&mut *edge.read().await?, filter, before, limit).await?))
}
