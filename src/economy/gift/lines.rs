//! A room's gifts from the table: what was missed is read there.

use parlor_protocol::room::{Banner, GiftLine, Person};
use parlor_protocol::{Coins, GiftId, RoomId, UserId};
use sqlx::PgConnection;

use super::store;
use crate::economy::ledger::CommittedGifts;
use crate::kit::error::{Error, Result};

/// Coins from which one gift operation gets a banner in its room.
const ROOM_BANNER: i64 = 999;
/// Coins from which one gift operation gets a banner in all rooms.
const ALL_ROOMS_BANNER: i64 = 9_999;

/// How widely a gift operation worth this much is announced.
pub(super) fn banner(total: Coins) -> Option<Banner> {
    match total.0 {
        ALL_ROOMS_BANNER.. => Some(Banner::AllRooms),
        ROOM_BANNER.. => Some(Banner::Room),
        _ => None,
    }
}

/// Stands for a person whose mapping was erased; no user has this id.
fn erased() -> Person {
    Person { id: UserId::new(1).expect("above 0"), name: String::new() }
}

/// At most `limit` committed gifts of a room above `after`, oldest first, with people's present names.
/// Where there are none, the coins are those of the room now.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn gifts_above(
    connection: &mut PgConnection,
    room: RoomId,
    after: i64,
    limit: usize,
) -> Result<CommittedGifts> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = store::gifts_above(connection, room.number(), after, limit).await?;
    let coins = match rows.last() {
        Some(row) => row.room_coins,
        None => store::room_coins(connection, room.number()).await?.unwrap_or_default(),
    };
    let gifts = rows.into_iter().map(gift_line).collect::<Result<_>>()?;
    Ok(CommittedGifts { gifts, coins: Coins(coins) })
}

fn gift_line(row: store::SentRow) -> Result<GiftLine> {
    let person = |id: Option<i64>, name: Option<String>| match id.and_then(UserId::new) {
        Some(id) => Person { id, name: name.unwrap_or_default() },
        None => erased(),
    };
    let gift = GiftId::new(row.gift).ok_or_else(|| Error::internal(format!("gift id {} in the journal", row.gift)))?;
    let total = Coins(row.total);
    Ok(GiftLine {
        gift_no: row.gift_no,
        receipt: row.id,
        at: row.at.timestamp_millis(),
        from: person(row.from_user, row.from_name),
        to: row.to_users.into_iter().zip(row.to_names).map(|(id, name)| person(id, name)).collect(),
        gift,
        count: row.count,
        total,
        banner: banner(total),
    })
}
