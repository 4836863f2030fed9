//! Rooms as records: made, listed, found, and read whole by a waking actor.

use chrono::{DateTime, Utc};
use parlor_protocol::room::RoomCard;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};

use super::state::Woken;
use super::store;
use crate::cluster::{Identity, ownership};
use crate::error::{Error, Result};

/// Seats that a room may have: the layouts that clients can draw.
pub const SEAT_LAYOUTS: [u8; 6] = [5, 8, 10, 12, 15, 20];
/// Characters of a room's name.
pub const NAME_CHARS: usize = 60;
/// Room ids that are tried before a creation gives up: with nine digits one nearly always is free.
const ID_ATTEMPTS: usize = 16;

/// A room to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// 1 to 60 characters, not only spaces.
    pub name: String,
    /// One of [`SEAT_LAYOUTS`].
    #[serde(default = "default_seats")]
    pub seats: u8,
}

const fn default_seats() -> u8 {
    8
}

/// Where a page of the list ends: the next one is behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoomCursor {
    /// When the last room of the page was made.
    pub created_at: DateTime<Utc>,
    /// The last room of the page.
    pub id: RoomId,
}

/// A page of rooms, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomList {
    /// The rooms.
    pub rooms: Vec<RoomCard>,
    /// Where the next page begins, if there is one.
    pub next: Option<RoomCursor>,
}

/// A number of nine digits for a new room; it may be in use.
pub fn draw_id(rng: &mut impl rand::Rng) -> RoomId {
    let number = rand::RngExt::random_range(rng, 100_000_000..1_000_000_000);
    RoomId::new(number).expect("nine digits are in range")
}

/// Makes a room, with its row in the ledger, in one transaction. `draw` draws ids, until one is free.
///
/// # Errors
/// `bad_request` for a name or a number of seats that does not fit.
pub async fn create(
    pool: &PgPool,
    owner: UserId,
    new: &NewRoom,
    mut draw: impl FnMut() -> RoomId + Send,
) -> Result<RoomCard> {
    let name = checked(new)?;
    let mut tx = pool.begin().await?;
    for _ in 0..ID_ATTEMPTS {
        let id = draw();
        if store::insert_room(&mut tx, id, owner, name, new.seats).await? {
            store::insert_totals(&mut tx, id).await?;
            let row = store::room(&mut tx, id).await?.ok_or_else(|| Error::internal("a new room is not there"))?;
            tx.commit().await?;
            return Ok(row.card);
        }
    }
    Err(Error::internal("no free room id was drawn"))
}

fn checked(new: &NewRoom) -> Result<&str> {
    let mut error = ErrorBody::new(ErrorCode::BadRequest);
    let name = new.name.trim();
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_CHARS || name.chars().any(char::is_control) {
        error = error.field("name", format!("1 to {NAME_CHARS} characters"));
    }
    if !SEAT_LAYOUTS.contains(&new.seats) {
        error = error.field("seats", "one of 5, 8, 10, 12, 15, 20");
    }
    if error.fields.is_empty() { Ok(name) } else { Err(error.message("a field does not fit").into()) }
}

/// At most `limit` rooms, newest first, behind `before`.
///
/// # Errors
/// Those of the store.
pub async fn list(pool: &PgPool, before: Option<RoomCursor>, limit: u16) -> Result<RoomList> {
    let mut conn = pool.acquire().await?;
    let limit = usize::from(limit);
    let before = before.map(|cursor| (cursor.created_at, cursor.id));
    let mut rows = store::rooms(&mut conn, before, limit as i64 + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| RoomCursor { created_at: row.created_at, id: row.card.id });
    Ok(RoomList { rooms: rows.into_iter().map(|row| row.card).collect(), next })
}

/// One room.
///
/// # Errors
/// `room_not_found`.
pub async fn find(pool: &PgPool, room: RoomId) -> Result<RoomCard> {
    let mut conn = pool.acquire().await?;
    let row = store::room(&mut conn, room).await?.ok_or(ErrorCode::RoomNotFound)?;
    Ok(row.card)
}

/// Claims a room for this process and reads all of it. What is read comes behind the claim, so it
/// holds every write of the epochs before.
///
/// # Errors
/// `room_not_found`; `room_paused` while another server acts for it.
pub async fn wake(conn: &mut PgConnection, node: &Identity, room: RoomId) -> Result<Woken> {
    let row = store::room(conn, room).await?.ok_or(ErrorCode::RoomNotFound)?;
    let epoch = ownership::claim(conn, node, room).await?;
    let (committed, coins) = store::totals(conn, room).await?;
    let (announced, checkpoint) = match store::checkpoint(conn, room).await? {
        Some((gift_no, checkpoint)) => (gift_no, Some(checkpoint)),
        None => (0, None),
    };
    Ok(Woken {
        card: row.card,
        capacity: row.capacity,
        epoch,
        locks: store::seat_locks(conn, room).await?,
        kicks: store::kicks(conn, room).await?,
        last_fact: store::last_fact(conn, room).await?,
        announced,
        committed,
        coins,
        checkpoint,
    })
}
