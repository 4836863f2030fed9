//! Rooms over REST: create, list and find rooms, and issue the token to join one.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::{HeaderName, StatusCode, header};
use parlor_protocol::room::{Person, RoomCard};
use parlor_protocol::{ErrorCode, RoomId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::conduct;
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

/// `POST /v1/rooms`, `GET /v1/rooms`, `GET /v1/rooms/{id}`, `POST /v1/rooms/{id}/token`.
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
        .routes(routes!(find_room))
        .routes(routes!(issue_room_token))
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
        example = json!({"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8}))),
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
    /// How many people are in the room.
    people: u32,
    /// How many of them sit on a seat.
    seated: u32,
    /// The people on the first seats, at most four.
    on_seats: Vec<Person>,
}

impl ListedRoom {
    fn of(RoomCard { id, name, owner, seats }: RoomCard, crowds: &Crowds) -> Self {
        let Crowd { people, seated, faces } = crowds.in_room(id);
        Self { id, name, owner, seats, people, seated, on_seats: faces }
    }
}

/// Lists all rooms, newest first, or those that `q` finds.
#[utoipa::path(get, path = "/v1/rooms", tag = "rooms", params(RoomList),
    responses((status = 200, description = "A page of rooms.", body = Page<ListedRoom>, example = json!({"items": [
        {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8,
         "people": 12, "seated": 1, "on_seats": [{"id": 901_233_871, "name": "Omar"}]},
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
        example = json!({"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn find_room(edge: Edge, _user: CurrentUser, ValidPath(id): ValidPath<RoomId>) -> Result<Json<RoomCard>> {
    Ok(Json(record::find(&mut *edge.read().await?, id).await?))
}

#[derive(Serialize, ToSchema)]
struct RoomToken {
    /// The token, which `room.join` takes.
    token: String,
    /// When it expires, in Unix milliseconds.
    expires_at: i64,
}

/// Issues the token with which the caller may join a room; it holds for some minutes.
///
/// Everybody who is signed in may ask for it, unless they are banned from the room. Whether somebody was kicked or banned
/// is checked by the room at every join too, so that no token outlives either.
#[utoipa::path(post, path = "/v1/rooms/{id}/token", tag = "rooms",
    params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 200, description = "The token.", body = RoomToken,
        example = json!({"token": "eyJhbGciOiJIUzI1NiJ9.…", "expires_at": 1_790_000_300_000_i64}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::Banned]))))]
async fn issue_room_token(
    edge: Edge,
    State(identity): State<Identity>,
    user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<Json<RoomToken>> {
    let mut conn = edge.read().await?;
    let room = record::find(&mut conn, id).await?;
    conduct::check_not_banned(&mut conn, id, user.id).await?;
    drop(conn);
    let token = identity.room_token(user.id, room.id, edge.now())?;
    Ok(Json(RoomToken { token: token.token, expires_at: token.expires_at.0 }))
}
