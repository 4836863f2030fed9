//! What keeps order in a room, by REST: kicks, bans, mutes, and the rules of the chat.

use axum::Json;
use axum::extract::FromRef;
use parlor_protocol::command::{Ban, Kick, MuteChat, OnUser, SetChatRules};
use parlor_protocol::reply::Done;
use parlor_protocol::{Command, ErrorCode, Op, RoomId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Guest, done};
use crate::gateway::GatewayState;
use crate::http::{IdempotencyKey, ValidJson, ValidPath, ValidQuery};
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::page::Page;
use crate::room::Act;
use crate::room::conduct::{self, BanList, Banned, MuteList, Muted};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    GatewayState: FromRef<S>,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(kick_participant))
        .routes(routes!(list_bans, ban_user))
        .routes(routes!(unban_user))
        .routes(routes!(list_mutes))
        .routes(routes!(mute_in_chat, unmute_in_chat))
        .routes(routes!(set_chat_rules))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKick {
    /// The user to be kicked.
    user: UserId,
    /// The milliseconds for which the user may not join again, from a second to a day; absent: ten minutes, unless the
    /// server is set up otherwise.
    #[schema(minimum = 1_000, maximum = 86_400_000)]
    duration_ms: Option<u64>,
    /// The reason, which the user is told.
    #[serde(default)]
    #[schema(max_length = 200)]
    reason: String,
}

/// Kicks a user from a room, who may not join again for a while.
#[utoipa::path(post, path = "/v1/rooms/{id}/kicks", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewKick, example = json!({"user": 901_233_872, "reason": "spam"})),
    responses((status = 200, description = "The user was kicked, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 49}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Forbidden, ErrorCode::UserNotFound,
        ErrorCode::RoomListFull, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn kick_participant(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewKick { user, duration_ms, reason }): ValidJson<NewKick>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::RoomKick(Kick { room, user, duration_ms, reason })).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBan {
    /// The user to be banned, who need not be in the room.
    user: UserId,
    /// The milliseconds for which the ban holds, from a second to 366 days; absent: until it is lifted.
    #[schema(minimum = 1_000, maximum = 31_622_400_000_i64)]
    duration_ms: Option<u64>,
    /// The reason, which the user is told.
    #[serde(default)]
    #[schema(max_length = 200)]
    reason: String,
}

/// Bans a user from a room. Another ban of the same user replaces the first.
#[utoipa::path(post, path = "/v1/rooms/{id}/bans", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewBan, example = json!({"user": 901_233_872, "duration_ms": 86_400_000, "reason": "spam"})),
    responses((status = 200, description = "The user is banned, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 50}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Forbidden, ErrorCode::UserNotFound,
        ErrorCode::RoomListFull, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn ban_user(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewBan { user, duration_ms, reason }): ValidJson<NewBan>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::RoomBan(Ban { room, user, duration_ms, reason })).await
}

/// Lifts the ban of a user from a room. Nothing changes if the user is not banned.
#[utoipa::path(delete, path = "/v1/rooms/{id}/bans/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The user is not banned, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 51}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Forbidden, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn unban_user(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::RoomUnban(OnUser { room, user })).await
}

/// Lists the bans of a room that hold, newest first.
#[utoipa::path(get, path = "/v1/rooms/{id}/bans", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), BanList),
    responses((status = 200, description = "A page of bans.", body = Page<Banned>, example = json!({"items": [{
        "user": {"id": 901_233_872, "name": "Amira"}, "by": {"id": 901_233_871, "name": "Omar"},
        "at": 1_790_000_000_000_i64, "until": 1_790_086_400_000_i64, "reason": "spam",
    }]}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Forbidden, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn list_bans(
    guest: Guest,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<BanList>,
) -> Result<Json<Page<Banned>>> {
    let window = query.window()?;
    guest.permitted(room, Act::ReadConduct).await?;
    Ok(Json(conduct::list_bans(&mut *guest.edge.read().await?, room, &window).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMute {
    /// The milliseconds for which the user is muted, from a second to 366 days; absent: until that is lifted.
    #[schema(minimum = 1_000, maximum = 31_622_400_000_i64)]
    duration_ms: Option<u64>,
}

/// Mutes a user in the chat of a room. Another mute of the same user replaces the first.
#[utoipa::path(put, path = "/v1/rooms/{id}/mutes/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewMute, example = json!({"duration_ms": 600_000})),
    responses((status = 200, description = "The user is muted, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 52}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Forbidden, ErrorCode::UserNotFound,
        ErrorCode::RoomListFull, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn mute_in_chat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
    ValidJson(NewMute { duration_ms }): ValidJson<NewMute>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::ChatMute(MuteChat { room, user, duration_ms })).await
}

/// Lets a user who is muted in the chat of a room write again. Nothing changes if they are not muted.
#[utoipa::path(delete, path = "/v1/rooms/{id}/mutes/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), ("user" = UserId, Path, description = "Which user."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The user is not muted, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Forbidden, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn unmute_in_chat(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, user)): ValidPath<(RoomId, UserId)>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::ChatUnmute(OnUser { room, user })).await
}

/// Lists the mutes in the chat of a room that hold, newest first.
#[utoipa::path(get, path = "/v1/rooms/{id}/mutes", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."), MuteList),
    responses((status = 200, description = "A page of mutes.", body = Page<Muted>, example = json!({"items": [{
        "user": {"id": 901_233_872, "name": "Amira"}, "by": {"id": 901_233_871, "name": "Omar"},
        "at": 1_790_000_000_000_i64, "until": 1_790_000_600_000_i64,
    }]}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Forbidden, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn list_mutes(
    guest: Guest,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<MuteList>,
) -> Result<Json<Page<Muted>>> {
    let window = query.window()?;
    guest.permitted(room, Act::ReadConduct).await?;
    Ok(Json(conduct::list_mutes(&mut *guest.edge.read().await?, room, &window).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewChatRules {
    /// Whether everybody is muted, except the owner and the admins; absent: as it is.
    muted: Option<bool>,
    /// The seconds between two lines of one user; 0: no slow mode; absent: as it is.
    #[schema(maximum = 3_600)]
    slow_mode_s: Option<u32>,
}

/// Sets the rules of a room's chat, which do not bind its owner and its admins.
#[utoipa::path(patch, path = "/v1/rooms/{id}/chat", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewChatRules, example = json!({"slow_mode_s": 10})),
    responses((status = 200, description = "The rules are so, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 54}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Forbidden, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn set_chat_rules(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewChatRules { muted, slow_mode_s }): ValidJson<NewChatRules>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::ChatRules(SetChatRules { room, muted, slow_mode_s })).await
}
