//! The commands of a room by REST. Whoever takes part in a room must be in it by a socket; what the owner decides about
//! the room does not require that.

mod admins;
mod conduct;
mod hands;
mod lines;
mod ownership;
mod record;
mod seating;
mod voice;

use axum::Json;
use axum::extract::FromRef;
use parlor_protocol::command;
use parlor_protocol::command::{MoveSeat, OnAllSeats, OnSeat, Recipients, SendGift, TakeSeat};
use parlor_protocol::reply::{Done, GiftReceipt};
use parlor_protocol::room::{GiftLine, Member};
use parlor_protocol::{Command, ErrorCode, GiftId, Op, RoomId, UserId, limit};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::GatewayState;
use super::rest::Guest;
use crate::http::{IdempotencyKey, ValidJson, ValidPath, ValidQuery};
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::fields::{bad_field, line};
use crate::kit::page::{Cursor, Page};
use crate::room::{Answer, Request, SeatMap};

/// The routes of a room's record, seats, people, admins, voice, messages, kicks and gifts.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    GatewayState: FromRef<S>,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .merge(record::routes())
        .routes(routes!(list_seats))
        .routes(routes!(take_seat, move_seat, leave_seat))
        .routes(routes!(seating::claim_seat))
        .routes(routes!(lock_seat, unlock_seat))
        .routes(routes!(lock_seats, unlock_seats))
        .routes(routes!(seating::mute_self, seating::unmute_self))
        .routes(routes!(seating::mute_seat, seating::unmute_seat))
        .routes(routes!(seating::set_seat_mode))
        .routes(routes!(seating::set_layout))
        .routes(routes!(seating::move_user, seating::remove_user))
        .routes(routes!(hands::raise_hand, hands::lower_hand))
        .routes(routes!(hands::list_hands))
        .routes(routes!(hands::approve_hand))
        .routes(routes!(hands::refuse_hand))
        .routes(routes!(hands::invite))
        .routes(routes!(hands::accept_invitation))
        .routes(routes!(hands::refuse_invitation))
        .routes(routes!(list_participants))
        .merge(conduct::routes())
        .routes(routes!(admins::list_admins))
        .routes(routes!(admins::promote_admin, admins::demote_admin))
        .routes(routes!(voice::issue_voice_token))
        .routes(routes!(ownership::offer_room))
        .routes(routes!(ownership::withdraw_room))
        .routes(routes!(ownership::accept_room))
        .routes(routes!(ownership::refuse_room))
        .merge(lines::routes())
        .routes(routes!(list_room_gifts, send_gift))
}

/// The internal fault if a room gives an answer that does not belong to the request.
fn unexpected(answer: &Answer) -> Error {
    Error::internal(format!("a room gave an answer that does not belong to the request: {answer:?}"))
}

/// Gives the room a command that becomes an event, and returns that event's position.
async fn done(guest: &Guest, room: RoomId, key: Option<IdempotencyKey>, command: Command) -> Result<Json<Done>> {
    match guest.command(room, IdempotencyKey::or_new(key, &guest.edge), command).await? {
        Answer::Done(done) => Ok(Json(done)),
        other => Err(unexpected(&other)),
    }
}

/// Lists every seat of a room, for its members and its owner.
#[utoipa::path(get, path = "/v1/rooms/{id}/seats", tag = "rooms", params(("id" = RoomId, Path, description = "Which room.")),
    responses((status = 200, description = "The seats.", body = SeatMap, example = json!({"seats": [
        {"no": 0}, {"no": 1, "user": {"id": 901_233_872, "name": "Amira"}}, {"no": 2, "locked": true},
    ], "version": 14}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::RoomPaused, ErrorCode::Busy]))))]
async fn list_seats(guest: Guest, ValidPath(room): ValidPath<RoomId>) -> Result<Json<SeatMap>> {
    match guest.look(room, Request::Seats { user: guest.person.id }).await? {
        Answer::Seats(map) => Ok(Json(map)),
        other => Err(unexpected(&other)),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SeatWish {
    /// The seat's number; absent: the first free seat that is not the host's.
    #[schema(maximum = 255)]
    seat: Option<u8>,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    version: Option<u64>,
}

/// Takes a seat.
#[utoipa::path(put, path = "/v1/rooms/{id}/seat", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = SeatWish, example = json!({"seat": 3, "version": 12})),
    responses((status = 200, description = "The seat is the caller's, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 45}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::SeatNotFound, ErrorCode::SeatTaken, ErrorCode::SeatLocked,
        ErrorCode::AlreadySeated, ErrorCode::SeatsChanged, ErrorCode::Forbidden, ErrorCode::NotPermitted, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn take_seat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(SeatWish { seat, version }): ValidJson<SeatWish>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatTake(TakeSeat { room, seat, version })).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SeatMove {
    /// The number of the seat to move to.
    #[schema(maximum = 255)]
    seat: u8,
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[schema(maximum = 9_007_199_254_740_991_i64)]
    version: Option<u64>,
}

/// Moves the caller from their seat to another free one.
#[utoipa::path(patch, path = "/v1/rooms/{id}/seat", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = SeatMove, example = json!({"seat": 4, "version": 13})),
    responses((status = 200, description = "The other seat is the caller's, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 46}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::SeatNotFound, ErrorCode::SeatTaken, ErrorCode::SeatLocked,
        ErrorCode::NotSeated, ErrorCode::AlreadySeated, ErrorCode::SeatsChanged, ErrorCode::Forbidden, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn move_seat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(SeatMove { seat, version }): ValidJson<SeatMove>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatMove(MoveSeat { room, seat, version })).await
}

/// Leaves the caller's seat.
#[utoipa::path(delete, path = "/v1/rooms/{id}/seat", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), OnMap,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The seat is free, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 46}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::NotSeated, ErrorCode::SeatsChanged, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn leave_seat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(OnMap { version }): ValidQuery<OnMap>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatLeave(command::OnMap { room, version })).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OnMap {
    /// The seat map's version that this was decided on; with another one the answer is `seats_changed`.
    #[param(maximum = 9_007_199_254_740_991_i64)]
    version: Option<u64>,
}

/// Locks a seat. Whoever sits there is removed from it.
#[utoipa::path(put, path = "/v1/rooms/{id}/seats/{no}/lock", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("no" = u8, Path, description = "Which seat.", maximum = 255), OnMap,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The seat is locked, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 47}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::SeatNotFound, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn lock_seat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, seat)): ValidPath<(RoomId, u8)>,
    ValidQuery(OnMap { version }): ValidQuery<OnMap>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatLock(OnSeat { room, seat, version })).await
}

/// Unlocks a seat.
#[utoipa::path(delete, path = "/v1/rooms/{id}/seats/{no}/lock", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("no" = u8, Path, description = "Which seat.", maximum = 255), OnMap,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The seat is unlocked, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 48}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::SeatNotFound, ErrorCode::SeatsChanged,
        ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn unlock_seat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, seat)): ValidPath<(RoomId, u8)>,
    ValidQuery(OnMap { version }): ValidQuery<OnMap>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatUnlock(OnSeat { room, seat, version })).await
}

/// Locks all seats except the host's. Whoever sits there is removed from them; if an admin does it, not the owner and other
/// admins.
#[utoipa::path(put, path = "/v1/rooms/{id}/seats/lock", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), OnMap,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The seats are locked, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 49}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::SeatsChanged, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn lock_seats(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(OnMap { version }): ValidQuery<OnMap>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatLockAll(OnAllSeats { room, version })).await
}

/// Unlocks all seats.
#[utoipa::path(delete, path = "/v1/rooms/{id}/seats/lock", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), OnMap,
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The seats are unlocked, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 50}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::SeatsChanged, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn unlock_seats(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(OnMap { version }): ValidQuery<OnMap>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::SeatUnlockAll(OnAllSeats { room, version })).await
}

crate::list! {
    /// The query for the people in a room, by id.
    struct PeopleList: "room.people" by UserId {
        /// Only those whose name begins with this, in any case and without its marks, or whose id it is.
        #[param(min_length = 1, max_length = 60)]
        search: Option<String>,
    }
}

/// A page of the people in a room, by id.
#[derive(Serialize, ToSchema)]
struct Participants {
    /// The people, in the order of their ids.
    items: Vec<Member>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
    /// The number of people in the room.
    count: u32,
}

/// Lists the people in a room, or those of them who are searched for, for its members and its owner.
#[utoipa::path(get, path = "/v1/rooms/{id}/participants", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), PeopleList),
    responses((status = 200, description = "A page of people, by id.", body = Participants,
        example = json!({"items": [{"id": 901_233_872, "name": "Amira", "role": "speaker"}], "count": 1}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::RoomPaused, ErrorCode::Busy]))))]
async fn list_participants(
    guest: Guest,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<PeopleList>,
) -> Result<Json<Participants>> {
    let window = query.window()?;
    let checked = |text: String| line(&text, limit::SEARCH_CHARS).map_err(|why| bad_field("search", why));
    let search = query.search.map(checked).transpose()?.unwrap_or_default();
    match guest.look(room, Request::People { user: guest.person.id, after: window.behind(), search }).await? {
        Answer::People(page) => {
            let mut items = page.people;
            // The room has cut its page already, perhaps to fewer people than the window asks for.
            let more = page.more || items.len() > window.limit();
            items.truncate(window.limit());
            let next = items.last().filter(|_| more).map(|last| window.cursor(&last.person.id));
            Ok(Json(Participants { items, next, count: page.count }))
        }
        other => Err(unexpected(&other)),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGift {
    /// The gift's id in the catalogue.
    gift: GiftId,
    /// How many of it each receiver gets.
    #[schema(schema_with = gift_counts)]
    count: i64,
    /// The receivers.
    to: Recipients,
}

fn gift_counts() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(parlor_protocol::limit::GIFT_COUNTS)).build()
}

/// Sends a gift, which is paid with the caller's coins.
#[utoipa::path(post, path = "/v1/rooms/{id}/gifts", tag = "gifts",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Op, Header, description = "The operation: made once for each tap, and kept over retries.")),
    request_body(content = NewGift, example = json!({"gift": 1, "count": 10, "to": {"users": [901_233_872]}})),
    responses((status = 200, description = "The gift was paid, once.", body = GiftReceipt, example = json!({
        "receipt": 5121, "gift_no": 8, "at": 1_790_000_000_127_i64, "gift": 1, "count": 10, "to": [901_233_872], "total": 10,
        "balance": 9_990,
    }))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::GiftNotFound, ErrorCode::GiftToSelf, ErrorCode::NoReceivers,
        ErrorCode::UserNotFound, ErrorCode::SeatNotFound, ErrorCode::InsufficientFunds, ErrorCode::AmountOutOfRange,
        ErrorCode::Forbidden, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn send_gift(
    guest: Guest,
    IdempotencyKey(op): IdempotencyKey,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewGift { gift, count, to }): ValidJson<NewGift>,
) -> Result<Json<GiftReceipt>> {
    match guest.command(room, op, Command::GiftSend(SendGift { room, gift, count, to })).await? {
        Answer::Gift(receipt) => Ok(Json(receipt)),
        other => Err(unexpected(&other)),
    }
}

crate::list! {
    /// The query for the gifts of a room, by `gift_no`.
    struct RoomGiftList: "room.gifts" by i64 {
        /// Only gifts above this `gift_no`. If there is a `cursor`, it counts instead.
        #[param(minimum = 0)]
        after: Option<i64>,
    }
}

/// Lists the gifts that were given in a room, oldest first, for its members and its owner.
#[utoipa::path(get, path = "/v1/rooms/{id}/gifts", tag = "gifts",
    params(("id" = RoomId, Path, description = "Which room."), RoomGiftList),
    responses((status = 200, description = "A page of gifts.", body = Page<GiftLine>, example = json!({"items": [{
        "gift_no": 8, "receipt": 5121, "at": 1_790_000_000_127_i64, "from": {"id": 901_233_871, "name": "Omar"},
        "to": [{"id": 901_233_872, "name": "Amira"}], "gift": 1, "count": 10, "total": 10,
    }]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::RoomPaused, ErrorCode::Busy]))))]
async fn list_room_gifts(
    guest: Guest,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<RoomGiftList>,
) -> Result<Json<Page<GiftLine>>> {
    let window = query.window()?;
    let after = window.behind().or(query.after).unwrap_or(0);
    if after < 0 {
        return Err(crate::kit::fields::bad_field("after", "0 or more"));
    }
    let gifts = guest.gifts_above(room, after, window.limit() + 1).await?;
    Ok(Json(window.page(gifts, |gift| gift.gift_no)))
}
