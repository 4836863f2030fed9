//! Users over REST: find and read them, suspend them, sign them out, change their roles.

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

/// The latest end of a suspension, in Unix milliseconds: the beginning of the year 2200. A longer suspension is given
/// without an end.
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

/// Lists users, newest first.
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

/// A user as staff sees them.
#[derive(Serialize, ToSchema)]
struct UserFile {
    #[serde(flatten)]
    account: Dossier,
    /// The user's balances, coins first.
    balances: Vec<Balance>,
}

/// Reads one user: phone and e-mail, roles, suspension, sessions, balances.
///
/// Each reading is an entry in the audit log.
#[utoipa::path(get, path = "/v1/staff/users/{id}", tag = "staff",
    params(("id" = UserId, Path, description = "The user's id.")),
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
    /// Until when the suspension holds, in Unix milliseconds and in the future; absent: for good.
    #[schema(minimum = 0, maximum = 7_258_118_400_000_i64)]
    until: Option<i64>,
    /// Why; the user is shown it.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Suspends a user. An earlier suspension is replaced.
///
/// From now on the user cannot sign in, refresh or use REST, and their sockets are closed within two seconds.
/// Staff may not suspend themselves, a user with a permission that they do not have, or the last admin.
#[utoipa::path(put, path = "/v1/staff/users/{id}/suspension", tag = "staff",
    params(("id" = UserId, Path, description = "The user's id.")),
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

/// Lifts a user's suspension. If the user is not suspended, nothing changes.
#[utoipa::path(delete, path = "/v1/staff/users/{id}/suspension", tag = "staff",
    params(("id" = UserId, Path, description = "The user's id.")),
    responses((status = 204, description = "The user is not suspended.")),
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

/// Signs a user out on every device. Their sockets are closed within two seconds.
#[utoipa::path(delete, path = "/v1/staff/users/{id}/sessions", tag = "staff",
    params(("id" = UserId, Path, description = "The user's id.")),
    responses((status = 204, description = "The user has no session any more.")),
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

/// Signs a user out on one device.
#[utoipa::path(delete, path = "/v1/staff/users/{id}/sessions/{session}", tag = "staff",
    params(("id" = UserId, Path, description = "The user's id."), ("session" = Uuid, Path, description = "The session's id.")),
    responses((status = 204, description = "The session has ended.")),
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

/// Lists the platform's roles with their permissions.
#[utoipa::path(get, path = "/v1/staff/roles", tag = "staff",
    responses((status = 200, description = "The roles.", body = Vec<Role>, example = json!([
        {"name": "support", "description": "Answers users.", "permissions": ["rooms.read", "sessions.revoke", "users.read"]},
    ]))))]
async fn list_roles(edge: Edge, _staff: Staff<may::ReadUsers>) -> Result<Json<Vec<Role>>> {
    Ok(Json(role::roles(&mut *edge.read().await?).await?))
}

/// Gives a user a role. If the user has it already, nothing changes.
///
/// Staff may not give a role with a permission that they do not have, and may not give a role to themselves.
#[utoipa::path(put, path = "/v1/staff/users/{id}/roles/{role}", tag = "staff",
    params(("id" = UserId, Path, description = "The user's id."), ("role" = String, Path, description = "The role's name.")),
    responses((status = 204, description = "The user has the role.")),
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

/// Takes a role from a user. If the user does not have it, nothing changes. It takes effect at their next request.
///
/// The same limits hold as for giving a role. The last admin keeps the role.
#[utoipa::path(delete, path = "/v1/staff/users/{id}/roles/{role}", tag = "staff",
    params(("id" = UserId, Path, description = "The user's id."), ("role" = String, Path, description = "The role's name.")),
    responses((status = 204, description = "The user does not have the role.")),
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
