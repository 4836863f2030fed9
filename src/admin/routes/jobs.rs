//! Jobs over REST: listed, and tried again after they failed.

use axum::Json;
use axum::extract::FromRef;
use axum::http::StatusCode;
use parlor_protocol::ErrorCode;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{self, Act};
use crate::http::{ValidPath, ValidQuery};
use crate::identity::{Identity, Staff, may};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::jobs;
use crate::kit::page::Page;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list_jobs)).routes(routes!(retry_job))
}

/// Lists jobs, newest first. Their payloads are not shown.
#[utoipa::path(get, path = "/v1/staff/jobs", tag = "staff", params(jobs::JobList),
    responses((status = 200, description = "A page of jobs.", body = Page<jobs::Listed>, example = json!({"items": [{
        "id": 81, "kind": "courier.mail", "state": "failed", "attempts": 8, "last_error": "the mail server answered 451",
        "created_at": 1_790_000_000_000_i64, "finished_at": 1_790_000_141_000_i64,
        "can_retry": false,
    }]}))))]
async fn list_jobs(
    edge: Edge,
    _staff: Staff<may::ReadJobs>,
    ValidQuery(query): ValidQuery<jobs::JobList>,
) -> Result<Json<Page<jobs::Listed>>> {
    Ok(Json(jobs::page(&mut *edge.read().await?, query.state, &query.window()?).await?))
}

/// Has a failed job tried again. Its count of attempts starts anew.
///
/// Only a failed job that still holds what it was told can be tried again; the list says which can (`can_retry`).
/// E-mail and SMS are emptied when they fail, because they hold codes and addresses.
#[utoipa::path(post, path = "/v1/staff/jobs/{id}/retry", tag = "staff",
    params(("id" = i64, Path, description = "The job's id.", minimum = 1)),
    responses((status = 204, description = "The job is due now.")),
    extensions(("x-errors" = json!([ErrorCode::NotFound, ErrorCode::CannotRetry]))))]
async fn retry_job(edge: Edge, staff: Staff<may::RetryJobs>, ValidPath(job): ValidPath<i64>) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    let kind = jobs::retry(&mut tx, job).await?;
    let act = Act::on("job.retried").detail(json!({"job": job, "kind": kind}));
    audit::record(&mut tx, staff.actor(), &act).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
