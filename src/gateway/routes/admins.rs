//! The admins of a room by REST: whom its owner promotes and demotes.

use axum::Json;
use parlor_protocol::command::OnUser;
use parlor_protocol::reply::Done;
use parlor_protocol::{Command, ErrorCode, Op, RoomId, UserId};

use super::{Guest, done};
use crate::http::{IdempotencyKey, ValidPath};
use crate::kit::error::Result;

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
