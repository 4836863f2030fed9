//! The bans and mutes of any room over REST, for staff: list them, set one, lift one.

use axum::Json;
use axum::extract::{FromRef, State};
use parlor_protocol::command::{Ban, MuteChat};
use parlor_protocol::reply::Done;
use parlor_protocol::{ErrorCode, RoomId, UserId, limit};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Office, reason};
use crate::admin::{StaffBanList, StaffMuteList};
use crate::http::{ValidJson, ValidPath, ValidQuery};
use crate::identity::{Identity, Staff, may};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::bad_field;
use crate::kit::page::Page;
use crate::room::StaffAct;
use crate::room::conduct::{Banned, Muted};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Office: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_bans_of_room))
        .routes(routes!(ban_from_room, unban_from_room))
        .routes(routes!(list_mutes_of_room))
        .routes(routes!(mute_in_room, unmute_in_room))
}

/// Lists the bans of a room that hold, newest first.
#[utoipa::path(get, path = "/v1/staff/rooms/{id}/bans", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), StaffBanList),
    responses((status = 200, description = "A page of bans.", body = Page<Banned>, example = json!({"items": [{
        "user": {"id": 901_233_872, "name": "Amira"}, "by": {"id": 901_233_871, "name": "Omar"},
        "at": 1_790_000_000_000_i64, "until": 1_790_086_400_000_i64, "reason": "spam",
    }]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn list_bans_of_room(
    State(office): State<Office>,
    edge: Edge,
    _staff: Staff<may::ModerateRooms>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<StaffBanList>,
) -> Result<Json<Page<Banned>>> {
    Ok(Json(office.bans(&edge, room, &query.window()?).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StaffBan {
    /// The milliseconds for which the ban holds, from a second to 366 days; absent: until it is lifted.
    #[schema(minimum = 1_000, maximum = 31_622_400_000_i64)]
    duration_ms: Option<u64>,
    /// Why; the user and the room are told.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Refuses a time that is too short or too long for a ban or a mute.
fn duration(duration_ms: Option<u64>) -> Result<Option<u64>> {
    let bounds = limit::MEASURE_MIN_MS..=limit::MEASURE_MAX_MS;
    match duration_ms {
        Some(ms) if !bounds.contains(&ms) => {
            Err(bad_field("duration_ms", format!("{} to {}", bounds.start(), bounds.end())))
        }
        duration_ms => Ok(duration_ms),
    }
}

/// Bans a user from a room, in which they need not be. The room's owner can be banned too.
#[utoipa::path(put, path = "/v1/staff/rooms/{id}/bans/{user}", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), ("user" = UserId, Path, description = "The user.")),
    request_body(content = StaffBan, example = json!({"duration_ms": 86_400_000, "reason": "spam"})),
    responses((status = 200, description = "The user is banned.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 45}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::UserNotFound, ErrorCode::RoomListFull, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn ban_from_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::ModerateRooms>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
    ValidJson(body): ValidJson<StaffBan>,
) -> Result<Json<Done>> {
    let duration_ms = duration(body.duration_ms)?;
    let ban = Ban { room, user, duration_ms, reason: reason(&body.reason)? };
    Ok(Json(office.on_user_in_room(&edge, staff.actor(), (room, user), StaffAct::Ban(ban)).await?))
}

/// Lifts the ban of a user, whoever has set it. Nothing changes if there is none.
#[utoipa::path(delete, path = "/v1/staff/rooms/{id}/bans/{user}", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), ("user" = UserId, Path, description = "The user.")),
    responses((status = 200, description = "The user is not banned.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 46}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::UserNotFound, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn unban_from_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::ModerateRooms>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
) -> Result<Json<Done>> {
    Ok(Json(office.on_user_in_room(&edge, staff.actor(), (room, user), StaffAct::Unban { user }).await?))
}

/// Lists the mutes in the chat of a room that hold, newest first.
#[utoipa::path(get, path = "/v1/staff/rooms/{id}/mutes", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), StaffMuteList),
    responses((status = 200, description = "A page of mutes.", body = Page<Muted>, example = json!({"items": [{
        "user": {"id": 901_233_872, "name": "Amira"}, "by": {"id": 901_233_871, "name": "Omar"},
        "at": 1_790_000_000_000_i64, "until": 1_790_000_600_000_i64,
    }]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn list_mutes_of_room(
    State(office): State<Office>,
    edge: Edge,
    _staff: Staff<may::ModerateRooms>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<StaffMuteList>,
) -> Result<Json<Page<Muted>>> {
    Ok(Json(office.mutes(&edge, room, &query.window()?).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StaffMute {
    /// The milliseconds for which the user is muted, from a second to 366 days; absent: until that is lifted.
    #[schema(minimum = 1_000, maximum = 31_622_400_000_i64)]
    duration_ms: Option<u64>,
}

/// Mutes a user in the chat of a room. The room's owner and its admins write all the same.
#[utoipa::path(put, path = "/v1/staff/rooms/{id}/mutes/{user}", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), ("user" = UserId, Path, description = "The user.")),
    request_body(content = StaffMute, example = json!({"duration_ms": 600_000})),
    responses((status = 200, description = "The user is muted.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 47}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::UserNotFound, ErrorCode::RoomListFull, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn mute_in_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::ModerateRooms>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
    ValidJson(body): ValidJson<StaffMute>,
) -> Result<Json<Done>> {
    let mute = MuteChat { room, user, duration_ms: duration(body.duration_ms)? };
    Ok(Json(office.on_user_in_room(&edge, staff.actor(), (room, user), StaffAct::MuteChat(mute)).await?))
}

/// Lets a muted user write again, whoever has muted them. Nothing changes if they are not muted.
#[utoipa::path(delete, path = "/v1/staff/rooms/{id}/mutes/{user}", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."), ("user" = UserId, Path, description = "The user.")),
    responses((status = 200, description = "The user may write.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 48}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::UserNotFound, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn unmute_in_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::ModerateRooms>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
) -> Result<Json<Done>> {
    Ok(Json(office.on_user_in_room(&edge, staff.actor(), (room, user), StaffAct::UnmuteChat { user }).await?))
}
