//! Sessions over REST: refresh, list, end.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use parlor_protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::SessionList;
use crate::http::{ClientAddress, ValidJson, ValidPath, ValidQuery};
use crate::identity::routes::Welcome;
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::page::Page;

/// The routes `/v1/auth/refresh`, `/v1/me/sessions` and `/v1/me/sessions/{id}`.
pub(in crate::identity) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(refresh_session))
        .routes(routes!(list_sessions, end_other_sessions))
        .routes(routes!(end_session))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// The newest refresh token of this session.
    #[schema(format = Password)]
    refresh_token: String,
}

/// A session: one sign-in on one device.
#[derive(Serialize, ToSchema)]
struct SessionView {
    /// The session's id.
    id: Uuid,
    /// The client's name for its device.
    device: String,
    /// When the user signed in, in Unix milliseconds.
    created_at: i64,
    /// When the session was last refreshed, or else when the user signed in, in Unix milliseconds.
    last_used_at: i64,
    /// Whether it is the session of this request.
    current: bool,
}

/// Exchanges the refresh token for its successor and a new access token.
///
/// If the exchange is repeated within 30 s (unless the server is set up otherwise) and the successor has not been used,
/// the answer has the same successor. Any older token ends the session.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "accounts", security(()),
    request_body(content = Refresh, example = json!({"refresh_token": "AZmxwn0ecAC…"})),
    responses((status = 200, description = "The new tokens. The old refresh token cannot be used again.", body = Welcome, example = json!({
        "access_token": "eyJhbGciOiJIUzI1NiJ9.…", "expires_at": 1_790_000_900_000_i64,
        "expires_in_ms": 900_000,
        "refresh_token": "AZmxwn0ecAC…", "refresh_expires_at": 1_792_592_000_000_i64,
        "user": {"id": 901_233_872, "name": "Amira"},
    }))),
    extensions(("x-errors" = json!([ErrorCode::Unauthenticated, ErrorCode::Suspended, ErrorCode::RateLimited]))))]
async fn refresh_session(
    State(identity): State<Identity>,
    edge: Edge,
    ClientAddress(from): ClientAddress,
    ValidJson(body): ValidJson<Refresh>,
) -> Result<Json<Welcome>> {
    let token = identity.admit_refresh(from, &body.refresh_token)?;
    let mut tx = edge.begin().await?;
    // A token that is used again ends its session, so the transaction is committed although the request is refused.
    let refreshed = identity.refresh(&mut tx, &token, edge.chance()).await;
    let refreshed = tx.commit_either_way(refreshed).await?;
    Ok(Json(identity.granted(refreshed, edge.now())?.into()))
}

/// Lists the caller's sessions, newest first.
#[utoipa::path(get, path = "/v1/me/sessions", tag = "accounts", params(SessionList),
    responses((status = 200, description = "A page of sessions that have not ended.", body = Page<SessionView>, example = json!({"items": [{
        "id": "01990000-0000-7000-8000-000000000001", "device": "Amira's phone",
        "created_at": 1_790_000_000_000_i64, "last_used_at": 1_790_000_900_000_i64, "current": true,
    }]}))))]
async fn list_sessions(
    State(identity): State<Identity>,
    edge: Edge,
    user: CurrentUser,
    ValidQuery(query): ValidQuery<SessionList>,
) -> Result<Json<Page<SessionView>>> {
    let window = query.window()?;
    let devices = identity.devices(&mut *edge.read().await?, user.id, &window).await?;
    let page = window.page(devices, |device| device.id).map(|device| SessionView {
        id: device.id,
        device: device.name,
        created_at: device.created_at.0,
        last_used_at: device.last_used_at.0,
        current: device.id == user.session,
    });
    Ok(Json(page))
}

/// Signs the caller out on every other device. The sockets of those sessions are closed within two seconds.
#[utoipa::path(delete, path = "/v1/me/sessions", tag = "accounts",
    responses((status = 204, description = "Only the session of this request is left.")))]
async fn end_other_sessions(State(identity): State<Identity>, edge: Edge, user: CurrentUser) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    identity.end_other_sessions(&mut tx, user).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs the caller out on one device. The session's sockets are closed within two seconds.
#[utoipa::path(delete, path = "/v1/me/sessions/{id}", tag = "accounts",
    params(("id" = Uuid, Path, description = "The session's id.")),
    responses((status = 204, description = "The session has ended.")))]
async fn end_session(
    State(identity): State<Identity>,
    edge: Edge,
    user: CurrentUser,
    ValidPath(session): ValidPath<Uuid>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    identity.end_session(&mut tx, user.id, session).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
