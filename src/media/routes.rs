//! Uploads over REST, and where pictures are read.

use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use parlor_protocol::{ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use uuid::Uuid;

use super::service::{State as UploadState, Upload};
use super::{Media, Purpose, local};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::http::{CurrentUser, ValidJson, ValidPath};
use crate::identity::Identity;
use crate::room;

/// `/v1/uploads`, `/v1/me/avatar`, `/v1/users/{id}/avatar`, `/v1/rooms/{id}/logo`, and the folder's own.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    PgPool: FromRef<S>,
    Media: FromRef<S>,
{
    Router::new()
        .route("/v1/uploads", post(begin))
        .route("/v1/uploads/{id}", get(find))
        .route("/v1/uploads/{id}/complete", post(complete))
        .route("/v1/me/avatar", put(wear_avatar).delete(drop_avatar))
        .route("/v1/users/{id}/avatar", get(avatar))
        .route("/v1/rooms/{id}/logo", get(logo).put(hang_logo).delete(drop_logo))
        .route("/media/{*key}", get(local::get).put(local::put).layer(DefaultBodyLimit::disable()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUpload {
    purpose: Purpose,
    content_type: String,
    bytes: u32,
}

#[derive(Serialize)]
struct BegunBody {
    id: Uuid,
    /// Always `PUT`.
    method: &'static str,
    /// Absolute, or a path on this server.
    url: String,
    /// To be sent along, as they are.
    headers: serde_json::Map<String, serde_json::Value>,
    /// Unix milliseconds.
    expires_at: i64,
}

async fn begin(
    State(media): State<Media>,
    user: CurrentUser,
    ValidJson(body): ValidJson<NewUpload>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<BegunBody>)> {
    let begun = media.begin(user.id, body.purpose, &body.content_type, body.bytes, Timestamp::now()).await?;
    let location = [(header::LOCATION, format!("/v1/uploads/{}", begun.id))];
    let headers = begun.put.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let (id, url, expires_at) = (begun.id, begun.put.url, begun.expires_at.0);
    Ok((StatusCode::CREATED, location, Json(BegunBody { id, method: "PUT", url, headers, expires_at })))
}

#[derive(Serialize)]
struct UploadBody {
    id: Uuid,
    purpose: Purpose,
    /// `pending`, `ready` or `refused`.
    state: &'static str,
    content_type: String,
    bytes: i32,
    /// Where a ready one is read; absolute, or a path on this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Of a private one: Unix milliseconds until which the address holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    address_expires_at: Option<i64>,
}

impl From<Upload> for UploadBody {
    fn from(upload: Upload) -> Self {
        let Upload { id, purpose, state, content_type, bytes, address } = upload;
        let (address, expires) = address.unzip();
        let address_expires_at = expires.flatten().map(|at| at.0);
        Self { id, purpose, state: UploadState::name(state), content_type, bytes, address, address_expires_at }
    }
}

async fn complete(
    State(media): State<Media>,
    user: CurrentUser,
    ValidPath(id): ValidPath<Uuid>,
) -> Result<Json<UploadBody>> {
    Ok(Json(media.complete(user.id, id, Timestamp::now()).await?.into()))
}

async fn find(
    State(media): State<Media>,
    user: CurrentUser,
    ValidPath(id): ValidPath<Uuid>,
) -> Result<Json<UploadBody>> {
    Ok(Json(media.find(user.id, id, Timestamp::now()).await?.into()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    upload: Uuid,
}

#[derive(Serialize)]
struct Address {
    /// Absolute, or a path on this server.
    address: String,
}

async fn wear_avatar(
    State(media): State<Media>,
    user: CurrentUser,
    ValidJson(body): ValidJson<Shown>,
) -> Result<Json<Address>> {
    Ok(Json(Address { address: media.wear_avatar(user.id, body.upload).await? }))
}

async fn drop_avatar(State(media): State<Media>, user: CurrentUser) -> Result<StatusCode> {
    media.drop_avatar(user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A lasting address for pages: leads to the picture of the day. Public, as the picture is.
async fn avatar(State(media): State<Media>, ValidPath(id): ValidPath<UserId>) -> Result<Picture> {
    picture(media.avatar(id).await?)
}

async fn logo(State(media): State<Media>, ValidPath(id): ValidPath<RoomId>) -> Result<Picture> {
    picture(media.logo(id).await?)
}

type Picture = (StatusCode, [(HeaderName, String); 2]);

fn picture(address: Option<String>) -> Result<Picture> {
    let address = address.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let headers = [(header::LOCATION, address), (header::CACHE_CONTROL, "public, max-age=60".to_owned())];
    Ok((StatusCode::FOUND, headers))
}

async fn hang_logo(
    State(media): State<Media>,
    State(pool): State<PgPool>,
    user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
    ValidJson(body): ValidJson<Shown>,
) -> Result<Json<Address>> {
    owned(&pool, id, user.id).await?;
    Ok(Json(Address { address: media.hang_logo(user.id, id, body.upload).await? }))
}

async fn drop_logo(
    State(media): State<Media>,
    State(pool): State<PgPool>,
    user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<StatusCode> {
    owned(&pool, id, user.id).await?;
    media.drop_logo(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A room's picture is its owner's to choose.
async fn owned(pool: &PgPool, room: RoomId, user: UserId) -> Result<()> {
    if room::find(pool, room).await?.owner.id == user { Ok(()) } else { Err(Error::new(ErrorCode::Forbidden)) }
}
