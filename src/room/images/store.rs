//! SQL of the images of chat lines.

use parlor_protocol::{RoomId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

/// Whether this is a ready upload of this user's for a room's chat that no line has shown.
pub(super) async fn is_image(conn: &mut PgConnection, upload: Uuid, user: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from uploads
                where id = $1 and user_id = $2 and purpose = 'room_image' and state = 'ready'
                  and not attached and not withdrawn
           ) as "is!""#,
        upload,
        user.number()
    )
    .fetch_one(conn)
    .await
}

/// Stores that a line of this room shows this upload.
pub(super) async fn insert(conn: &mut PgConnection, room: RoomId, upload: Uuid) -> sqlx::Result<()> {
    sqlx::query!("insert into room_images (upload_id, room_id) values ($1, $2)", upload, room.number())
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes the image of a line of this room.
pub(super) async fn delete(conn: &mut PgConnection, room: RoomId, upload: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from room_images where upload_id = $1 and room_id = $2", upload, room.number())
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes up to so many images that were shown more than these days ago, and returns how many.
pub(in crate::room) async fn delete_older(conn: &mut PgConnection, days: i32, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from room_images
          where upload_id in (select upload_id
                                from room_images
                               where at < clock_timestamp() - make_interval(days => $1)
                               order by at
                               limit $2)",
        days,
        most
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
