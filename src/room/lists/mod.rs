//! The lists of rooms: all of them newest first, of a country or a tag, the hot ones, those that a text finds, and a user's own,
//! followed and latest ones.
//!
//! A cursor misses and doubles nothing while the order moves. Lists by time go by a time that never changes. What moves is fixed at
//! the first page: its cursor has the pinned rooms that come first, the number of the order of hot rooms, or the newest visit.

mod store;

use std::collections::{HashMap, HashSet};

use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::ranking::Ranking;
use super::record::Listed;
use crate::db::folded;
use crate::kit::error::{Error, Result};
use crate::kit::fields::bad_field;
use crate::kit::list::{TimeKey, Window};
use crate::kit::page::Page;
use crate::kit::tx::Tx;
use crate::kit::usage;

pub(super) use store::put_visits;

/// The pinned rooms that come before the others. A cursor has room for so many.
const PINS: usize = 10;
/// The rooms that a user may follow.
const FOLLOWS: i64 = 1_000;

/// The key of a list that begins with pinned rooms: where the other rooms stand, and the pinned ones of the first page.
type PinnedKey = (TimeKey, i64, Vec<i64>);

/// The orders of the list of rooms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoomSort {
    /// Newest first.
    #[default]
    New,
    /// By the people in them now and the coins that were spent in them of late.
    Hot,
}

crate::list! {
    /// The query of `GET /v1/rooms`, newest first or the hot ones; pinned rooms come before all others.
    pub(super) struct RoomList: "rooms" by PinnedKey, sorted RoomSort {
        /// Only rooms whose name contains this, or whose id it is; case, accents and marks make no difference. One or two
        /// characters must stand at the beginning of the name. Not together with another filter or `sort=hot`.
        #[param(min_length = 1, max_length = 60)]
        q: Option<String>,
        /// Only rooms of this country (ISO 3166-1 alpha-2, capital letters). Not together with another filter or `sort=hot`.
        #[param(min_length = 2, max_length = 2)]
        country: Option<String>,
        /// Only rooms with this tag; case makes no difference. Not together with another filter or `sort=hot`.
        #[param(min_length = 1, max_length = 24)]
        tag: Option<String>,
    }
}

crate::list! {
    /// The query of `GET /v1/me/rooms`: the rooms that the caller owns, newest first.
    pub(super) struct OwnRoomList: "rooms.own" by (TimeKey, i64) {}
}

crate::list! {
    /// The query of `GET /v1/me/rooms/followed`: the rooms that the caller follows, those first that they followed last.
    pub(super) struct FollowedRoomList: "rooms.followed" by (TimeKey, i64) {}
}

crate::list! {
    /// The query of `GET /v1/me/rooms/recent`: the rooms that the caller was let into of late, the last one first.
    pub(super) struct RecentRoomList: "rooms.recent" by (TimeKey, TimeKey, i64) {}
}

crate::list! {
    /// The query of `GET /v1/me/rooms/admin`: the rooms in which the caller is an admin, by their ids from the highest on.
    pub(super) struct AdminRoomList: "rooms.admin" by i64 {}
}

/// What is asked of the list of rooms beside its order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Filter {
    All,
    Named(String),
    Country(String),
    Tag(String),
}

impl Filter {
    /// The filter of a query whose texts have been checked.
    ///
    /// # Errors
    /// `bad_request` if there is more than one, or one of the hot rooms.
    pub(super) fn of(
        q: Option<String>,
        country: Option<String>,
        tag: Option<String>,
        sort: Option<RoomSort>,
    ) -> Result<Self> {
        let only = |field| bad_field(field, "not together with another filter or `sort=hot`");
        let filter = match (q, country, tag) {
            (None, None, None) => return Ok(Self::All),
            (Some(text), None, None) => ("q", Self::Named(text)),
            (None, Some(country), None) => ("country", Self::Country(country)),
            (None, None, Some(tag)) => ("tag", Self::Tag(tag.to_lowercase())),
            (_, Some(_), Some(_)) | (Some(_), None, Some(_)) => return Err(only("tag")),
            (Some(_), Some(_), None) => return Err(only("country")),
        };
        if let (_, Self::Country(country)) = &filter
            && country.chars().count() != 2
        {
            return Err(bad_field("country", "two letters"));
        }
        if sort == Some(RoomSort::Hot) { Err(only(filter.0)) } else { Ok(filter.1) }
    }
}

/// A page of rooms.
///
/// # Errors
/// `bad_request` for a cursor of an order of hot rooms that is over.
pub(super) async fn rooms(
    conn: &mut PgConnection,
    ranking: &Ranking,
    filter: &Filter,
    window: &Window<RoomList>,
) -> Result<Page<Listed>> {
    if window.after().is_some_and(|(.., pins)| pins.len() > PINS) {
        return Err(bad_field("cursor", "not a cursor of this list"));
    }
    match window.sort() {
        RoomSort::New => newest(conn, filter, window).await,
        RoomSort::Hot => hot(conn, ranking, window).await,
    }
}

/// Newest first. Before the others come the pinned rooms: while they do, the key's time is the last one, and its number says how
/// many have come.
async fn newest(conn: &mut PgConnection, filter: &Filter, window: &Window<RoomList>) -> Result<Page<Listed>> {
    let (behind, pins, come) = match window.after().cloned() {
        None => ((TimeKey::LAST, i64::MAX), store::pinned(conn, filter, PINS as i64).await?, 0),
        Some((TimeKey::LAST, come, pins)) => ((TimeKey::LAST, i64::MAX), pins, usize::try_from(come).unwrap_or(0)),
        Some((at, id, pins)) => ((at, id), pins, usize::MAX),
    };
    let left = pins.get(come..).unwrap_or_default();
    let mut rows: Vec<(PinnedKey, Listed)> = Vec::new();
    for (at, listed) in in_order(conn, left).await? {
        let come = i64::try_from(come.saturating_add(at) + 1).unwrap_or(i64::MAX);
        rows.push(((TimeKey::LAST, come, pins.clone()), listed));
    }
    let limit = window.one_more() - rows.len() as i64;
    if limit > 0 {
        let others = match filter {
            Filter::All => store::newest(conn, behind, &pins, limit).await?,
            Filter::Country(country) => store::newest_of_country(conn, country, behind, &pins, limit).await?,
            Filter::Tag(tag) => store::newest_with_tag(conn, tag, behind, &pins, limit).await?,
            Filter::Named(text) => match folded(conn, text).await? {
                // Nothing of the text is looked for, so nothing has it.
                folded if folded.text.is_empty() => Vec::new(),
                folded => store::named(conn, &folded, behind, limit).await?,
            },
        };
        rows.extend(others.into_iter().map(|room| {
            let key = (TimeKey::of_micros(room.key_us), room.card.id.number(), pins.clone());
            (key, room)
        }));
    }
    Ok(window.page(rows, |(key, _)| key.clone()).map(|(_, room)| room))
}

/// The hot rooms, by the order that the first page had. The key's time is the order's number. Its number says which place comes
/// next; those of the pinned rooms, which come first, are below 0.
async fn hot(conn: &mut PgConnection, ranking: &Ranking, window: &Window<RoomList>) -> Result<Page<Listed>> {
    let (number, order, place, pins) = match window.after().cloned() {
        None => {
            let pins = store::pinned(conn, &Filter::All, PINS as i64).await?;
            let (number, order) = ranking.newest();
            (number, order, -(pins.len() as i64), pins)
        }
        Some((number, place, pins)) => {
            let over = || bad_field("cursor", "the order of this page is over: begin with the first page");
            (number.micros(), ranking.of(number.micros()).ok_or_else(over)?, place, pins)
        }
    };
    let mut rows: Vec<(PinnedKey, Listed)> = Vec::new();
    let key = |place: i64| (TimeKey::of_micros(number), place, pins.clone());
    let come = usize::try_from(place.saturating_add(pins.len() as i64)).unwrap_or(0);
    for (at, listed) in in_order(conn, pins.get(come..).unwrap_or_default()).await? {
        rows.push((key((come + at + 1) as i64 - pins.len() as i64), listed));
    }
    let first: HashSet<i64> = pins.iter().copied().collect();
    let mut next = usize::try_from(place).unwrap_or(0);
    while rows.len() <= window.limit() && next < order.len() {
        // Rooms that have been hidden or closed since are left out, so there may be a second turn.
        let turn = &order[next..order.len().min(next + window.limit() + 1)];
        let ids: Vec<i64> = turn.iter().map(|room| room.number()).collect();
        for (at, listed) in in_order(conn, &ids).await? {
            if !first.contains(&ids[at]) {
                rows.push((key((next + at + 1) as i64), listed));
            }
        }
        next += turn.len();
    }
    rows.truncate(window.limit() + 1);
    Ok(window.page(rows, |(key, _)| key.clone()).map(|(_, room)| room))
}

/// Those of these rooms that lists show, in this order, each with its place in it.
async fn in_order(conn: &mut PgConnection, ids: &[i64]) -> Result<Vec<(usize, Listed)>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = store::these(conn, ids).await?;
    let mut by_id: HashMap<i64, Listed> = rows.into_iter().map(|room| (room.card.id.number(), room)).collect();
    Ok(ids.iter().enumerate().filter_map(|(at, id)| Some((at, by_id.remove(id)?))).collect())
}

/// A page of the rooms that this user owns, hidden and closed ones too.
pub(super) async fn own(conn: &mut PgConnection, user: UserId, window: &Window<OwnRoomList>) -> Result<Page<Listed>> {
    let rows = store::own(conn, user, window.behind(), window.one_more()).await?;
    Ok(window.page(rows, by_time))
}

/// A page of the rooms that this user follows.
pub(super) async fn followed(
    conn: &mut PgConnection,
    user: UserId,
    window: &Window<FollowedRoomList>,
) -> Result<Page<Listed>> {
    let rows = store::followed(conn, user, window.behind(), window.one_more()).await?;
    Ok(window.page(rows, by_time))
}

/// A page of the rooms that this user was let into of late. A walk sees the visits that there were when it began.
pub(super) async fn recent(
    conn: &mut PgConnection,
    user: UserId,
    window: &Window<RecentRoomList>,
) -> Result<Page<Listed>> {
    let rows = store::recent(conn, user, window.behind(), window.one_more()).await?;
    let newest = rows.first().map_or(TimeKey::LAST, |room| TimeKey::of_micros(room.key_us));
    let began = window.behind().map_or(newest, |(began, ..)| began);
    Ok(window.page(rows, |room| (began, TimeKey::of_micros(room.key_us), room.card.id.number())))
}

/// A page of the rooms in which this user is an admin.
pub(super) async fn admin(
    conn: &mut PgConnection,
    user: UserId,
    window: &Window<AdminRoomList>,
) -> Result<Page<Listed>> {
    let rows = store::admin(conn, user, window.behind(), window.one_more()).await?;
    Ok(window.page(rows, |room| room.card.id.number()))
}

fn by_time(room: &Listed) -> (TimeKey, i64) {
    (TimeKey::of_micros(room.key_us), room.card.id.number())
}

/// Has this user follow a room. A second time changes nothing.
///
/// # Errors
/// `room_not_found`; `not_permitted` if the user follows as many as a user may.
pub(super) async fn follow(tx: &mut Tx, user: UserId, room: RoomId) -> Result<()> {
    usage::lock(tx, "room_follows", &user.number().to_be_bytes()).await?;
    if store::follows(tx, user).await? >= FOLLOWS {
        let words = format!("you follow {FOLLOWS} rooms, as many as a user may follow");
        return Err(ErrorBody::new(ErrorCode::NotPermitted).message(words).into());
    }
    let is_there = store::put_follow(tx, user, room).await?;
    is_there.then_some(()).ok_or_else(|| Error::new(ErrorCode::RoomNotFound))
}

/// Has this user follow a room no more.
///
/// # Errors
/// `room_not_found`.
pub(super) async fn unfollow(tx: &mut Tx, user: UserId, room: RoomId) -> Result<()> {
    let is_there = store::delete_follow(tx, user, room).await?;
    is_there.then_some(()).ok_or_else(|| Error::new(ErrorCode::RoomNotFound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_one_filter_and_the_hot_one_has_none() {
        let some = |text: &str| Some(text.to_owned());
        let fields = |filter: Result<Filter>| filter.expect_err("two").body.fields[0].field.clone();
        assert_eq!(Filter::of(None, None, None, Some(RoomSort::Hot)).expect("none"), Filter::All);
        assert_eq!(Filter::of(None, None, some("Oud"), None).expect("one"), Filter::Tag("oud".to_owned()));
        assert_eq!(fields(Filter::of(some("a"), some("JO"), None, None)), "country");
        assert_eq!(fields(Filter::of(some("a"), None, some("b"), None)), "tag");
        assert_eq!(fields(Filter::of(None, some("JOR"), None, None)), "country");
        assert_eq!(fields(Filter::of(some("a"), None, None, Some(RoomSort::Hot))), "q");
    }
}
