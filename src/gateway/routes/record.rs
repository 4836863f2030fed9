//! What the owner decides about a room by REST: its record, who is let in, and whether it is closed.

use axum::Json;
use axum::extract::{FromRef, State};
use parlor_protocol::command::{ChangeRoom, CloseRoom, InRoom};
use parlor_protocol::record::{COUNTRIES, LANGUAGES, Privacy, Who};
use parlor_protocol::reply::Done;
use parlor_protocol::{Command, ErrorCode, Op, RoomId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{GatewayState, done, unexpected};
use crate::gateway::rest::Guest;
use crate::http::{IdempotencyKey, ValidJson, ValidPath};
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::bad_field;
use crate::kit::operation::Operation;
use crate::room::{Answer, PasswordHash, PrivacyChange, Request};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    GatewayState: FromRef<S>,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(change_room))
        .routes(routes!(set_room_privacy))
        .routes(routes!(close_room, open_room))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RoomChange)]
struct Change {
    /// The version of the record that this was decided on; with another one the answer is `room_changed`.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    version: u64,
    /// The name: one line that is not blank.
    #[schema(min_length = 1, max_length = 60)]
    name: Option<String>,
    /// The announcement: one or several lines; an empty one removes it.
    #[schema(max_length = 500)]
    announcement: Option<String>,
    /// The language, as ISO 639-1; an empty one removes it.
    #[schema(schema_with = languages)]
    language: Option<String>,
    /// The country, as ISO 3166-1 alpha-2; an empty one removes it.
    #[schema(schema_with = countries)]
    country: Option<String>,
    /// All tags: each one line of 1 to 24 characters. They are stored in lower case, each once.
    #[schema(schema_with = tags)]
    tags: Option<Vec<String>>,
    /// The most people in the room, up to as many as the server lets into any room; 0 for as many.
    #[schema(minimum = 0, maximum = 1_000_000)]
    capacity: Option<u32>,
    /// The theme's name, as `GET /v1/room-themes` lists it; an empty one removes it.
    #[schema(max_length = 24, pattern = "^[a-z0-9_]*$")]
    theme: Option<String>,
    /// The background: the id of a ready upload of the caller's own with the purpose `room_background`; the nil UUID
    /// (`00000000-0000-0000-0000-000000000000`) removes it.
    background: Option<Uuid>,
    /// Who may write chat lines.
    may_chat: Option<Who>,
    /// Who may post images.
    may_post_images: Option<Who>,
    /// Who may invite others to a seat.
    may_invite: Option<Who>,
    /// Who may take a free seat by themselves.
    may_sit: Option<Who>,
}

/// One of these words, nothing, or null.
fn word(words: &[&str], description: &str) -> Object {
    let all = words.iter().copied().chain([""]).map(Value::from).chain([Value::Null]);
    let kinds = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).enum_values(Some(all)).description(Some(description)).build()
}

fn languages() -> Object {
    word(&LANGUAGES, "The language, as ISO 639-1; an empty one removes it.")
}

fn countries() -> Object {
    word(&COUNTRIES, "The country, as ISO 3166-1 alpha-2; an empty one removes it.")
}

fn tags() -> Array {
    let tag = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(24));
    let kinds = SchemaType::from_iter([Type::Array, Type::Null]);
    let tags = ArrayBuilder::new().schema_type(kinds).items(tag).max_items(Some(5));
    tags.description(Some("All tags: each one line. They are stored in lower case, each once.")).build()
}

/// Changes the record of the caller's room.
///
/// Fields that are absent stay as they are. People in the room are told by `room.changed`, lists and newcomers see the change
/// at once, and a room that sleeps is changed as well.
#[utoipa::path(patch, path = "/v1/rooms/{id}", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = Change, example = json!({"version": 3, "announcement": "Poetry at nine", "tags": ["poetry", "oud"],
        "may_chat": "seated"})),
    responses((status = 200, description = "The record is changed, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 51}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::RoomChanged, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn change_room(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(body): ValidJson<Change>,
) -> Result<Json<Done>> {
    let change = ChangeRoom {
        room,
        version: body.version,
        name: body.name,
        announcement: body.announcement,
        language: body.language,
        country: body.country,
        tags: body.tags,
        capacity: body.capacity,
        theme: body.theme,
        background: body.background,
        may_chat: body.may_chat,
        may_post_images: body.may_post_images,
        may_invite: body.may_invite,
        may_sit: body.may_sit,
    };
    done(&guest, room, key, Command::RoomChange(change)).await
}

/// The fewest and the most characters of a room's password.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 4..=64;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPrivacy {
    /// The version of the record that this was decided on; with another one the answer is `room_changed`.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    version: u64,
    /// Who is let in.
    privacy: Privacy,
    /// The password that is asked for with the privacy `password`; not used with any other. Absent: the one that the room
    /// has stays.
    #[schema(min_length = 4, max_length = 64)]
    password: Option<String>,
}

/// Says who is let into the caller's room.
///
/// It holds where room tokens are given: people in the room stay, and a token that was given holds for its few minutes. The
/// password is hashed by argon2id, and is stored and shown nowhere. A new one must be entered by everybody.
#[utoipa::path(put, path = "/v1/rooms/{id}/privacy", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation. The password is not part of what makes it the same.")),
    request_body(content = NewPrivacy, example = json!({"version": 3, "privacy": "password", "password": "open sesame"})),
    responses((status = 200, description = "The privacy is changed, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 52}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::RoomChanged, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn set_room_privacy(
    State(identity): State<Identity>,
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewPrivacy { version, privacy, password }): ValidJson<NewPrivacy>,
) -> Result<Json<Done>> {
    if version >= parlor_protocol::id::NUMBER_LIMIT.unsigned_abs() {
        return Err(bad_field("version", "a number from 0 to below 2^53"));
    }
    if let Some(password) = &password
        && !PASSWORD_CHARS.contains(&password.chars().count())
    {
        return Err(bad_field("password", "4 to 64 characters"));
    }
    let user = guest.person.id;
    // Whoever may not change the room is refused by it, and costs no hash.
    let password = match password.filter(|_| privacy == Privacy::Password) {
        Some(password) if guest.may_change(room).await? => {
            Some(PasswordHash(identity.hash_secret(user, password, guest.edge.chance()).await?))
        }
        _ => None,
    };
    let op = IdempotencyKey::or_new(key, &guest.edge);
    let operation = Operation::of_words(op, user, &format!("privacy of {room}: {version} {}", privacy.name()));
    let change = PrivacyChange { version, privacy, password };
    match guest.decide(room, Request::Privacy { user, operation, change }).await? {
        Answer::Done(done) => Ok(Json(done)),
        other => Err(unexpected(&other)),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RoomClosing)]
struct Closing {
    /// The reason, which everybody is told: one line.
    #[serde(default)]
    #[schema(max_length = 200)]
    reason: String,
}

/// Closes the caller's room: everybody is put out, and nobody may join until it is opened.
#[utoipa::path(put, path = "/v1/rooms/{id}/closing", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    request_body(content = Closing, example = json!({"reason": "until Friday"})),
    responses((status = 200, description = "The room is closed, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 53}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::NotPermitted, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn close_room(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(Closing { reason }): ValidJson<Closing>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::RoomClose(CloseRoom { room, reason })).await
}

/// Opens the caller's room again.
#[utoipa::path(delete, path = "/v1/rooms/{id}/closing", tag = "rooms",
    params(("id" = RoomId, Path, description = "Which room."),
        ("Idempotency-Key" = Option<Op>, Header, description = "The operation, as `op` on the socket.")),
    responses((status = 200, description = "The room is open, by this event.", body = Done,
        example = json!({"epoch": 1_790_000_000_000_i64, "seq": 54}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::NotInRoom, ErrorCode::Forbidden, ErrorCode::NotPermitted, ErrorCode::RoomPaused,
        ErrorCode::Busy,
    ]))))]
async fn open_room(
    guest: Guest,
    key: Option<IdempotencyKey>,
    ValidPath(room): ValidPath<RoomId>,
) -> Result<Json<Done>> {
    done(&guest, room, key, Command::RoomOpen(InRoom { room })).await
}
