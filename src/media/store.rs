//! SQL of uploads, and of the avatars and logos that show them.

use parlor_protocol::{RoomId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Purpose;
use super::service::State;
use crate::kit::error::{Error, Result, broken};
use crate::kit::fields::bad_field;

/// An upload as it is stored.
pub(super) struct Row {
    pub id: Uuid,
    pub user: i64,
    pub purpose: Purpose,
    pub content_type: String,
    pub bytes: i32,
    pub state: State,
    pub object: Option<String>,
}

struct RawRow {
    id: Uuid,
    user_id: i64,
    purpose: String,
    content_type: String,
    bytes: i32,
    state: String,
    object: Option<String>,
}

impl TryFrom<RawRow> for Row {
    type Error = Error;

    fn try_from(row: RawRow) -> Result<Self> {
        let unknown =
            || Error::internal(format!("the store has an upload with an unknown purpose or state: {}", row.id));
        Ok(Self {
            purpose: Purpose::from_name(&row.purpose).ok_or_else(unknown)?,
            state: State::from_name(&row.state).ok_or_else(unknown)?,
            id: row.id,
            user: row.user_id,
            content_type: row.content_type,
            bytes: row.bytes,
            object: row.object,
        })
    }
}

/// Inserts an upload that has been announced.
pub(super) async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    user: UserId,
    purpose: Purpose,
    content_type: &str,
    bytes: i32,
) -> Result<()> {
    sqlx::query!(
        "insert into uploads (id, user_id, purpose, content_type, bytes)
         values ($1, $2, $3, $4, $5)",
        id,
        user.number(),
        purpose.name(),
        content_type,
        bytes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The upload of this id.
pub(super) async fn upload(conn: &mut PgConnection, id: Uuid) -> Result<Option<Row>> {
    let row = sqlx::query_as!(
        RawRow,
        "select id, user_id, purpose, content_type, bytes, state, object
           from uploads
          where id = $1",
        id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Row::try_from).transpose()
}

/// The upload of this id, locked until the transaction ends, so that nothing removes it meanwhile.
pub(super) async fn locked_upload(conn: &mut PgConnection, id: Uuid) -> Result<Option<Row>> {
    let row = sqlx::query_as!(
        RawRow,
        "select id, user_id, purpose, content_type, bytes, state, object
           from uploads
          where id = $1
            for update",
        id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Row::try_from).transpose()
}

/// Stores the result of the check of a pending upload; `false` if a result was stored already.
pub(super) async fn settle(conn: &mut PgConnection, id: Uuid, state: State, object: Option<&str>) -> Result<bool> {
    let done = sqlx::query!(
        "update uploads
            set state = $2, object = $3
          where id = $1
            and state = 'pending'",
        id,
        state.name(),
        object,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores whether an avatar or a logo shows this upload.
pub(super) async fn set_attached(conn: &mut PgConnection, id: Uuid, attached: bool) -> Result<()> {
    let done = sqlx::query!("update uploads set attached = $2 where id = $1", id, attached).execute(conn).await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::internal(format!("an upload was deleted although it was locked: {id}")))
    }
}

/// The upload that is the user's avatar; the avatar's row is locked.
pub(super) async fn locked_avatar(conn: &mut PgConnection, user: UserId) -> Result<Option<Uuid>> {
    let row = sqlx::query_scalar!("select upload_id from avatars where user_id = $1 for update", user.number());
    Ok(row.fetch_optional(conn).await?)
}

/// Makes this upload the user's avatar.
pub(super) async fn put_avatar(conn: &mut PgConnection, user: UserId, upload: Uuid) -> Result<()> {
    sqlx::query!(
        "insert into avatars (user_id, upload_id)
         values ($1, $2)
         on conflict (user_id) do update
            set upload_id = excluded.upload_id",
        user.number(),
        upload,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the user's avatar.
pub(super) async fn delete_avatar(conn: &mut PgConnection, user: UserId) -> Result<()> {
    sqlx::query!("delete from avatars where user_id = $1", user.number()).execute(conn).await?;
    Ok(())
}

/// The object key of the user's avatar.
pub(super) async fn avatar(conn: &mut PgConnection, user: UserId) -> Result<Option<String>> {
    let object = sqlx::query_scalar!(
        "select u.object
           from avatars a
           join uploads u on u.id = a.upload_id
          where a.user_id = $1",
        user.number(),
    );
    Ok(object.fetch_optional(conn).await?.flatten())
}

/// The upload that is the room's logo; the logo's row is locked.
pub(super) async fn locked_logo(conn: &mut PgConnection, room: RoomId) -> Result<Option<Uuid>> {
    let row = sqlx::query_scalar!("select upload_id from room_logos where room_id = $1 for update", room.number());
    Ok(row.fetch_optional(conn).await?)
}

/// Makes this upload the room's logo; `bad_request` if it is that of another room.
pub(super) async fn put_logo(conn: &mut PgConnection, room: RoomId, upload: Uuid) -> Result<()> {
    sqlx::query!(
        "insert into room_logos (room_id, upload_id)
         values ($1, $2)
         on conflict (room_id) do update
            set upload_id = excluded.upload_id",
        room.number(),
        upload,
    )
    .execute(conn)
    .await
    .map_err(|error| match broken(&error) {
        Some("room_logos_upload_key") => bad_field("upload", "an upload that is not the logo of another room"),
        _ => error.into(),
    })?;
    Ok(())
}

/// Deletes the room's logo.
pub(super) async fn delete_logo(conn: &mut PgConnection, room: RoomId) -> Result<()> {
    sqlx::query!("delete from room_logos where room_id = $1", room.number()).execute(conn).await?;
    Ok(())
}

/// The object key of the room's logo.
pub(super) async fn logo(conn: &mut PgConnection, room: RoomId) -> Result<Option<String>> {
    let object = sqlx::query_scalar!(
        "select u.object
           from room_logos l
           join uploads u on u.id = l.upload_id
          where l.room_id = $1",
        room.number(),
    );
    Ok(object.fetch_optional(conn).await?.flatten())
}

/// The key of the object of the room's background.
pub(super) async fn background(conn: &mut PgConnection, room: RoomId) -> Result<Option<String>> {
    let object = sqlx::query_scalar!(
        "select u.object
           from rooms r
           join uploads u on u.id = r.background
          where r.id = $1",
        room.number(),
    );
    Ok(object.fetch_optional(conn).await?.flatten())
}

/// The key of the object of an image that a line of this room shows.
pub(super) async fn room_image(conn: &mut PgConnection, room: RoomId, upload: Uuid) -> Result<Option<String>> {
    let object = sqlx::query_scalar!(
        "select u.object
           from room_images i
           join uploads u on u.id = i.upload_id
          where i.upload_id = $2
            and i.room_id = $1",
        room.number(),
        upload,
    );
    Ok(object.fetch_optional(conn).await?.flatten())
}

/// At most `limit` uploads that nothing shows and that are withdrawn or older than `hours`, or for proofs that are ready, than
/// `proof_hours`. They are locked, and those that another node has locked are left out.
pub(super) async fn loose(
    conn: &mut PgConnection,
    hours: i32,
    proof_hours: i32,
    limit: i64,
) -> Result<Vec<(Uuid, Option<String>)>> {
    let rows = sqlx::query!(
        "select id, object
           from uploads
          where not attached
            and (withdrawn
                 or created_at < clock_timestamp() - make_interval(
                        hours => case when purpose = 'proof' and state = 'ready' then $2::int else $1::int end))
          order by created_at
          limit $3
            for update skip locked",
        hours,
        proof_hours,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.object)).collect())
}

/// Deletes the rows of these uploads.
pub(super) async fn delete(conn: &mut PgConnection, ids: &[Uuid]) -> Result<()> {
    sqlx::query!("delete from uploads where id = any($1)", ids).execute(conn).await?;
    Ok(())
}
