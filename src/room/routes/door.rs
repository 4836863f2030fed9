//! Who is let into a room, by REST: the token with which a user joins, and the guests and links of a room that asks for more.

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{ValidJson, ValidPath, ValidQuery};
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;
use crate::kit::page::Page;
use crate::room::Crowds;
use crate::room::conduct;
use crate::room::door::{self, Asks, GuestList};
use crate::room::record;
use crate::room::state::{Act, Role, may};

/// The most characters of what is shown for a token.
const SHOWN_CHARS: usize = 64;
/// The minutes for which a link may hold: 30 days at most.
const LINK_MINUTES: std::ops::RangeInclusive<u32> = 1..=43_200;
/// The minutes for which a link holds if nothing is said.
const A_DAY: u32 = 1_440;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
    Crowds: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(issue_room_token))
        .routes(routes!(list_room_guests))
        .routes(routes!(invite_room_guest, remove_room_guest))
        .routes(routes!(make_room_link, end_room_links))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Shown {
    /// The room's password, if it asks for one. Who has entered it once need not do so again until it changes.
    #[schema(max_length = 64)]
    password: Option<String>,
    /// A link of the room that the user has.
    #[schema(max_length = 64)]
    link: Option<String>,
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
/// The room's privacy says who may ask for it. Everybody may for a public or hidden room; for one with a password, who shows
/// that; for one of invited users, whom the owner has invited, and who shows a link. The owner always may. Nobody may while the
/// room is closed, nor who is banned. Whether somebody was kicked or banned is checked by the room at every join too, so that no
/// token outlives either.
#[utoipa::path(post, path = "/v1/rooms/{id}/token", tag = "rooms",
    params(("id" = RoomId, Path, description = "The room's id.")),
    request_body(content = Option<Shown>, example = json!({"password": "open sesame"})),
    responses((status = 200, description = "The token.", body = RoomToken,
        example = json!({"token": "eyJhbGciOiJIUzI1NiJ9.…", "expires_at": 1_790_000_300_000_i64}))),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::Banned, ErrorCode::WrongPassword, ErrorCode::NotPermitted, ErrorCode::RoomClosed, ErrorCode::Busy,
    ]))))]
async fn issue_room_token(
    edge: Edge,
    State(identity): State<Identity>,
    State(crowds): State<Crowds>,
    user: CurrentUser,
    ValidPath(room): ValidPath<RoomId>,
    body: Option<ValidJson<Shown>>,
) -> Result<Json<RoomToken>> {
    let shown = body.map(|ValidJson(shown)| shown);
    for (field, text) in shown.iter().flat_map(|shown| [("password", &shown.password), ("link", &shown.link)]) {
        if text.as_ref().is_some_and(|text| text.chars().count() > SHOWN_CHARS) {
            return Err(bad_field(field, format!("at most {SHOWN_CHARS} characters")));
        }
    }
    let asks = {
        let mut conn = edge.read().await?;
        conduct::check_not_banned(&mut conn, room, user.id).await?;
        door::look(&mut conn, room, user.id).await?
    };
    match (asks, shown.unwrap_or(Shown { password: None, link: None })) {
        (Asks::Nothing, _) => {}
        (_, Shown { link: Some(link), .. }) => {
            let mut tx = edge.begin().await?;
            door::admit_by_link(&mut tx, room, user.id, &link).await?;
            tx.commit().await?;
        }
        (Asks::Password(hash), Shown { password: Some(password), .. }) => {
            // It is counted before it is checked, so that a hundred guesses at the same time count as a hundred.
            let mut tx = edge.begin().await?;
            door::count_guess(&mut tx, room, user.id).await?;
            tx.commit().await?;
            if !identity.is_secret(user.id, password, hash.0.clone()).await? {
                return Err(Error::new(ErrorCode::WrongPassword));
            }
            let mut tx = edge.begin().await?;
            door::admit_by_password(&mut tx, room, user.id, &hash).await?;
            tx.commit().await?;
        }
        (Asks::Password(_), _) => {
            return Err(ErrorBody::new(ErrorCode::WrongPassword).message("the room asks for a password").into());
        }
        (Asks::Invitation, _) => {
            return Err(ErrorBody::new(ErrorCode::NotPermitted)
                .message("only invited users may join this room")
                .into());
        }
    }
    crowds.recents.note(user.id, room);
    let token = identity.room_token(user.id, room, edge.now())?;
    Ok(Json(RoomToken { token: token.token, expires_at: token.expires_at.0 }))
}

/// Lets through who may change the room's settings; `forbidden` for anybody else.
async fn may_change(conn: &mut PgConnection, room: RoomId, user: UserId) -> Result<()> {
    let owner = record::find(conn, room).await?.owner.id;
    let may = may(Role::outside(user, owner), Act::ChangeSettings);
    may.then_some(()).ok_or_else(|| Error::new(ErrorCode::Forbidden))
}

/// Lists the users whom the caller's room lets in whatever it asks of others: those who were invited or came by a link.
#[utoipa::path(get, path = "/v1/rooms/{id}/guests", tag = "rooms",
    params(("id" = RoomId, Path, description = "The room's id."), GuestList),
    responses((status = 200, description = "A page of users, by id.", body = Page<Person>,
        example = json!({"items": [{"id": 901_233_872, "name": "Amira"}]}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::Forbidden]))))]
async fn list_room_guests(
    edge: Edge,
    user: CurrentUser,
    ValidPath(room): ValidPath<RoomId>,
    ValidQuery(query): ValidQuery<GuestList>,
) -> Result<Json<Page<Person>>> {
    let window = query.window()?;
    let mut conn = edge.read().await?;
    may_change(&mut conn, room, user.id).await?;
    Ok(Json(door::guests(&mut conn, room, &window).await?))
}

/// Invites a user into the caller's room, which lets them in from now on whatever it asks of others.
#[utoipa::path(put, path = "/v1/rooms/{id}/guests/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "The room's id."), ("user" = UserId, Path, description = "The user to invite.")),
    responses((status = 204, description = "The user is invited.")),
    extensions(("x-errors" = json!([
        ErrorCode::RoomNotFound, ErrorCode::Forbidden, ErrorCode::UserNotFound, ErrorCode::NotPermitted,
    ]))))]
async fn invite_room_guest(
    edge: Edge,
    user: CurrentUser,
    ValidPath((room, guest)): ValidPath<(RoomId, UserId)>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    may_change(&mut tx, room, user.id).await?;
    door::invite(&mut tx, room, guest).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes back what lets a user into the caller's room. Whoever is in the room stays; a kick puts them out.
#[utoipa::path(delete, path = "/v1/rooms/{id}/guests/{user}", tag = "rooms",
    params(("id" = RoomId, Path, description = "The room's id."), ("user" = UserId, Path, description = "The user.")),
    responses((status = 204, description = "The room asks of the user what it asks of others.")),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::Forbidden]))))]
async fn remove_room_guest(
    edge: Edge,
    user: CurrentUser,
    ValidPath((room, guest)): ValidPath<(RoomId, UserId)>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    may_change(&mut tx, room, user.id).await?;
    door::take_back(&mut tx, room, guest).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLink {
    /// The minutes for which the link admits whoever has it; a day unless said otherwise.
    #[schema(minimum = 1, maximum = 43_200)]
    minutes: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct RoomLink {
    /// The link's secret, which is shown here and never again; `POST /v1/rooms/{id}/token` takes it as `link`.
    link: String,
    /// Until when it admits, in Unix milliseconds.
    expires_at: i64,
}

/// Makes a link into the caller's room, which admits whoever has it until it ends.
///
/// A room has 20 links at most; one more replaces the oldest. Who has come by a link stays a guest when it has ended.
#[utoipa::path(post, path = "/v1/rooms/{id}/links", tag = "rooms", params(("id" = RoomId, Path, description = "The room's id.")),
    request_body(content = NewLink, example = json!({"minutes": 60})),
    responses((status = 200, description = "The link.", body = RoomLink,
        example = json!({"link": "5f0c1b2a9d3e4f60718293a4b5c6d7e8", "expires_at": 1_790_003_600_000_i64}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::Forbidden]))))]
async fn make_room_link(
    edge: Edge,
    user: CurrentUser,
    ValidPath(room): ValidPath<RoomId>,
    ValidJson(NewLink { minutes }): ValidJson<NewLink>,
) -> Result<Json<RoomLink>> {
    let minutes = minutes.unwrap_or(A_DAY);
    if !LINK_MINUTES.contains(&minutes) {
        return Err(bad_field("minutes", "1 to 43200"));
    }
    let mut tx = edge.begin().await?;
    may_change(&mut tx, room, user.id).await?;
    let link = door::make_link(&mut tx, room, minutes, (edge.now(), edge.chance())).await?;
    tx.commit().await?;
    Ok(Json(RoomLink { link: link.link, expires_at: link.expires_at.0 }))
}

/// Ends all links into the caller's room. Who has come by one stays a guest.
#[utoipa::path(delete, path = "/v1/rooms/{id}/links", tag = "rooms", params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 204, description = "The room has no links.")),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::Forbidden]))))]
async fn end_room_links(edge: Edge, user: CurrentUser, ValidPath(room): ValidPath<RoomId>) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    may_change(&mut tx, room, user.id).await?;
    door::drop_links(&mut tx, room).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
