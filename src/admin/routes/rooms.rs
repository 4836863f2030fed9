//! Rooms over REST, for staff: list the live ones, empty one, close and open one, pin one, kick a user from one.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use parlor_protocol::command::{Kick, RecallLine};
use parlor_protocol::reply::Done;
use parlor_protocol::room::RoomCard;
use parlor_protocol::{Command, ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Office, reason};
use crate::admin::LiveRoomList;
use crate::http::{ValidJson, ValidPath, ValidQuery};
use crate::identity::{Identity, Staff, may};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::page::Page;
use crate::room::{Sight, StaffAct};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Office: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_live_rooms))
        .routes(routes!(close_live_room))
        .routes(routes!(kick_from_room))
        .routes(routes!(recall_room_line))
        .routes(routes!(suspend_room, restore_room))
        .routes(routes!(pin_room, unpin_room))
}

/// A room that is live.
#[derive(Serialize, ToSchema)]
struct LiveRoom {
    /// The room.
    room: RoomCard,
    /// How many people are in it.
    people: u32,
    /// How many of them have a seat.
    seated: u32,
}

impl From<Sight> for LiveRoom {
    fn from(Sight { card, people, seated }: Sight) -> Self {
        Self { room: card, people, seated }
    }
}

/// Lists the rooms that are live on this node, by id.
#[utoipa::path(get, path = "/v1/staff/rooms", tag = "staff", params(LiveRoomList),
    responses((status = 200, description = "A page of rooms.", body = Page<LiveRoom>, example = json!({"items": [{
        "room": {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8,
            "version": 1, "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all", "privacy": "public"},
        "people": 12, "seated": 4,
    }]}))))]
async fn list_live_rooms(
    State(office): State<Office>,
    _staff: Staff<may::ReadRooms>,
    ValidQuery(query): ValidQuery<LiveRoomList>,
) -> Result<Json<Page<LiveRoom>>> {
    Ok(Json(office.live_rooms(&query.window()?).await.map(LiveRoom::from)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Closing {
    /// Why; those who are in the room are told.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Puts everybody out of a room. They may join again at once.
#[utoipa::path(post, path = "/v1/staff/rooms/{id}/closings", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id.")),
    request_body(content = Closing, example = json!({"reason": "a police matter"})),
    responses((status = 200, description = "Nobody is in the room.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 45}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::RoomPaused, ErrorCode::Busy]))))]
async fn close_live_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::CloseRooms>,
    ValidPath(id): ValidPath<RoomId>,
    ValidJson(body): ValidJson<Closing>,
) -> Result<Json<Done>> {
    Ok(Json(office.close_room(&edge, staff.actor(), id, &reason(&body.reason)?).await?))
}

/// Closes a room: everybody is put out, and nobody may join until staff opens it. Its owner cannot.
#[utoipa::path(put, path = "/v1/staff/rooms/{id}/suspension", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id.")),
    request_body(content = Closing, example = json!({"reason": "a police matter"})),
    responses((status = 200, description = "The room is closed.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 45}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::RoomPaused, ErrorCode::Busy]))))]
async fn suspend_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::SuspendRooms>,
    ValidPath(id): ValidPath<RoomId>,
    ValidJson(body): ValidJson<Closing>,
) -> Result<Json<Done>> {
    Ok(Json(office.suspend_room(&edge, staff.actor(), id, &reason(&body.reason)?).await?))
}

/// Opens a room, whoever has closed it.
#[utoipa::path(delete, path = "/v1/staff/rooms/{id}/suspension", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 200, description = "The room is open.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 46}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::RoomPaused, ErrorCode::Busy]))))]
async fn restore_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::SuspendRooms>,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<Json<Done>> {
    Ok(Json(office.restore_room(&edge, staff.actor(), id).await?))
}

/// Puts a room before all others in lists.
#[utoipa::path(put, path = "/v1/staff/rooms/{id}/pin", tag = "staff", params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 204, description = "The room is pinned.")),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn pin_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::PinRooms>,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<StatusCode> {
    office.pin_room(&edge, staff.actor(), id, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a room back among the others in lists.
#[utoipa::path(delete, path = "/v1/staff/rooms/{id}/pin", tag = "staff", params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 204, description = "The room is not pinned.")),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn unpin_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::PinRooms>,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<StatusCode> {
    office.pin_room(&edge, staff.actor(), id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StaffKick {
    /// The user to put out. The room's owner can be put out too.
    user: UserId,
    /// Why; the room is told.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Puts a user out of a room, and keeps them out for ten minutes.
#[utoipa::path(post, path = "/v1/staff/rooms/{id}/kicks", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id.")),
    request_body(content = StaffKick, example = json!({"user": 901_233_872, "reason": "spam"})),
    responses((status = 200, description = "The user is out of the room.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 45}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::UserNotFound, ErrorCode::RoomPaused, ErrorCode::Busy]))))]
async fn kick_from_room(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::KickFromRooms>,
    ValidPath(id): ValidPath<RoomId>,
    ValidJson(body): ValidJson<StaffKick>,
) -> Result<Json<Done>> {
    let reason = reason(&body.reason)?;
    let kick = Kick { room: id, user: body.user, duration_ms: None, reason };
    Ok(Json(office.on_user_in_room(&edge, staff.actor(), (id, body.user), StaffAct::Kick(kick)).await?))
}

/// Recalls a line of a room's chat: its text is removed from the room and from what is stored of it.
#[utoipa::path(delete, path = "/v1/staff/rooms/{id}/lines/{epoch}/{seq}", tag = "staff",
    params(("id" = RoomId, Path, description = "The room's id."),
        ("epoch" = i64, Path, description = "The epoch of the line's event.", minimum = 0, maximum = 9_007_199_254_740_991_i64),
        ("seq" = u64, Path, description = "The `seq` of the line's event.", minimum = 1, maximum = 9_007_199_254_740_991_i64)),
    responses((status = 200, description = "The line is recalled.", body = Done, example = json!({"epoch": 1_790_000_000_000_i64, "seq": 45}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::NotFound, ErrorCode::RoomPaused, ErrorCode::Busy]))))]
async fn recall_room_line(
    State(office): State<Office>,
    edge: Edge,
    staff: Staff<may::RecallLines>,
    ValidPath((id, epoch, seq)): ValidPath<(RoomId, i64, u64)>,
) -> Result<Json<Done>> {
    Command::ChatRecall(RecallLine { room: id, epoch, seq }).validate()?;
    Ok(Json(office.recall_line(&edge, staff.actor(), id, (epoch, seq)).await?))
}
