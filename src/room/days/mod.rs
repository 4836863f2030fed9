//! What each room was on each day: visitors, the most people at a time, minutes on seats, coins. Days are those of UTC.

mod count;
mod store;

use parlor_protocol::{Coins, ErrorCode, RoomId, UserId};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

pub use self::count::CountDays;
use super::record;
use super::state::{Act, Role, may};
use crate::kit::error::{Error, Result};
use crate::kit::list::{List, Window};
use crate::kit::page::Page;

/// The milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

crate::list! {
    /// The query of `GET /v1/staff/rooms/{id}/days`: the last one first.
    pub struct DayList: "room.days" by i32 {}
}

crate::list! {
    /// The query of `GET /v1/rooms/{id}/days`: the last one first.
    pub struct OwnDayList: "room.own_days" by i32 {}
}

/// A room on a day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct RoomDay {
    /// The day (UTC), as `2026-11-30`. The present day is counted as far as it has gone.
    pub day: String,
    /// How many users were in the room.
    #[schema(minimum = 0)]
    pub visitors: i32,
    /// The most users who were in it at a time.
    #[schema(minimum = 0)]
    pub peak: i32,
    /// For how many minutes its seats were taken, all seats together.
    #[schema(minimum = 0)]
    pub seat_minutes: i64,
    /// The coins that were spent on gifts in it.
    pub coins: Coins,
    #[serde(skip)]
    number: i32,
}

/// A page of a room's days, for whoever may read them of any room.
///
/// # Errors
/// `room_not_found`; a fault or an outage of the store.
pub async fn page<L: List<Key = i32>>(
    conn: &mut PgConnection,
    room: RoomId,
    window: &Window<L>,
) -> Result<Page<RoomDay>> {
    record::find(conn, room).await?;
    let rows = store::days(conn, room, window.behind().unwrap_or(i32::MAX), window.one_more()).await?;
    Ok(window.page(rows, |day| day.number))
}

/// A page of the days of a room, for a user.
///
/// # Errors
/// `forbidden` for a user who does not own the room; those of [`page`].
pub async fn own_page(
    conn: &mut PgConnection,
    room: RoomId,
    user: UserId,
    window: &Window<OwnDayList>,
) -> Result<Page<RoomDay>> {
    let owner = record::find(conn, room).await?.owner.id;
    if !may(Role::outside(user, owner), Act::ReadDays) {
        return Err(Error::new(ErrorCode::Forbidden));
    }
    page(conn, room, window).await
}
