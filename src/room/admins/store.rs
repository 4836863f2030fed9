//! SQL of the list of a room's admins.

use parlor_protocol::RoomId;
use parlor_protocol::room::Person;
use sqlx::PgConnection;

use super::AdminList;
use crate::kit::list::Window;
use crate::room::store::person;

/// The admins of the room by id: as many as the window looks for.
pub(super) async fn page_of_admins(
    conn: &mut PgConnection,
    room: RoomId,
    window: &Window<AdminList>,
) -> sqlx::Result<Vec<Person>> {
    let rows = sqlx::query!(
        "select u.id, u.name, u.picture
           from room_admins a
           join users u on u.id = a.user_id
          where a.room_id = $1
            and ($2::bigint is null or a.user_id > $2)
          order by a.user_id
          limit $3",
        room.number(),
        window.behind(),
        window.one_more(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| person(row.id, row.name, row.picture)).collect()
}
