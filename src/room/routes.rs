//! Rooms over REST: create, list and find rooms, and issue the token to join one.

mod door;

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::{HeaderName, StatusCode, header};
use parlor_protocol::record::{Closed, Privacy, Who};
use parlor_protocol::room::{Person, RoomCard};
use parlor_protocol::{ErrorCode, RoomId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::change::{self, Theme};
use super::record::{self, RoomList};
use super::{Crowd, Crowds, RoomAllowance};
use crate::http::{ValidJson, ValidPath, ValidQuery};
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::Fields;
use crate::kit::fields::{bad_field, line};
use crate::kit::page::Page;

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
        .routes(routes!(list_rooms, create_room))
        .routes(routes!(list_room_themes))
        .routes(routes!(find_room))
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

/// A room of the list, with who is in it now.
#[derive(Serialize, ToSchema)]
struct ListedRoom {
    /// The room's id.
    id: RoomId,
    /// The room's name.
    name: String,
    /// The room's owner.
    owner: Person,
    /// The number of seats.
    seats: u8,
    /// The record's version.
    version: u64,
    /// The announcement; absent: none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    announcement: String,
    /// The language, as ISO 639-1; absent: not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// The country, as ISO 3166-1 alpha-2; absent: not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// What the room is about; absent: nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    tags: Vec<String>,
    /// The most people in the room; absent: as many as the server lets into any room.
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    /// The theme's name; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    theme: Option<String>,
    /// The number that changes with the background, which is at `/v1/rooms/{id}/background?v=`; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    background: Option<u32>,
    /// Who may write chat lines.
    may_chat: Who,
    /// Who may post images.
    may_post_images: Who,
    /// Who may invite others to a seat.
    may_invite: Who,
    /// Who may take a free seat by themselves.
    may_sit: Who,
    /// Who is let in.
    privacy: Privacy,
    /// That the room is closed; absent: it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<Closed>,
    /// How many people are in the room.
    people: u32,
    /// How many of them sit on a seat.
    seated: u32,
    /// The people on the first seats, at most four.
    on_seats: Vec<Person>,
}

impl ListedRoom {
    fn of(card: RoomCard, crowds: &Crowds) -> Self {
        let Crowd { people, seated, faces } = crowds.in_room(card.id);
        Self {
            id: card.id,
            name: card.name,
            owner: card.owner,
            seats: card.seats,
            version: card.version,
            announcement: card.announcement,
            language: card.language,
            country: card.country,
            tags: card.tags,
            capacity: card.capacity,
            theme: card.theme,
            background: card.background,
            may_chat: card.may_chat,
            may_post_images: card.may_post_images,
            may_invite: card.may_invite,
            may_sit: card.may_sit,
            privacy: card.privacy,
            closed: card.closed,
            people,
            seated,
            on_seats: faces,
        }
    }
}

/// Lists all rooms, newest first, or those that `q` finds.
#[utoipa::path(get, path = "/v1/rooms", tag = "rooms", params(RoomList),
    responses((status = 200, description = "A page of rooms.", body = Page<ListedRoom>, example = json!({"items": [
        {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8,
         "version": 2, "language": "ar", "tags": ["oud"], "may_chat": "all", "may_post_images": "all", "may_invite": "all",
         "may_sit": "all", "privacy": "public", "people": 12, "seated": 1, "on_seats": [{"id": 901_233_871, "name": "Omar"}]},
    ]}))))]
async fn list_rooms(
    edge: Edge,
    State(crowds): State<Crowds>,
    _user: CurrentUser,
    ValidQuery(query): ValidQuery<RoomList>,
) -> Result<Json<Page<ListedRoom>>> {
    let window = query.window()?;
    let text = query.q.map(|q| line(&q, NAME_CHARS).map_err(|why| bad_field("q", why))).transpose()?;
    let page = record::list(&mut *edge.read().await?, text.as_deref(), &window).await?;
    Ok(Json(page.map(|card| ListedRoom::of(card, &crowds))))
}

/// Returns one room.
#[utoipa::path(get, path = "/v1/rooms/{id}", tag = "rooms",
    params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 200, description = "The room.", body = RoomCard,
        example = json!({"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8,
            "version": 1, "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all", "privacy": "public"}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn find_room(edge: Edge, _user: CurrentUser, ValidPath(id): ValidPath<RoomId>) -> Result<Json<RoomCard>> {
    Ok(Json(record::find(&mut *edge.read().await?, id).await?))
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
