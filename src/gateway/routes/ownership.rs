//! A room handed over by REST: offered, withdrawn, accepted, refused.

use axum::Json;
use parlor_protocol::command::{InRoom, OnUser};
use parlor_protocol::reply::Done;
use parlor_protocol::{Command, ErrorCode, Op, RoomId, UserId};

use super::{Guest, done};
use crate::http::{IdempotencyKey, ValidPath};
use crate::kit::error::Result;

/// Offers the caller's room to a user who is in it, for five minutes. It replaces an earlier offer.
#[utoipa::path(put, path = "/v1/rooms/{id}/ownership/offers/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The room is offered, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 54}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::UserNotFound, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
pub(super) async fn offer_room(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::OwnershipOffer(OnUser { room, user })).await
}

/// Withdraws the offer of the caller's room.
#[utoipa::path(delete, path = "/v1/rooms/{id}/ownership/offers", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The offer is over, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 55}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::InvitationOver, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
pub(super) async fn withdraw_room(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::OwnershipWithdraw(InRoom { room })).await
}

/// Accepts the offer of a room, which the caller owns from now on. The former owner keeps no right but those of the
/// seat they sit on.
#[utoipa::path(post, path = "/v1/rooms/{id}/ownership/acceptance", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The caller owns the room, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 56}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::InvitationOver,
        ErrorCode::TooManyRooms, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn accept_room(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::OwnershipAccept(InRoom { room })).await
}

/// Refuses the offer of a room.
#[utoipa::path(post, path = "/v1/rooms/{id}/ownership/refusal", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The offer is over, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 57}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::InvitationOver, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
pub(super) async fn refuse_room(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::OwnershipRefuse(InRoom { room })).await
}
