//! The admins of a room by REST: who they are, and whom its owner promotes and demotes.

use axum::Json;
use parlor_protocol::command::OnUser;
use parlor_protocol::reply::Done;
use parlor_protocol::room::Person;
use parlor_protocol::{Command, ErrorCode, Op, RoomId, UserId};

use super::{Guest, done};
use crate::http::{IdempotencyKey, ValidPath, ValidQuery};
use crate::kit::error::Result;
use crate::kit::page::Page;
use crate::room::Act;
use crate::room::admins::{self, AdminList};

/// Lists the admins of a room, for its members and its owner.
#[utoipa::path(get, path = "/v1/rooms/{id}/admins", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), AdminList),
    responses((status = 200, description = "A page of users, by id.", body = Page<Person>,
        example = json!({"items": [{"id": 901_233_872, "name": "Amira"}]}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn list_admins(
    guest: Guest,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<AdminList>,
) -> Result<Json<Page<Person>>> {
    let window = query.window()?;
    guest.permitted(room, Act::Look).await?;
    Ok(Json(admins::list(&mut *guest.edge.read().await?, room, &window).await?))
}

/// Makes a user who is in the caller's room one of its admins.
#[utoipa::path(put, path = "/v1/rooms/{id}/admins/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The user is an admin, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 51}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::UserNotFound,
        ErrorCode::TooManyAdmins, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn promote_admin(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::AdminPromote(OnUser { room, user })).await
}

/// Makes an admin of the caller's room a user like others again. An admin may do this to themselves.
#[utoipa::path(delete, path = "/v1/rooms/{id}/admins/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which admin."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The user is no admin any more, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 52}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::UserNotFound, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
pub(super) async fn demote_admin(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::AdminDemote(OnUser { room, user })).await
}
