//! Rooms over REST: make one, list, find, and the token to join with.

use axum::extract::{FromRef, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use parlor_protocol::RoomId;
use parlor_protocol::room::RoomCard;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::record;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::http::fields::line;
use crate::http::page::PageQuery;
use crate::http::{CurrentUser, Fields, Page, ValidJson, ValidPath, ValidQuery};
use crate::identity::Identity;

/// Characters of a room's name.
const NAME_CHARS: usize = 60;

/// `POST /v1/rooms`, `GET /v1/rooms`, `GET /v1/rooms/{id}`, `POST /v1/rooms/{id}/token`.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    PgPool: FromRef<S>,
{
    Router::new()
        .route("/v1/rooms", get(list).post(create))
        .route("/v1/rooms/{id}", get(find))
        .route("/v1/rooms/{id}/token", post(token))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRoom {
    name: String,
    seats: Option<u8>,
}

async fn create(
    State(pool): State<PgPool>,
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
            let card = record::create(&pool, user.id, &name, seats).await?;
            Ok((StatusCode::CREATED, [(header::LOCATION, format!("/v1/rooms/{}", card.id))], Json(card)))
        }
        _ => Err(fields.into_error()),
    }
}

async fn list(
    State(pool): State<PgPool>,
    _user: CurrentUser,
    ValidQuery(query): ValidQuery<PageQuery>,
) -> Result<Json<Page<RoomCard>>> {
    let (after, limit) = (query.after()?, query.limit()?);
    Ok(Json(record::list(&pool, after, limit).await?))
}

async fn find(
    State(pool): State<PgPool>,
    _user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<Json<RoomCard>> {
    Ok(Json(record::find(&pool, id).await?))
}

#[derive(Serialize)]
struct RoomToken {
    token: String,
    /// Unix milliseconds.
    expires_at: i64,
}

/// Whoever is signed in may ask: who is kept out of a room is the room's to know, and it looks at every
/// join, so that no token outlives a kick.
async fn token(
    State(pool): State<PgPool>,
    State(identity): State<Identity>,
    user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<Json<RoomToken>> {
    let room = record::find(&pool, id).await?;
    let token = identity.room_token(user.id, room.id, Timestamp::now())?;
    Ok(Json(RoomToken { token: token.token, expires_at: token.expires_at.0 }))
}
