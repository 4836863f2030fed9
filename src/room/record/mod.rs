//! Rooms as records: they are created, listed and found. Nothing here wakes a room.

mod store;

use parlor_protocol::room::RoomCard;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use sqlx::PgConnection;

use super::settings::RoomAllowance;
use crate::db::folded;
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::kit::list::{TimeKey, Window};
use crate::kit::page::Page;
use crate::kit::tx::Tx;
use crate::kit::usage;

/// How many random ids are tried for a new room before that is an internal fault.
const ID_TRIES: u32 = 8;
/// The numbers of seats that a room may have.
pub(super) const SEATS: [u8; 6] = [5, 8, 10, 12, 15, 20];
/// The number of seats of a room whose maker names none.
pub(super) const DEFAULT_SEATS: u8 = 8;

crate::list! {
    /// The query of `GET /v1/rooms`: newest first, by the time of creation (Unix microseconds) and the room's id.
    pub(super) struct RoomList: "rooms" by (TimeKey, i64) {
        /// Only rooms whose name contains this, or whose id it is; case, accents and marks make no difference. One or two
        /// characters must stand at the beginning of the name.
        #[param(min_length = 1, max_length = 60)]
        q: Option<String>,
    }
}

/// A room of the list, with the time of its creation, by which the list is ordered.
pub(super) struct Listed {
    pub(super) card: RoomCard,
    pub(super) created_us: i64,
}

/// Creates a room of this owner. The name and the number of seats have been checked.
///
/// # Errors
/// `too_many_rooms` if the owner has as many as a user may have; `rate_limited` if they opened too many in the last day.
pub(super) async fn create(
    tx: &mut Tx,
    chance: &Chance,
    owner: UserId,
    (name, seats): (&str, u8),
    allowance: RoomAllowance,
) -> Result<RoomCard> {
    admit(tx, owner, allowance).await?;
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

/// Whether the owner may open another room. Nobody else opens one for them until the transaction ends.
async fn admit(tx: &mut Tx, owner: UserId, RoomAllowance { per_day, in_all }: RoomAllowance) -> Result<()> {
    if (per_day, in_all) == (0, 0) {
        return Ok(());
    }
    usage::lock(tx, "rooms", &owner.number().to_be_bytes()).await?;
    let rooms = store::owned(tx, owner, i64::from(per_day.max(1)) - 1).await?;
    if in_all > 0 && rooms.in_all >= i64::from(in_all) {
        let words = format!("you have {} rooms, as many as a user may have", rooms.in_all);
        return Err(ErrorBody::new(ErrorCode::TooManyRooms).message(words).into());
    }
    let full = rooms.nth_age_ms.filter(|age| per_day > 0 && *age < usage::DAY_MS);
    full.map_or(Ok(()), |age| Err(usage::refused(usage::DAY_MS - age)))
}

/// Creates a room for each of these owners, and returns each with its owner. There are fewer if random ids were taken.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn create_many(tx: &mut Tx, chance: &Chance, owners: &[UserId]) -> Result<Vec<(RoomId, UserId)>> {
    let ids: Vec<i64> = owners.iter().map(|_| unused_id(chance, 0)).collect();
    let owners: Vec<i64> = owners.iter().map(|owner| owner.number()).collect();
    store::insert_rooms(tx, &ids, &owners, DEFAULT_SEATS).await
}

/// A page of rooms, newest first, or of those that `text` names. A room that existed when the first page was read is on
/// exactly one page; rooms that are created later are on none.
pub(super) async fn list(
    conn: &mut PgConnection,
    text: Option<&str>,
    window: &Window<RoomList>,
) -> Result<Page<RoomCard>> {
    let rows = match text {
        Some(text) => match folded(conn, text).await? {
            // Nothing of the text is looked for, so nothing has it.
            folded if folded.text.is_empty() => Vec::new(),
            folded => store::rooms_named(conn, &folded, window).await?,
        },
        None => store::rooms(conn, window).await?,
    };
    let page = window.page(rows, |room| (TimeKey::of_micros(room.created_us), room.card.id.number()));
    Ok(page.map(|room| room.card))
}

/// The room of this id.
///
/// # Errors
/// `room_not_found`.
pub async fn find(conn: &mut PgConnection, id: RoomId) -> Result<RoomCard> {
    store::room(conn, id).await?.ok_or_else(|| Error::new(ErrorCode::RoomNotFound))
}

/// Puts a room before all others in lists, or not any more. The caller's rights were checked.
///
/// # Errors
/// `room_not_found`.
pub async fn pin(tx: &mut Tx, room: RoomId, pinned: bool) -> Result<()> {
    let is_there = store::set_pinned(tx, room, pinned).await?;
    is_there.then_some(()).ok_or_else(|| Error::new(ErrorCode::RoomNotFound))
}

/// The rooms that these users own, each with its owner.
pub async fn owned_by(conn: &mut PgConnection, owners: &[UserId]) -> Result<Vec<(UserId, RoomId)>> {
    store::owned_by(conn, owners).await
}

/// A random id of nine digits. After every second attempt whose id was taken it has one digit more.
fn unused_id(chance: &Chance, attempt: u32) -> i64 {
    let top = 1_000_000_000 * 10_i64.pow(attempt / 2);
    chance.in_range(100_000_000..top)
}
