//! Rooms over REST: create, list and find rooms, and issue the token to join one.

mod door;
mod lists;

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::{HeaderName, StatusCode, header};
use parlor_protocol::ErrorCode;
use parlor_protocol::room::RoomCard;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::change::{self, Theme};
use super::record;
use super::{Crowds, RoomAllowance};
use crate::http::ValidJson;
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::{Fields, line};

/// The most characters of a room's name.
const NAME_CHARS: usize = 60;

/// `/v1/rooms`, `/v1/rooms/{id}`, `/v1/room-themes`, and a room's token, guests and links.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
    Crowds: FromRef<S>,
    RoomAllowance: FromRef<S>,
{
    OpenApiRouter::new()
        .merge(lists::routes())
        .routes(routes!(create_room))
        .routes(routes!(list_room_themes))
        .merge(door::routes())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRoom {
    /// The room's name: one line that is not blank.
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    /// The number of seats: 5, 8, 10, 12, 15 or 20.
    #[schema(schema_with = numbers_of_seats)]
    seats: Option<u8>,
}

fn numbers_of_seats() -> Object {
    let numbers = record::SEATS.map(|seats| json!(seats)).into_iter().chain([json!(null)]);
    let kinds = SchemaType::from_iter([Type::Integer, Type::Null]);
    let seats = ObjectBuilder::new().schema_type(kinds).enum_values(Some(numbers));
    seats.default(Some(json!(record::DEFAULT_SEATS))).description(Some("The number of seats.")).build()
}

/// Creates a room, which the caller owns.
///
/// A user may open five rooms in a day and have twenty, unless the server is set up otherwise.
#[utoipa::path(post, path = "/v1/rooms", tag = "rooms",
    request_body(content = NewRoom, example = json!({"name": "Evening in Amman", "seats": 8})),
    responses((status = 201, description = "The room was created; `Location` is its address.", body = RoomCard,
        headers(("Location" = String, description = "The room's address.")),
        example = json!({"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8,
            "version": 1, "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all", "privacy": "public"}))),
    extensions(("x-errors" = json!([ErrorCode::TooManyRooms]))))]
async fn create_room(
    State(allowance): State<RoomAllowance>,
    edge: Edge,
    user: CurrentUser,
    ValidJson(body): ValidJson<NewRoom>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<RoomCard>)> {
    let mut fields = Fields::default();
    let name = fields.take("name", line(&body.name, NAME_CHARS));
    let seats = body.seats.unwrap_or(record::DEFAULT_SEATS);
    if !record::SEATS.contains(&seats) {
        fields.refuse("seats", "one of 5, 8, 10, 12, 15, 20");
    }
    match name {
        Some(name) if fields.is_empty() => {
            let mut tx = edge.begin().await?;
            let card = record::create(&mut tx, edge.chance(), user.id, (&name, seats), allowance).await?;
            tx.commit().await?;
            tracing::info!(room.id = card.id.number(), user.id = user.id.number(), "a room was created");
            Ok((StatusCode::CREATED, [(header::LOCATION, format!("/v1/rooms/{}", card.id))], Json(card)))
        }
        _ => Err(fields.into_error()),
    }
}

/// The looks that rooms may choose.
#[derive(Serialize, ToSchema)]
struct RoomThemes {
    /// The themes, in the order in which they are shown.
    themes: Vec<Theme>,
}

/// Lists the themes that a room's record may name.
///
/// A theme with a `vip_level` above 0 cannot be chosen yet, because nobody has such a level.
#[utoipa::path(get, path = "/v1/room-themes", tag = "rooms", security(()),
    responses((status = 200, description = "All themes.", body = RoomThemes, example = json!({"themes": [{"name": "evening",
        "title_en": "Evening", "title_ar": "مساء", "vip_level": 0,
        "assets": {"background": "#1b1430", "surface": "#2a2147", "accent": "#c58bff"}}]}))))]
async fn list_room_themes(edge: Edge) -> Result<Json<RoomThemes>> {
    Ok(Json(RoomThemes { themes: change::themes(&mut *edge.read().await?).await? }))
}
