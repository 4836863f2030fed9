//! Raised hands and invitations by REST.

use axum::Json;
use parlor_protocol::command::{OfferSeat, OnMap, OnUserOnMap, RaiseHand};
use parlor_protocol::reply::{Done, HandList};
use parlor_protocol::{Command, ErrorCode, Op, RoomId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Guest, OnMap as OnMapQuery, done, unexpected};
use crate::http::{IdempotencyKey, ValidJson, ValidPath, ValidQuery};
use crate::kit::error::Result;
use crate::room::{Answer, Request};
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HandWish {
    /// The number of the seat that the caller asks for; absent: any.
    #[schema(maximum = 255)]
    seat: Option<u8>,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    version: Option<u64>,
}

/// Raises the hand of the caller, who asks for a seat. It is lowered by itself after 30 s.
#[utoipa::path(put, path = "/v1/rooms/{id}/hand", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), 
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = HandWish, example = json!({"seat": 3})),
    responses((status = 200, description = "The hand is raised, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::AlreadySeated, ErrorCode::SeatNotFound,
        ErrorCode::Forbidden, ErrorCode::SeatsChanged, ErrorCode::QueueFull, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn raise_hand(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(HandWish { seat, version }): ValidJson<HandWish>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::HandRaise(RaiseHand { room, seat, version })).await
}

/// Lowers the caller's hand.
#[utoipa::path(delete, path = "/v1/rooms/{id}/hand", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),  OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The hand is lowered, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::HandSettled, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn lower_hand(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::HandLower(OnMap { room, version })).await
}

/// Lists the raised hands, oldest first, for the owner, the admins and the host.
#[utoipa::path(get, path = "/v1/rooms/{id}/hands", tag = "rooms", params(("id" = RoomId, Path, description = "Which room.")),
    responses((status = 200, description = "The hands.", body = HandList, example = json!({"hands": [
        {"user": {"id": 901_233_872, "name": "Amira"}, "seat": 3, "until": 1_790_000_030_000_i64},
    ]}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn list_hands(guest: Guest, ValidPath(room): ValidPath<RoomId>) -> Result<Json<HandList>> {
    match guest.look(room, Request::Hands { user: guest.person.id }).await? {
        Answer::Hands(hands) => Ok(Json(HandList { hands })),
        other => Err(unexpected(&other)),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeatOffer {
    /// The number of the seat; absent: the one that was asked for, or else the first free one.
    #[schema(maximum = 255)]
    seat: Option<u8>,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    version: Option<u64>,
}

/// Gives a user who has raised a hand a seat. A hand is settled once: whoever comes later is told what became of it.
#[utoipa::path(post, path = "/v1/rooms/{id}/hands/{user}/approval", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = SeatOffer, example = json!({})),
    responses((status = 200, description = "The user has a seat, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::HandSettled,
        ErrorCode::SeatNotFound, ErrorCode::SeatTaken, ErrorCode::SeatLocked, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn approve_hand(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
    ValidJson(SeatOffer { seat, version }): ValidJson<SeatOffer>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::HandApprove(OfferSeat { room, user, seat, version })).await
}

/// Refuses a user who has raised a hand.
#[utoipa::path(post, path = "/v1/rooms/{id}/hands/{user}/refusal", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."), OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The hand is lowered, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::HandSettled,
        ErrorCode::SeatsChanged, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn refuse_hand(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::HandRefuse(OnUserOnMap { room, user, version })).await
}

/// Invites a user who is in the room to take a seat, for 60 s.
#[utoipa::path(post, path = "/v1/rooms/{id}/invitations/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = SeatOffer, example = json!({"seat": 3})),
    responses((status = 200, description = "The user is invited, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::UserNotFound,
        ErrorCode::AlreadySeated, ErrorCode::SeatNotFound, ErrorCode::SeatTaken, ErrorCode::SeatLocked,
        ErrorCode::SeatsChanged, ErrorCode::QueueFull, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn invite(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
    ValidJson(SeatOffer { seat, version }): ValidJson<SeatOffer>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::InvitationSend(OfferSeat { room, user, seat, version })).await
}

/// Accepts an invitation, and takes the seat. If the seat cannot be had now, the invitation stays open.
#[utoipa::path(post, path = "/v1/rooms/{id}/invitation/acceptance", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),  OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The caller has the seat, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::InvitationOver, ErrorCode::SeatTaken,
        ErrorCode::SeatLocked, ErrorCode::SeatsChanged, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn accept_invitation(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::InvitationAccept(OnMap { room, version })).await
}

/// Refuses an invitation.
#[utoipa::path(post, path = "/v1/rooms/{id}/invitation/refusal", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),  OnMapQuery,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The invitation is over, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::InvitationOver, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
pub(super) async fn refuse_invitation(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(OnMapQuery { version }): ValidQuery<OnMapQuery>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::InvitationRefuse(OnMap { room, version })).await
}
