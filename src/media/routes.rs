//! Uploads, avatars and room logos over REST.

use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::{MethodRouter, get};
use parlor_protocol::{ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::service::{State as UploadState, Upload};
use super::{Media, Purpose, local};
use crate::http::{ValidJson, ValidPath};
use crate::identity::{CurrentUser, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::room::{self, Act, Role};

/// The routes `/v1/uploads`, `/v1/me/avatar`, `/v1/users/{id}/avatar`, `/v1/rooms/{id}/logo`, `/v1/rooms/{id}/background` and
/// `/v1/rooms/{id}/images`.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Edge: FromRef<S>,
    Media: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(begin_upload))
        .routes(routes!(find_upload))
        .routes(routes!(complete_upload))
        .routes(routes!(wear_avatar, drop_avatar))
        .routes(routes!(show_avatar))
        .routes(routes!(show_background))
        .routes(routes!(show_image))
        .routes(routes!(show_logo, hang_logo, drop_logo))
}

/// The route by which files of a local folder are uploaded and read. Its addresses are those that uploads and pictures
/// name where there is no object store.
pub fn files<S>() -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Edge: FromRef<S>,
    Media: FromRef<S>,
{
    get(local::get).put(local::put).layer(DefaultBodyLimit::disable())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUpload {
    /// What the file is for.
    purpose: Purpose,
    /// `image/jpeg`, `image/png` or `image/webp`; for a proof also `application/pdf`.
    #[schema(pattern = "^(image/jpeg|image/png|image/webp|application/pdf)$")]
    content_type: String,
    /// The file's exact size in bytes; the server allows fewer for each purpose (`media.*_bytes`).
    #[schema(minimum = 1, maximum = 104_857_600)]
    bytes: u32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BegunUpload)]
struct BegunBody {
    /// The upload's id.
    id: Uuid,
    /// The method of the request that sends the file: always `PUT`.
    method: &'static str,
    /// Where to send the file: an absolute address, or a path on this server.
    url: String,
    /// The headers to send with the file, unchanged.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    headers: serde_json::Map<String, serde_json::Value>,
    /// Until when the address may be used, in Unix milliseconds.
    expires_at: i64,
}

/// Announces a file, and gets the address to upload it to.
///
/// Send the file by `PUT` to `url` with exactly the `headers`, and then complete the upload.
#[utoipa::path(post, path = "/v1/uploads", tag = "media",
    request_body(content = NewUpload, example = json!({"purpose": "avatar", "content_type": "image/webp", "bytes": 18_204})),
    responses((status = 201, description = "The file may be uploaded; `Location` is the upload.", body = BegunBody,
        headers(("Location" = String, description = "The upload's address.")),
        example = json!({
            "id": "01990000-0000-7000-8000-000000000001", "method": "PUT", "url": "/media/incoming/01990000?signature=…",
            "headers": {"content-type": "image/webp"}, "expires_at": 1_790_000_900_000_i64,
        }))),
    extensions(("x-errors" = json!([ErrorCode::FeatureOff]))))]
async fn begin_upload(
    State(media): State<Media>,
    edge: Edge,
    user: CurrentUser,
    ValidJson(body): ValidJson<NewUpload>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<BegunBody>)> {
    media.check_announced(body.purpose, &body.content_type, body.bytes)?;
    media.admit(user.id)?;
    let file = (body.purpose, body.content_type.as_str(), body.bytes);
    let mut tx = edge.begin().await?;
    let begun = media.begin(&mut tx, user.id, file, (edge.now(), edge.chance())).await?;
    tx.commit().await?;
    let location = [(header::LOCATION, format!("/v1/uploads/{}", begun.id))];
    let headers = begun.put.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let (id, url, expires_at) = (begun.id, begun.put.url, begun.expires_at.0);
    Ok((StatusCode::CREATED, location, Json(BegunBody { id, method: "PUT", url, headers, expires_at })))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Upload)]
struct UploadBody {
    /// The upload's id.
    id: Uuid,
    /// What the file is for.
    purpose: Purpose,
    /// `pending`, `ready` or `refused`.
    state: &'static str,
    /// The content type that was announced.
    content_type: String,
    /// The size in bytes that was announced.
    bytes: i32,
    /// Where a ready file is read: an absolute address, or a path on this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// For a private file: until when the address may be used, in Unix milliseconds.
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

/// Completes an upload: the server checks the file's content.
///
/// A picture is decoded and written anew: turned as its metadata says, without metadata, with at most 1,024 pixels a side
/// (a background and an image of a line 1,920, a proof 4,096), and only the first picture of an animated one. A WebP becomes a JPEG, or a PNG if it is transparent.
#[utoipa::path(post, path = "/v1/uploads/{id}/complete", tag = "media", params(("id" = Uuid, Path, description = "The upload's id.")),
    responses((status = 200, description = "The file is what was announced.", body = UploadBody, example = json!({
        "id": "01990000-0000-7000-8000-000000000001", "purpose": "avatar", "state": "ready", "content_type": "image/webp",
        "bytes": 18_204, "address": "/media/public/avatar/7f/7f3a.jpg",
    }))),
    extensions(("x-errors" = json!([ErrorCode::UploadMissing, ErrorCode::UploadRefused, ErrorCode::FeatureOff, ErrorCode::Busy]))))]
async fn complete_upload(
    State(media): State<Media>,
    edge: Edge,
    user: CurrentUser,
    ValidPath(id): ValidPath<Uuid>,
) -> Result<Json<UploadBody>> {
    Ok(Json(media.complete(&edge, user.id, id).await?.into()))
}

/// Reads one of the caller's uploads.
#[utoipa::path(get, path = "/v1/uploads/{id}", tag = "media", params(("id" = Uuid, Path, description = "The upload's id.")),
    responses((status = 200, description = "The upload.", body = UploadBody, example = json!({
        "id": "01990000-0000-7000-8000-000000000001", "purpose": "avatar", "state": "ready", "content_type": "image/webp",
        "bytes": 18_204, "address": "/media/public/avatar/7f/7f3a.jpg",
    }))),
    extensions(("x-errors" = json!([ErrorCode::FeatureOff]))))]
async fn find_upload(
    State(media): State<Media>,
    edge: Edge,
    user: CurrentUser,
    ValidPath(id): ValidPath<Uuid>,
) -> Result<Json<UploadBody>> {
    Ok(Json(media.find(&mut *edge.read().await?, user.id, id, edge.now()).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ShownUpload)]
struct Shown {
    /// The id of an upload that is ready and has the right purpose.
    upload: Uuid,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PictureAddress)]
struct Address {
    /// Where the picture is read: an absolute address, or a path on this server.
    address: String,
}

/// Sets the caller's avatar to an uploaded picture.
///
/// The change is told to the room that the caller is in, and to the caller's devices, by `person.changed`.
#[utoipa::path(put, path = "/v1/me/avatar", tag = "media",
    request_body(content = Shown, example = json!({"upload": "01990000-0000-7000-8000-000000000001"})),
    responses((status = 200, description = "The picture is shown.", body = Address, example = json!({"address": "/media/public/avatar/7f/7f3a.jpg"}))),
    extensions(("x-errors" = json!([ErrorCode::NotFound, ErrorCode::UploadMissing, ErrorCode::UploadRefused, ErrorCode::FeatureOff]))))]
async fn wear_avatar(
    State(media): State<Media>,
    State(identity): State<Identity>,
    edge: Edge,
    user: CurrentUser,
    ValidJson(body): ValidJson<Shown>,
) -> Result<Json<Address>> {
    identity.admit_change(user.id)?;
    let mut tx = edge.begin().await?;
    let address = media.wear_avatar(&mut tx, user.id, body.upload).await?;
    identity.set_picture(&mut tx, user.id, Some(body.upload)).await?;
    let _noted = identity.note_change(user.id);
    tx.commit().await?;
    Ok(Json(Address { address }))
}

/// Removes the caller's avatar.
#[utoipa::path(delete, path = "/v1/me/avatar", tag = "media",
    responses((status = 204, description = "The caller has no avatar.")),
    extensions(("x-errors" = json!([ErrorCode::FeatureOff]))))]
async fn drop_avatar(
    State(media): State<Media>,
    State(identity): State<Identity>,
    edge: Edge,
    user: CurrentUser,
) -> Result<StatusCode> {
    identity.admit_change(user.id)?;
    let mut tx = edge.begin().await?;
    media.drop_avatar(&mut tx, user.id).await?;
    identity.set_picture(&mut tx, user.id, None).await?;
    let _noted = identity.note_change(user.id);
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Redirects to a user's avatar.
///
/// This address stays the same when the avatar changes, so that pages can use it. It needs no sign-in. A page that adds
/// `?v=` and the number `picture` of a person is shown the new picture at once, whatever caches keep.
#[utoipa::path(get, path = "/v1/users/{id}/avatar", tag = "media", security(()),
    params(("id" = UserId, Path, description = "The user's id.")),
    responses((status = 302, description = "`Location` is the picture.", headers(("Location" = String, description = "The picture's address.")))),
    extensions(("x-errors" = json!([ErrorCode::FeatureOff]))))]
async fn show_avatar(State(media): State<Media>, edge: Edge, ValidPath(id): ValidPath<UserId>) -> Result<Picture> {
    picture(media.avatar(&mut *edge.read().await?, id).await?)
}

/// Redirects to a room's logo.
///
/// This address stays the same when the logo changes, so that pages can use it. It needs no sign-in.
#[utoipa::path(get, path = "/v1/rooms/{id}/logo", tag = "media", security(()), params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 302, description = "`Location` is the picture.", headers(("Location" = String, description = "The picture's address.")))),
    extensions(("x-errors" = json!([ErrorCode::FeatureOff]))))]
async fn show_logo(State(media): State<Media>, edge: Edge, ValidPath(id): ValidPath<RoomId>) -> Result<Picture> {
    picture(media.logo(&mut *edge.read().await?, id).await?)
}

/// Redirects to a room's background.
///
/// This address stays the same when the background changes. It needs no sign-in. A page that adds `?v=` and the number
/// `background` of the room's card is shown the new picture at once, whatever caches keep.
#[utoipa::path(get, path = "/v1/rooms/{id}/background", tag = "media", security(()),
    params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 302, description = "`Location` is the picture.", headers(("Location" = String, description = "The picture's address.")))),
    extensions(("x-errors" = json!([ErrorCode::FeatureOff]))))]
async fn show_background(State(media): State<Media>, edge: Edge, ValidPath(id): ValidPath<RoomId>) -> Result<Picture> {
    picture(media.background(&mut *edge.read().await?, id).await?)
}

/// Redirects to the image of a line in a room's chat, until the line is recalled or its time is over.
///
/// It needs no sign-in, as pages show it by its address.
#[utoipa::path(get, path = "/v1/rooms/{id}/images/{image}", tag = "media", security(()),
    params(("id" = RoomId, Path, description = "The room's id."), ("image" = Uuid, Path, description = "The line's `image`.")),
    responses((status = 302, description = "`Location` is the picture.", headers(("Location" = String, description = "The picture's address.")))),
    extensions(("x-errors" = json!([ErrorCode::FeatureOff]))))]
async fn show_image(
    State(media): State<Media>,
    edge: Edge,
    ValidPath((room, image)): ValidPath<(RoomId, Uuid)>,
) -> Result<Picture> {
    picture(media.room_image(&mut *edge.read().await?, room, image).await?)
}

type Picture = (StatusCode, [(HeaderName, String); 2]);

fn picture(address: Option<String>) -> Result<Picture> {
    let address = address.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let headers = [(header::LOCATION, address), (header::CACHE_CONTROL, "public, max-age=60".to_owned())];
    Ok((StatusCode::FOUND, headers))
}

/// Sets the logo of the caller's room to an uploaded picture.
#[utoipa::path(put, path = "/v1/rooms/{id}/logo", tag = "media", params(("id" = RoomId, Path, description = "The room's id.")),
    request_body(content = Shown, example = json!({"upload": "01990000-0000-7000-8000-000000000001"})),
    responses((status = 200, description = "The picture is shown.", body = Address, example = json!({"address": "/media/public/avatar/7f/7f3a.jpg"}))),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::Forbidden, ErrorCode::UploadMissing, ErrorCode::UploadRefused, ErrorCode::FeatureOff]))))]
async fn hang_logo(
    State(media): State<Media>,
    edge: Edge,
    user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
    ValidJson(body): ValidJson<Shown>,
) -> Result<Json<Address>> {
    let mut tx = edge.begin().await?;
    owned(&mut tx, id, user.id).await?;
    let address = media.hang_logo(&mut tx, user.id, id, body.upload).await?;
    tx.commit().await?;
    Ok(Json(Address { address }))
}

/// Removes the logo of the caller's room.
#[utoipa::path(delete, path = "/v1/rooms/{id}/logo", tag = "media", params(("id" = RoomId, Path, description = "The room's id.")),
    responses((status = 204, description = "The room has no logo.")),
    extensions(("x-errors" = json!([ErrorCode::RoomNotFound, ErrorCode::Forbidden, ErrorCode::FeatureOff]))))]
async fn drop_logo(
    State(media): State<Media>,
    edge: Edge,
    user: CurrentUser,
    ValidPath(id): ValidPath<RoomId>,
) -> Result<StatusCode> {
    let mut tx = edge.begin().await?;
    owned(&mut tx, id, user.id).await?;
    media.drop_logo(&mut tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets the room's owner through; `forbidden` for anybody else.
async fn owned(conn: &mut PgConnection, room: RoomId, user: UserId) -> Result<()> {
    let owner = room::find(conn, room).await?.owner.id;
    let may = room::may(Role::outside(user, owner), Act::ChangeSettings);
    may.then_some(()).ok_or_else(|| Error::new(ErrorCode::Forbidden))
}
