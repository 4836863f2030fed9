//! Rooms as records: they are created and found. Nothing here wakes a room.

mod store;

use parlor_protocol::room::RoomCard;
use parlor_protocol::{Coins, ErrorBody, ErrorCode, RoomId, UserId};
use sqlx::PgConnection;

pub(super) use self::store::{CardRow, cards};
use super::settings::RoomAllowance;
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::kit::tx::Tx;
use crate::kit::usage::{self, Bound, DAY_MS};

/// How often a room may be handed over in a day.
const HANDOVERS: [Bound; 1] = [Bound::times(10, DAY_MS)];
/// How many random ids are tried for a new room before that is an internal fault.
const ID_TRIES: u32 = 8;
/// The numbers of seats that a room may have.
pub(super) const SEATS: [u8; 6] = parlor_protocol::limit::LAYOUTS;
/// The number of seats of a room whose maker names none.
pub(super) const DEFAULT_SEATS: u8 = 8;

/// A room as lists show it.
pub(super) struct Listed {
    pub(super) card: RoomCard,
    /// Whether staff has put it before all others.
    pub(super) pinned: bool,
    /// How many users follow it.
    pub(super) followers: u32,
    /// All coins that were ever spent in it.
    pub(super) coins: Coins,
    /// The time by which its list is ordered, in Unix microseconds.
    pub(super) key_us: i64,
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
    check_allowance(tx, owner, in_all).await?;
    let rooms = store::owned(tx, owner, i64::from(per_day.max(1)) - 1).await?;
    let full = rooms.nth_age_ms.filter(|age| per_day > 0 && *age < usage::DAY_MS);
    full.map_or(Ok(()), |age| Err(usage::refused(usage::DAY_MS - age)))
}

/// Whether the user may have one room more. Nobody else gives them one until the transaction ends.
///
/// # Errors
/// `too_many_rooms` if they have as many as a user may have; 0 is any number.
pub(super) async fn check_allowance(tx: &mut Tx, owner: UserId, in_all: u32) -> Result<()> {
    usage::lock(tx, "rooms", &owner.number().to_be_bytes()).await?;
    let rooms = store::owned(tx, owner, 0).await?.in_all;
    if in_all > 0 && rooms >= i64::from(in_all) {
        let words = format!("you have {rooms} rooms, as many as a user may have");
        return Err(ErrorBody::new(ErrorCode::TooManyRooms).message(words).into());
    }
    Ok(())
}

/// Counts that the room is handed over. Each time makes a row that is kept for ever, by which old gifts are judged.
///
/// # Errors
/// `not_permitted` if that was done as often in a day as may be.
pub(super) async fn count_handover(tx: &mut Tx, room: RoomId) -> Result<()> {
    let counted = usage::spend(tx, "room_handover", &room.number().to_be_bytes(), 1, &HANDOVERS).await;
    counted.map_err(|error| match error.body.code {
        ErrorCode::RateLimited => {
            let words = format!("the room was handed over {} times in a day, as often as may be", HANDOVERS[0].times);
            ErrorBody::new(ErrorCode::NotPermitted).message(words).into()
        }
        _ => error,
    })
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

/// The room of this id.
///
/// # Errors
/// `room_not_found`.
pub async fn find(conn: &mut PgConnection, id: RoomId) -> Result<RoomCard> {
    store::room(conn, id).await?.ok_or_else(|| Error::new(ErrorCode::RoomNotFound))
}

/// The room of this id, as lists show it.
///
/// # Errors
/// `room_not_found`.
pub(super) async fn look(conn: &mut PgConnection, id: RoomId) -> Result<Listed> {
    store::listed(conn, id).await?.ok_or_else(|| Error::new(ErrorCode::RoomNotFound))
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
