//! The lists of rooms, one room, and following rooms, by REST.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use parlor_protocol::record::{Closed, Privacy, Who};
use parlor_protocol::room::Person;
use parlor_protocol::{Coins, ErrorCode, RoomId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{ValidPath, ValidQuery};
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::{bad_field, line};
use crate::kit::page::Page;
use crate::room::days::{self, OwnDayList, RoomDay};
use crate::room::lists::{self, AdminRoomList, Filter, FollowedRoomList, OwnRoomList, RecentRoomList, RoomList};
use crate::room::record::{self, Listed};
use crate::room::{Crowd, Crowds};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
    Crowds: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(list_rooms))
        .routes(routes!(find_room))
        .routes(routes!(list_own_rooms))
        .routes(routes!(list_followed_rooms))
        .routes(routes!(list_recent_rooms))
        .routes(routes!(list_admin_rooms))
        .routes(routes!(follow_room, unfollow_room))
        .routes(routes!(list_own_room_days))
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
    /// Whether the platform's staff has put the room before all others.
    pinned: bool,
    /// How many users follow the room.
    followers: u32,
    /// All coins that were ever spent in the room.
    coins: Coins,
    /// How many people are in the room.
    people: u32,
    /// How many of them sit on a seat.
    seated: u32,
    /// The people on the first seats, at most four. Of a room that does not let everybody in: none.
    on_seats: Vec<Person>,
}

impl ListedRoom {
    fn of(listed: Listed, crowds: &Crowds) -> Self {
        let Listed { card, pinned, followers, coins, .. } = listed;
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
            pinned,
            followers,
            coins,
            people,
            seated,
            // Who is in a room that does not let everybody in is seen by those only who are let in.
            on_seats: if card.privacy == Privacy::Public { faces } else { Vec::new() },
        }
    }
}

/// Lists all rooms, newest first or the hot ones, or those of a country, with a tag, or that `q` finds.
///
/// Pinned rooms come first, except in a search. Hidden and closed rooms are in no list and in no search. The hot rooms are
/// those that are live, by their people now, each of which counts 50, and the coins of late, of which each counts 1, half of it
/// after 15 minutes, and so on; the order is at most 5 s old. A walk through them follows the order of its first page, for ten
/// minutes; after that a cursor is refused with `bad_request`.
#[utoipa::path(get, path = "/v1/rooms", tag = "rooms", params(RoomList),
    responses((status = 200, description = "A page of rooms.", body = Page<ListedRoom>, example = json!({"items": [
        {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8, "version": 2,
         "language": "ar", "tags": ["oud"], "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all",
         "privacy": "public", "pinned": false, "followers": 41, "coins": 4_210, "people": 12, "seated": 1,
         "on_seats": [{"id": 901_233_871, "name": "Omar"}]},
    ]}))))]
async fn list_rooms(
    edge: Edge,
    State(crowds): State<Crowds>,
    _user: CurrentUser,
    ValidQuery(query): ValidQuery<RoomList>,
) -> Result<Json<Page<ListedRoom>>> {
    let window = query.window()?;
    let checked = |field: &'static str, text: Option<String>, most: usize| {
        text.map(|text| line(&text, most).map_err(|why| bad_field(field, why))).transpose()
    };
    let text = checked("q", query.q, parlor_protocol::limit::ROOM_NAME_CHARS)?;
    let tag = checked("tag", query.tag, parlor_protocol::limit::TAG_CHARS)?;
    let filter = Filter::of(text, query.country, tag, query.sort)?;
    let page = lists::rooms(&mut *edge.read().await?, &crowds.ranking, &filter, &window).await?;
    Ok(Json(page.map(|room| ListedRoom::of(room, &crowds))))
}

/// Returns one room.
#[utoipa::path(get, path = "/v1/rooms/{id}", tag = "rooms",
    params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 200, description = "The room.", body = ListedRoom, example = json!({"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8, "version": 2,
         "language": "ar", "tags": ["oud"], "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all",
         "privacy": "public", "pinned": false, "followers": 41, "coins": 4_210, "people": 12, "seated": 1,
         "on_seats": [{"id": 901_233_871, "name": "Omar"}]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn find_room(
    edge: Edge,
    State(crowds): State<Crowds>,
    _user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<Json<ListedRoom>> {
    let room = record::look(&mut *edge.read().await?, id).await?;
    Ok(Json(ListedRoom::of(room, &crowds)))
}

/// Lists the rooms that the caller owns, newest first, hidden and closed ones too.
#[utoipa::path(get, path = "/v1/me/rooms", tag = "rooms", params(OwnRoomList),
    responses((status = 200, description = "A page of rooms.", body = Page<ListedRoom>, example = json!({"items": [
        {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8, "version": 2,
         "language": "ar", "tags": ["oud"], "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all",
         "privacy": "public", "pinned": false, "followers": 41, "coins": 4_210, "people": 12, "seated": 1,
         "on_seats": [{"id": 901_233_871, "name": "Omar"}]},
    ]}))))]
async fn list_own_rooms(
    edge: Edge,
    State(crowds): State<Crowds>,
    user: CurrentUser,
    ValidQuery(query): ValidQuery<OwnRoomList>,
) -> Result<Json<Page<ListedRoom>>> {
    let window = query.window()?;
    let page = lists::own(&mut *edge.read().await?, user.id, &window).await?;
    Ok(Json(page.map(|room| ListedRoom::of(room, &crowds))))
}

/// Lists the rooms that the caller follows, those first that they followed last.
#[utoipa::path(get, path = "/v1/me/rooms/followed", tag = "rooms", params(FollowedRoomList),
    responses((status = 200, description = "A page of rooms.", body = Page<ListedRoom>, example = json!({"items": [
        {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8, "version": 2,
         "language": "ar", "tags": ["oud"], "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all",
         "privacy": "public", "pinned": false, "followers": 41, "coins": 4_210, "people": 12, "seated": 1,
         "on_seats": [{"id": 901_233_871, "name": "Omar"}]},
    ]}))))]
async fn list_followed_rooms(
    edge: Edge,
    State(crowds): State<Crowds>,
    user: CurrentUser,
    ValidQuery(query): ValidQuery<FollowedRoomList>,
) -> Result<Json<Page<ListedRoom>>> {
    let window = query.window()?;
    let page = lists::followed(&mut *edge.read().await?, user.id, &window).await?;
    Ok(Json(page.map(|room| ListedRoom::of(room, &crowds))))
}

/// Lists the rooms that the caller was let into of late, the last one first: the last 200 visits.
///
/// A visit is a room token that was given. It may take a second until the list has it.
#[utoipa::path(get, path = "/v1/me/rooms/recent", tag = "rooms", params(RecentRoomList),
    responses((status = 200, description = "A page of rooms.", body = Page<ListedRoom>, example = json!({"items": [
        {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8, "version": 2,
         "language": "ar", "tags": ["oud"], "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all",
         "privacy": "public", "pinned": false, "followers": 41, "coins": 4_210, "people": 12, "seated": 1,
         "on_seats": [{"id": 901_233_871, "name": "Omar"}]},
    ]}))))]
async fn list_recent_rooms(
    edge: Edge,
    State(crowds): State<Crowds>,
    user: CurrentUser,
    ValidQuery(query): ValidQuery<RecentRoomList>,
) -> Result<Json<Page<ListedRoom>>> {
    let window = query.window()?;
    let page = lists::recent(&mut *edge.read().await?, user.id, &window).await?;
    Ok(Json(page.map(|room| ListedRoom::of(room, &crowds))))
}

/// Lists the rooms in which the caller is an admin, by their ids from the highest on.
#[utoipa::path(get, path = "/v1/me/rooms/admin", tag = "rooms", params(AdminRoomList),
    responses((status = 200, description = "A page of rooms.", body = Page<ListedRoom>, example = json!({"items": [
        {"id": 104_233_871, "name": "Evening in Amman", "owner": {"id": 901_233_871, "name": "Omar"}, "seats": 8, "version": 2,
         "language": "ar", "tags": ["oud"], "may_chat": "all", "may_post_images": "all", "may_invite": "all", "may_sit": "all",
         "privacy": "public", "pinned": false, "followers": 41, "coins": 4_210, "people": 12, "seated": 1,
         "on_seats": [{"id": 901_233_871, "name": "Omar"}]},
    ]}))))]
async fn list_admin_rooms(
    edge: Edge,
    State(crowds): State<Crowds>,
    user: CurrentUser,
    ValidQuery(query): ValidQuery<AdminRoomList>,
) -> Result<Json<Page<ListedRoom>>> {
    let window = query.window()?;
    let page = lists::admin(&mut *edge.read().await?, user.id, &window).await?;
    Ok(Json(page.map(|room| ListedRoom::of(room, &crowds))))
}

/// Follows a room, so that it is in the caller's list of followed rooms. A second time changes nothing.
#[utoipa::path(put, path = "/v1/rooms/{id}/follow", tag = "rooms", params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 204, description = "The caller follows the room.")),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::NotPermitted]))))]
async fn follow_room(edge: Edge, user: CurrentUser, ValidPath(id): ValidPath<RoomId>) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    lists::follow(&mut tx, user.id, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follows a room no more.
#[utoipa::path(delete, path = "/v1/rooms/{id}/follow", tag = "rooms", params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 204, description = "The caller does not follow the room.")),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
async fn unfollow_room(edge: Edge, user: CurrentUser, ValidPath(id): ValidPath<RoomId>) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    lists::unfollow(&mut tx, user.id, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists what the caller's room was on each day (UTC), the last one first: visitors, the most people at a time, minutes on seats,
/// coins.
///
/// The present day and the one before are counted anew each hour.
#[utoipa::path(get, path = "/v1/rooms/{id}/days", tag = "rooms",
    params(("id" = RoomId, Path, description = "The room's id."), OwnDayList),
    responses((status = 200, description = "A page of days.", body = Page<RoomDay>, example = json!({"items": [
        {"day": "2026-11-30", "visitors": 41, "peak": 12, "seat_minutes": 310, "coins": 4_210},
    ]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::Forbidden]))))]
async fn list_own_room_days(
    edge: Edge,
    user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<OwnDayList>,
) -> Result<Json<Page<RoomDay>>> {
    let window = query.window()?;
    Ok(Json(days::own_page(&mut *edge.read().await?, id, user.id, &window).await?))
}
