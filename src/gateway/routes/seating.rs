//! Seats by REST, as far as they are not one's own to take: muted seats, the mode, the layout, and users who are moved.

use axum::Json;
use parlor_protocol::command::{InRoom, MoveUser, OnMap, OnSeat, OnUserOnMap, SetLayout, SetSeatMode};
use parlor_protocol::reply::Done;
use parlor_protocol::seating::{MovePolicy, SeatMode};
use parlor_protocol::{Command, ErrorCode, Op, RoomId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::{Guest, OnMap as OnMapQuery, done};
use crate::http::{IdempotencyKey, ValidJson, ValidPath, ValidQuery};
use crate::kit::error::Result;

/// Speaks from this device: the caller's seat is that of the session which took it, and that of the request has it from now
/// on. The caller's other devices may only listen.
#[utoipa::path(put, path = "/v1/rooms/{id}/seat/device", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The seat is this device's.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 45}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::NotSeated, ErrorCode::Forbidden, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
pub(super) async fn claim_seat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatClaim(InRoom { room })).await
}

/// Mutes the caller on their own seat, until they leave it or unmute.
#[utoipa::path(put, path = "/v1/rooms/{id}/seat/mute", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),  OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The caller is muted, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::NotSeated, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn mute_self(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::MicMute(OnMap { room, version })).await
}

/// Unmutes the caller. On a seat that the owner or an admin has muted they are still not heard.
#[utoipa::path(delete, path = "/v1/rooms/{id}/seat/mute", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),  OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The caller is not muted by themselves, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::NotSeated, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn unmute_self(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::MicUnmute(OnMap { room, version })).await
}

/// Mutes a seat: whoever sits there, now or later, is not heard.
#[utoipa::path(put, path = "/v1/rooms/{id}/seats/{no}/mute", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("no" = u8, Path, description = "Which seat.", maximum = 255), OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The seat is muted, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::SeatNotFound,
        ErrorCode::SeatsChanged, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn mute_seat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, seat)): ValidPath<(RoomId, u8)>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatMute(OnSeat { room, seat, version })).await
}

/// Unmutes a seat.
#[utoipa::path(delete, path = "/v1/rooms/{id}/seats/{no}/mute", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("no" = u8, Path, description = "Which seat.", maximum = 255), OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The seat is unmuted, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::SeatNotFound,
        ErrorCode::SeatsChanged, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn unmute_seat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, seat)): ValidPath<(RoomId, u8)>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatUnmute(OnSeat { room, seat, version })).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSeatMode {
    /// How users get a seat from now on.
    mode: SeatMode,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    version: Option<u64>,
}

/// Changes how users get a seat: by taking it, or by a hand.
#[utoipa::path(put, path = "/v1/rooms/{id}/seats/mode", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), 
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewSeatMode, example = json!({"mode": "apply"})),
    responses((status = 200, description = "The room has this mode, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn set_seat_mode(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewSeatMode { mode, version }): ValidJson<NewSeatMode>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatMode(SetSeatMode { room, mode, version })).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLayout {
    /// The number of seats from now on.
    #[schema(schema_with = layouts)]
    seats: u8,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    version: Option<u64>,
}

fn layouts() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(parlor_protocol::limit::LAYOUTS)).build()
}

/// Changes the number of seats. Users on seats that are no longer there lose them.
#[utoipa::path(put, path = "/v1/rooms/{id}/seats/layout", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), 
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewLayout, example = json!({"seats": 12, "version": 14})),
    responses((status = 200, description = "The room has this number of seats, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn set_layout(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewLayout { seats, version }): ValidJson<NewLayout>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatLayout(SetLayout { room, seats, version })).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSeatOfUser {
    /// The number of the seat to move the user to.
    #[schema(maximum = 255)]
    seat: u8,
    /// What becomes of a user who sits there.
    policy: MovePolicy,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    version: Option<u64>,
}

/// Moves a user from their seat to another one.
#[utoipa::path(put, path = "/v1/rooms/{id}/participants/{user}/seat", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewSeatOfUser, example = json!({"seat": 3, "policy": "swap"})),
    responses((status = 200, description = "The user sits there, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::UserNotFound,
        ErrorCode::NotSeated, ErrorCode::SeatNotFound, ErrorCode::SeatTaken, ErrorCode::SeatLocked,
        ErrorCode::AlreadySeated, ErrorCode::SeatsChanged, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn move_user(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
    ValidJson(NewSeatOfUser { seat, policy, version }): ValidJson<NewSeatOfUser>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatMoveUser(MoveUser { room, user, seat, policy, version })).await
}

/// Takes a user's seat away. They stay in the room.
#[utoipa::path(delete, path = "/v1/rooms/{id}/participants/{user}/seat", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."), OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The user has no seat any more, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::UserNotFound,
        ErrorCode::NotSeated, ErrorCode::SeatsChanged, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn remove_user(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatRemoveUser(OnUserOnMap { room, user, version })).await
}
