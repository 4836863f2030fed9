//! Lines of a room's chat, by REST: posting, recalling, and reacting to them.

use axum::Json;
use axum::extract::FromRef;
use axum::http::StatusCode;
use parlor_protocol::chat::{LineNumber, Reaction};
use parlor_protocol::command::{React, RecallLine, SendChat, SendImage};
use parlor_protocol::reply::Done;
use parlor_protocol::{Command, ErrorCode, Op, RoomId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{Guest, done};
use crate::gateway::GatewayState;
use crate::http::{IdempotencyKey, ValidJson, ValidPath};
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::error::Result;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    GatewayState: FromRef<S>,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(send_message))
        .routes(routes!(send_image))
        .routes(routes!(recall_line))
        .routes(routes!(add_reaction, remove_reaction))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    /// The message: one or several lines that show something.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
    /// The users whom it mentions; those who are not in the room are left out.
    #[serde(default)]
    #[schema(max_items = 10)]
    mentions: Vec<UserId>,
    /// The line to which it replies.
    reply_to: Option<LineNumber>,
}

/// Posts a message to a room.
#[utoipa::path(post, path = "/v1/rooms/{id}/messages", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewMessage, example = json!({"text": "good evening"})),
    responses((status = 200, description = "The message was posted, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 50}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Muted, ErrorCode::SlowMode,
        ErrorCode::NotPermitted, ErrorCode::TextRefused, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn send_message(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewMessage { text, mentions, reply_to }): ValidJson<NewMessage>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::ChatSend(SendChat { room, text, mentions, reply_to })).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewImage {
    /// The image: the id of a ready upload of the caller's own with the purpose `room_image`, which no line has shown yet.
    image: Uuid,
    /// The text beside it: one or several lines.
    #[serde(default)]
    #[schema(max_length = 2000)]
    text: String,
    /// The users whom the line mentions; those who are not in the room are left out.
    #[serde(default)]
    #[schema(max_items = 10)]
    mentions: Vec<UserId>,
    /// The line to which it replies.
    reply_to: Option<LineNumber>,
}

/// Posts a message with an image to a room.
///
/// The image is read at `/v1/rooms/{id}/images/{image}`.
#[utoipa::path(post, path = "/v1/rooms/{id}/images", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = NewImage, example = json!({"image": "01990000-0000-7000-8000-000000000001", "text": "the view from here"})),
    responses((status = 200, description = "The message is posted, by an event behind this one.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 50}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Muted, ErrorCode::SlowMode,
        ErrorCode::NotPermitted, ErrorCode::TextRefused, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn send_image(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewImage { image, text, mentions, reply_to }): ValidJson<NewImage>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::ChatImage(SendImage { room, image, text, mentions, reply_to })).await
}

/// Recalls a line of a room's chat: its text is removed from the room and from what is stored of it.
///
/// Whoever wrote the line may do this for two minutes, the room's owner and its admins at any time. A line that was recalled
/// before stays so.
#[utoipa::path(delete, path = "/v1/rooms/{id}/lines/{epoch}/{seq}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("epoch" = i64, Path, description = "The epoch of the line's event.", minimum = 0, maximum = 9_007_199_254_740_991_i64),
        ("seq" = u64, Path, description = "The `seq` of the line's event.", minimum = 1, maximum = 9_007_199_254_740_991_i64),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The line is recalled, by an event behind this one.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 55}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::NotFound, ErrorCode::NotPermitted,
        ErrorCode::TooLate, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn recall_line(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath((room, epoch, seq)): ValidPath<(RoomId, i64, u64)>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::ChatRecall(RecallLine { room, epoch, seq })).await
}

/// Puts a reaction of the caller below one of the last lines of a room's chat. Nothing changes if it is there.
#[utoipa::path(put, path = "/v1/rooms/{id}/lines/{epoch}/{seq}/reactions/{reaction}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("epoch" = i64, Path, description = "The epoch of the line's event.", minimum = 0, maximum = 9_007_199_254_740_991_i64),
        ("seq" = u64, Path, description = "The `seq` of the line's event.", minimum = 1, maximum = 9_007_199_254_740_991_i64),
        ("reaction" = inline(Reaction), Path, description = "Which reaction.")),
    responses((status = 204, description = "The reaction is there. The room is told a moment later.")),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Muted, ErrorCode::NotFound,
        ErrorCode::BadRequest, ErrorCode::NotPermitted, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn add_reaction(
    guest: Guest,
    ValidPath((room, epoch, seq, reaction)): ValidPath<(RoomId, i64, u64, Reaction)>,
) -> Result<StatusCode> {
    react(&guest, React { room, epoch, seq, reaction, on: None }).await
}

/// Takes a reaction of the caller away from one of the last lines of a room's chat. Nothing changes if it is not there.
#[utoipa::path(delete, path = "/v1/rooms/{id}/lines/{epoch}/{seq}/reactions/{reaction}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("epoch" = i64, Path, description = "The epoch of the line's event.", minimum = 0, maximum = 9_007_199_254_740_991_i64),
        ("seq" = u64, Path, description = "The `seq` of the line's event.", minimum = 1, maximum = 9_007_199_254_740_991_i64),
        ("reaction" = inline(Reaction), Path, description = "Which reaction.")),
    responses((status = 204, description = "The reaction is not there. The room is told a moment later.")),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Banned, ErrorCode::Muted, ErrorCode::NotFound,
        ErrorCode::BadRequest, ErrorCode::NotPermitted, ErrorCode::RoomPaused, ErrorCode::Busy,
    ]))))]
async fn remove_reaction(
    guest: Guest,
    ValidPath((room, epoch, seq, reaction)): ValidPath<(RoomId, i64, u64, Reaction)>,
) -> Result<StatusCode> {
    react(&guest, React { room, epoch, seq, reaction, on: Some(false) }).await
}

async fn react(guest: &Guest, on: React) -> Result<StatusCode> {
    guest.signal(on.room, Command::ChatReact(on)).await?;
    Ok(StatusCode::NO_CONTENT)
}
