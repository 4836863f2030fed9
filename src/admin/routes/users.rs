//! Users: found, read, suspended, signed out, and their roles.

use axum::Json;
use axum::extract::FromRef;
use axum::http::StatusCode;
use parlor_protocol::reply::Balance;
use parlor_protocol::{ErrorCode, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::reason;
use crate::economy::ledger::wallet;
use crate::http::{ValidJson, ValidPath, ValidQuery};
use crate::identity::dossier::{self, AccountList, Dossier, Listed, Search};
use crate::identity::may;
use crate::identity::role::{self, Role};
use crate::identity::suspension::{self, Suspension};
use crate::identity::{Identity, Staff};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::bad_field;
use crate::kit::page::Page;

/// The last moment that a suspension ends at: the year 2200. What is to last longer is for good.
const LAST_UNTIL: i64 = 7_258_118_400_000;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_users))
        .routes(routes!(read_user))
        .routes(routes!(suspend_user, lift_suspension))
        .routes(routes!(sign_user_out))
        .routes(routes!(revoke_user_session))
        .routes(routes!(list_roles))
        .routes(routes!(grant_role, take_role))
}

/// Users, newest first.
#[utoipa::path(get, path = "/v1/staff/users", tag = "staff", params(AccountList),
    responses((status = 200, description = "A page of users.", body = Page<Listed>, example = json!({"items": [
        {"id": 901_233_872, "name": "Amira", "created_at": 1_790_000_000_000_i64, "roles": ["support"], "suspended": false},
    ]}))))]
async fn list_users(
    edge: Edge,
    _staff: Staff<may::ReadUsers>,
    ValidQuery(query): ValidQuery<AccountList>,
) -> Result<Json<Page<Listed>>> {
    let window = query.window()?;
    let search = Search::parse(query.q.as_deref(), query.role)?;
    Ok(Json(dossier::list(&mut *edge.read().await?, &search, &window).await?))
}

/// Somebody as staff sees them.
#[derive(Serialize, ToSchema)]
struct UserFile {
    #[serde(flatten)]
    account: Dossier,
    /// Every balance, coins first.
    balances: Vec<Balance>,
}

/// One user: how they sign in, roles, suspension, sign-ins, balances.
///
/// That it was read is in the audit log.
#[utoipa::path(get, path = "/v1/staff/users/{id}", tag = "staff",
    params(("id" = UserId, Path, description = "Who.")),
    responses((status = 200, description = "The user.", body = UserFile, example = json!({
        "id": 901_233_872, "name": "Amira", "email": "amira@example.com", "created_at": 1_790_000_000_000_i64, "roles": [],
        "suspension": {"until": 1_790_086_400_000_i64, "reason": "spam", "at": 1_790_000_000_000_i64, "by": 901_233_871},
        "sessions": [{"id": "01990000-0000-7000-8000-000000000001", "device": "Amira's phone", "created_at": 1_790_000_000_000_i64}],
        "balances": [{"currency": "coin", "amount": 9_990, "xp": 100_000, "version": 5121, "exponent": 0}],
    }))),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn read_user(
    edge: Edge,
    staff: Staff<may::ReadUsers>,
    ValidPath(id): ValidPath<UserId>,
) -> Result<Json<UserFile>> {
    let mut tx = edge.begin().await?;
    let account = dossier::open(&mut tx, staff.actor(), id).await?;
    let balances = wallet::balances(&mut tx, id).await?;
    tx.commit().await?;
    Ok(Json(UserFile { account, balances }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSuspension {
    /// Unix milliseconds until which it holds, in the future; absent: for good.
    #[schema(minimum = 0, maximum = 7_258_118_400_000_i64)]
    until: Option<i64>,
    /// Why; the user is told.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Suspends somebody, in the place of any suspension before.
///
/// They can't sign in, refresh or use REST from now on, and their sockets are closed within two seconds.
/// Nobody suspends themselves, one who may do what they may not, or the last admin.
#[utoipa::path(put, path = "/v1/staff/users/{id}/suspension", tag = "staff",
    params(("id" = UserId, Path, description = "Who.")),
    request_body(content = NewSuspension, example = json!({"until": 4_102_444_800_000_i64, "reason": "spam"})),
    responses((status = 200, description = "The suspension.", body = Suspension, example = json!({
        "until": 4_102_444_800_000_i64, "reason": "spam", "at": 1_790_000_000_000_i64, "by": 901_233_871,
    }))),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn suspend_user(
    edge: Edge,
    staff: Staff<may::SuspendUsers>,
    ValidPath(id): ValidPath<UserId>,
    ValidJson(body): ValidJson<NewSuspension>,
) -> Result<Json<Suspension>> {
    let now = edge.now().0;
    if body.until.is_some_and(|until| until <= now || until > LAST_UNTIL) {
        return Err(bad_field("until", "in the future, before 2200; absent: for good"));
    }
    let reason = reason(&body.reason)?;
    let mut tx = edge.begin().await?;
    let suspension = suspension::suspend(&mut tx, staff.actor(), id, body.until, &reason).await?;
    tx.commit().await?;
    Ok(Json(suspension))
}

/// Lifts a suspension; where there is none nothing changes.
#[utoipa::path(delete, path = "/v1/staff/users/{id}/suspension", tag = "staff",
    params(("id" = UserId, Path, description = "Who.")),
    responses((status = 204, description = "They are not suspended.")),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn lift_suspension(
    edge: Edge,
    staff: Staff<may::SuspendUsers>,
    ValidPath(id): ValidPath<UserId>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    suspension::lift(&mut tx, staff.actor(), id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs somebody out everywhere; their sockets are closed within two seconds.
#[utoipa::path(delete, path = "/v1/staff/users/{id}/sessions", tag = "staff",
    params(("id" = UserId, Path, description = "Who.")),
    responses((status = 204, description = "No session of theirs stands.")),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn sign_user_out(
    edge: Edge,
    staff: Staff<may::RevokeSessions>,
    ValidPath(id): ValidPath<UserId>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    dossier::sign_out(&mut tx, staff.actor(), id, None).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs somebody out on one device.
#[utoipa::path(delete, path = "/v1/staff/users/{id}/sessions/{session}", tag = "staff",
    params(("id" = UserId, Path, description = "Who."), ("session" = Uuid, Path, description = "Which sign-in.")),
    responses((status = 204, description = "The session does not stand.")),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound]))))]
async fn revoke_user_session(
    edge: Edge,
    staff: Staff<may::RevokeSessions>,
    ValidPath((id, session)): ValidPath<(UserId, Uuid)>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    dossier::sign_out(&mut tx, staff.actor(), id, Some(session)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every role of the platform, and what it brings.
#[utoipa::path(get, path = "/v1/staff/roles", tag = "staff",
    responses((status = 200, description = "The roles.", body = Vec<Role>, example = json!([
        {"name": "support", "description": "Answers users.", "permissions": ["rooms.read", "sessions.revoke", "users.read"]},
    ]))))]
async fn list_roles(edge: Edge, _staff: Staff<may::ReadUsers>) -> Result<Json<Vec<Role>>> {
    Ok(Json(role::roles(&mut *edge.read().await?).await?))
}

/// Gives somebody a role; once more changes nothing.
///
/// Nobody gives a role that has a permission which they do not have, nor any to themselves.
#[utoipa::path(put, path = "/v1/staff/users/{id}/roles/{role}", tag = "staff",
    params(("id" = UserId, Path, description = "Who."), ("role" = String, Path, description = "Which role.")),
    responses((status = 204, description = "They have the role.")),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound, ErrorCode::BadRequest]))))]
async fn grant_role(
    edge: Edge,
    staff: Staff<may::GrantRoles>,
    ValidPath((id, role)): ValidPath<(UserId, String)>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    role::grant(&mut tx, staff.actor(), id, &role).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a role from somebody; once more changes nothing. It acts at their next request.
///
/// As with giving one; and the last admin stays.
#[utoipa::path(delete, path = "/v1/staff/users/{id}/roles/{role}", tag = "staff",
    params(("id" = UserId, Path, description = "Who."), ("role" = String, Path, description = "Which role.")),
    responses((status = 204, description = "They do not have the role.")),
    extensions(("x-errors" = json!([ErrorCode::UserNotFound, ErrorCode::BadRequest]))))]
async fn take_role(
    edge: Edge,
    staff: Staff<may::GrantRoles>,
    ValidPath((id, role)): ValidPath<(UserId, String)>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    role::take(&mut tx, staff.actor(), id, &role).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
