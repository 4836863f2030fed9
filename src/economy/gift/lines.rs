//! A room's gifts, read from the journal. Rooms read here what they did not hear of when it was committed.

use parlor_protocol::room::{Banner, GiftLine, Person};
use parlor_protocol::{Coins, GiftId, RoomId, UserId};
use sqlx::PgConnection;

use super::store;
use crate::economy::ledger::CommittedGifts;
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};

/// The coins from which a gift operation gets a banner in its room.
const ROOM_BANNER: i64 = 999;
/// The coins from which a gift operation gets a banner in all rooms.
const ALL_ROOMS_BANNER: i64 = 9_999;

/// The banner of a gift operation that costs this much in total; `None` for no banner.
pub(super) fn banner(total: Coins) -> Option<Banner> {
    match total.0 {
        ALL_ROOMS_BANNER.. => Some(Banner::AllRooms),
        ROOM_BANNER.. => Some(Banner::Room),
        _ => None,
    }
}

/// Stands for a user who was erased. No user has this id.
fn erased() -> Person {
    Person::named(UserId::new(1).expect("above 0"), String::new())
}

/// At most `limit` committed gifts of a room with numbers above `after`, oldest first, with the users' present names.
/// The room's coins are those after the last of these gifts, or the present ones if there is no such gift.
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

/// The coins that were spent on gifts in each of these rooms from one time up to another, by the database's clock. A room
/// without gifts before the end is left out.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn spent_in(
    connection: &mut PgConnection,
    rooms: &[RoomId],
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<(RoomId, Coins)>> {
    let ids: Vec<i64> = rooms.iter().map(|room| room.number()).collect();
    let spent = store::spent_in(connection, &ids, from.0, until.0).await?;
    Ok(spent.into_iter().filter_map(|(room, coins)| Some((RoomId::new(room)?, Coins(coins)))).collect())
}

fn gift_line(row: store::SentRow) -> Result<GiftLine> {
    let person = |id: Option<i64>, name: Option<String>, picture: Option<i32>| match id.and_then(UserId::new) {
        Some(id) => Person { id, name: name.unwrap_or_default(), picture: picture.map(i32::unsigned_abs) },
        None => erased(),
    };
    let receivers = row.to_users.into_iter().zip(row.to_names).zip(row.to_pictures);
    let gift = GiftId::new(row.gift).ok_or_else(|| Error::internal(format!("gift id {} in the journal", row.gift)))?;
    let total = Coins(row.total);
    Ok(GiftLine {
        gift_no: row.gift_no,
        receipt: row.id,
        at: row.at.timestamp_millis(),
        from: person(row.from_user, row.from_name, row.from_picture),
        to: receivers.map(|((id, name), picture)| person(id, name, picture)).collect(),
        gift,
        count: row.count,
        total,
        banner: banner(total),
    })
}
