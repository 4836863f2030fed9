//! What the server has to do, and what of it failed.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use parlor_protocol::ErrorCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Office;
use crate::http::{ValidPath, ValidQuery};
use crate::identity::{Identity, Staff, may};
use crate::kit::error::Result;
use crate::kit::jobs;
use crate::kit::page::{Cursor, Page, PageQuery};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Office: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list_jobs)).routes(routes!(retry_job))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobsQuery {
    /// Only those in this state.
    state: Option<jobs::State>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<Cursor>,
}

/// Jobs, newest first. What they hold is not shown.
#[utoipa::path(get, path = "/v1/staff/jobs", tag = "staff", params(JobsQuery),
    responses((status = 200, description = "A page of jobs.", body = Page<jobs::Listed>, example = json!({"items": [{
        "id": 81, "kind": "courier.mail", "state": "failed", "attempts": 8, "last_error": "the mail server answered 451",
        "created_at": 1_790_000_000_000_i64, "due_at": 1_790_000_140_000_i64, "finished_at": 1_790_000_141_000_i64,
        "can_retry": false,
    }]}))))]
async fn list_jobs(
    State(office): State<Office>,
    _staff: Staff<may::ReadJobs>,
    ValidQuery(query): ValidQuery<JobsQuery>,
) -> Result<Json<Page<jobs::Listed>>> {
    let page = PageQuery::new(query.limit, query.cursor);
    Ok(Json(office.jobs(query.state, page.after()?, page.limit()?).await?))
}

/// Has a failed job tried again, from its first attempt on.
#[utoipa::path(post, path = "/v1/staff/jobs/{id}/retry", tag = "staff",
    params(("id" = i64, Path, description = "Which job.", minimum = 1)),
    responses((status = 204, description = "It is due.")),
    extensions(("x-errors" = json!([ErrorCode::NotFound]))))]
async fn retry_job(
    State(office): State<Office>,
    staff: Staff<may::RetryJobs>,
    ValidPath(job): ValidPath<i64>,
) -> Result<StatusCode> {
    office.retry_job(staff.actor(), job).await?;
    Ok(StatusCode::NO_CONTENT)
}
