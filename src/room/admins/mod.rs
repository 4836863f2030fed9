//! The list of a room's admins, as it is stored.

mod store;

use parlor_protocol::RoomId;
use parlor_protocol::room::Person;
use sqlx::PgConnection;

use crate::kit::error::Result;
use crate::kit::list::Window;
use crate::kit::page::Page;

crate::list! {
    /// The query of `GET /v1/rooms/{id}/admins`, ordered by the user's id.
    pub struct AdminList: "room.admins" by i64 {}
}

/// The admins of a room, by id. The caller's right to see them was checked.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn list(conn: &mut PgConnection, room: RoomId, window: &Window<AdminList>) -> Result<Page<Person>> {
    let rows = store::page_of_admins(conn, room, window).await?;
    Ok(window.page(rows, |admin| admin.id.number()))
}
