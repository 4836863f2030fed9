//! The change of a room's record by REST.

use axum::Json;
use axum::extract::FromRef;
use parlor_protocol::command::ChangeRoom;
use parlor_protocol::record::{COUNTRIES, LANGUAGES, Who};
use parlor_protocol::reply::Done;
use parlor_protocol::{Command, ErrorCode, Op, RoomId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{GatewayState, done};
use crate::gateway::rest::Guest;
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
    OpenApiRouter::new().routes(routes!(change_room))
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
