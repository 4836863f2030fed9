//! Rooms as records: made, listed, found. Nothing here wakes a room.

mod store;

use parlor_protocol::room::RoomCard;
use parlor_protocol::{ErrorCode, RoomId, UserId};
use sqlx::PgConnection;

use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;
use crate::kit::page::Page;
use crate::kit::tx::Tx;

/// Tries at an id before it is clear that something else is wrong.
const ID_TRIES: u32 = 8;
/// The layouts that there are.
pub(super) const SEATS: [u8; 6] = [5, 8, 10, 12, 15, 20];
/// The layout of a room that names none.
pub(super) const DEFAULT_SEATS: u8 = 8;

crate::list! {
    /// What `GET /v1/rooms` is asked with: newest first, by when a room was made (Unix microseconds) and its id.
    pub(super) struct RoomList: "rooms" by (i64, i64) {
        /// Only rooms whose name has this in it (one or two characters: at its beginning), in letters large or
        /// small, or whose id it is.
        #[param(min_length = 1, max_length = 60)]
        q: Option<String>,
    }
}

/// A room of the list, with its place there.
pub(super) struct Listed {
    pub(super) card: RoomCard,
    pub(super) created_us: i64,
}

/// Makes a room of this owner.
pub(super) async fn create(tx: &mut Tx, chance: &Chance, owner: UserId, name: &str, seats: u8) -> Result<RoomCard> {
    let mut made = None;
    for attempt in 0..ID_TRIES {
        made = store::insert_room(tx, unused_id(chance, attempt), owner, name, seats).await?;
        if made.is_some() {
            break;
        }
    }
    let id = made.ok_or_else(|| Error::internal("no unused id was found for a room"))?;
    let card = store::room(tx, id).await?.ok_or_else(|| Error::new(ErrorCode::RoomNotFound))?;
    Ok(card)
}

/// Makes a room for each of these owners; fewer where ids were taken. Gives each with its owner.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn create_many(tx: &mut Tx, chance: &Chance, owners: &[UserId]) -> Result<Vec<(RoomId, UserId)>> {
    let ids: Vec<i64> = owners.iter().map(|_| unused_id(chance, 0)).collect();
    let owners: Vec<i64> = owners.iter().map(|owner| owner.number()).collect();
    store::insert_rooms(tx, &ids, &owners, DEFAULT_SEATS).await
}

/// A page of rooms, newest first. A room that was there when the paging began is on exactly one page;
/// those made meanwhile come before the first and are on none.
/// With `text` those that it names.
pub(super) async fn list(
    conn: &mut PgConnection,
    text: Option<&str>,
    window: &Window<RoomList>,
) -> Result<Page<RoomCard>> {
    let rows = match text {
        Some(text) => store::rooms_named(conn, text, window).await?,
        None => store::rooms(conn, window).await?,
    };
    let page = window.page(rows, |room| (room.created_us, room.card.id.number()));
    Ok(page.map(|room| room.card))
}

/// The room of this id.
///
/// # Errors
/// `room_not_found`.
pub async fn find(conn: &mut PgConnection, id: RoomId) -> Result<RoomCard> {
    store::room(conn, id).await?.ok_or_else(|| Error::new(ErrorCode::RoomNotFound))
}

/// Nine digits, and one more with every second try that met another room.
fn unused_id(chance: &Chance, attempt: u32) -> i64 {
    let top = 1_000_000_000 * 10_i64.pow(attempt / 2);
    chance.in_range(100_000_000..top)
}
