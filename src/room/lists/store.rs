//! SQL of the lists of rooms. Each reads its rows in the order of an index (`tests/program/room_lists.rs` holds the plans).

use chrono::{DateTime, Utc};
use parlor_protocol::{RoomId, UserId};
use sqlx::PgConnection;

use super::Filter;
use crate::db::Folded;
use crate::kit::error::Result;
use crate::kit::list::TimeKey;
use crate::room::record::{CardRow, Listed, cards};

/// The most visits of one user that are kept.
const VISITS: i64 = 200;

fn listed(rows: Vec<CardRow>) -> Result<Vec<Listed>> {
    rows.into_iter().map(Listed::try_from).collect()
}

fn time(key: TimeKey) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(key.micros()).unwrap_or_default()
}

/// The newest rooms that lists show, behind this one, without those that came before as pinned.
pub(super) async fn newest(
    conn: &mut PgConnection,
    (at, id): (TimeKey, i64),
    without: &[i64],
    limit: i64,
) -> Result<Vec<Listed>> {
    let rows = cards!(
        "r.created_at",
        "rooms r",
        "where r.listed and (r.created_at, r.id) < ($1, $2) and r.id <> all($3)
         order by r.created_at desc, r.id desc
         limit $4",
        time(at),
        id,
        without,
        limit,
    );
    listed(rows.fetch_all(conn).await?)
}

/// The same of a country.
pub(super) async fn newest_of_country(
    conn: &mut PgConnection,
    country: &str,
    (at, id): (TimeKey, i64),
    without: &[i64],
    limit: i64,
) -> Result<Vec<Listed>> {
    let rows = cards!(
        "r.created_at",
        "rooms r",
        "where r.listed and r.country = $5 and (r.created_at, r.id) < ($1, $2) and r.id <> all($3)
         order by r.created_at desc, r.id desc
         limit $4",
        time(at),
        id,
        without,
        limit,
        country,
    );
    listed(rows.fetch_all(conn).await?)
}

/// The same with a tag.
pub(super) async fn newest_with_tag(
    conn: &mut PgConnection,
    tag: &str,
    (at, id): (TimeKey, i64),
    without: &[i64],
    limit: i64,
) -> Result<Vec<Listed>> {
    let rows = cards!(
        "x.created_at",
        "room_tags x join rooms r on r.id = x.room_id",
        "where x.tag = $5 and (x.created_at, x.room_id) < ($1, $2) and r.listed and r.id <> all($3)
         order by x.created_at desc, x.room_id desc
         limit $4",
        time(at),
        id,
        without,
        limit,
        tag,
    );
    listed(rows.fetch_all(conn).await?)
}

/// The newest rooms whose folded name contains this text, or whose id it is. A text of fewer than three characters must stand
/// at the beginning, because the index knows only trigrams.
pub(super) async fn named(
    conn: &mut PgConnection,
    Folded { text, letters }: &Folded,
    (at, id): (TimeKey, i64),
    limit: i64,
) -> Result<Vec<Listed>> {
    let is_short = text.chars().count() < 3;
    let pattern = |text: &str| {
        let literal = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
        if is_short { format!("{literal}%") } else { format!("%{literal}%") }
    };
    let rows = cards!(
        "r.created_at",
        "rooms r",
        "where (r.search_letters like $4 and r.search_name like $6 or r.id = $5)
           and (r.created_at, r.id) < ($1, $2)
           and r.listed
         order by r.created_at desc, r.id desc
         limit $3",
        time(at),
        id,
        limit,
        pattern(letters),
        text.parse().unwrap_or(0_i64),
        pattern(text),
    );
    listed(rows.fetch_all(conn).await?)
}

/// The rooms that staff has pinned, the last one first, of those that lists show and the filter lets through.
pub(super) async fn pinned(conn: &mut PgConnection, filter: &Filter, limit: i64) -> Result<Vec<i64>> {
    let (country, tag) = match filter {
        Filter::All => (None, None),
        Filter::Country(country) => (Some(country), None),
        Filter::Tag(tag) => (None, Some(tag)),
        // Whoever searches is shown what was searched for.
        Filter::Named(_) => return Ok(Vec::new()),
    };
    let ids = sqlx::query_scalar!(
        "select id
           from rooms
          where pinned_at is not null
            and listed
            and ($1::text is null or country = $1)
            and ($2::text is null or $2 = any(tags))
          order by pinned_at desc, id desc
          limit $3",
        country,
        tag,
        limit,
    );
    Ok(ids.fetch_all(conn).await?)
}

/// Those of these rooms that lists show, in no order.
pub(super) async fn these(conn: &mut PgConnection, ids: &[i64]) -> Result<Vec<Listed>> {
    let rows = cards!("r.created_at", "rooms r", "where r.id = any($1) and r.listed", ids);
    listed(rows.fetch_all(conn).await?)
}

/// The rooms of this owner, newest first.
pub(super) async fn own(
    conn: &mut PgConnection,
    owner: UserId,
    behind: Option<(TimeKey, i64)>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let (at, id) = behind.unwrap_or((TimeKey::LAST, i64::MAX));
    let rows = cards!(
        "r.created_at",
        "rooms r",
        "where r.owner_id = $4 and (r.created_at, r.id) < ($1, $2)
         order by r.created_at desc, r.id desc
         limit $3",
        time(at),
        id,
        limit,
        owner.number(),
    );
    listed(rows.fetch_all(conn).await?)
}

/// The rooms that this user follows, the last one first. Hidden ones of others are left out.
pub(super) async fn followed(
    conn: &mut PgConnection,
    user: UserId,
    behind: Option<(TimeKey, i64)>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let (at, id) = behind.unwrap_or((TimeKey::LAST, i64::MAX));
    let rows = cards!(
        "f.at",
        "room_follows f join rooms r on r.id = f.room_id",
        "where f.user_id = $4 and (f.at, f.room_id) < ($1, $2) and (r.privacy <> 'hidden' or r.owner_id = $4)
         order by f.at desc, f.room_id desc
         limit $3",
        time(at),
        id,
        limit,
        user.number(),
    );
    listed(rows.fetch_all(conn).await?)
}

/// The rooms that this user was let into, by their last visit in the time up to the first of these, the last one first.
pub(super) async fn recent(
    conn: &mut PgConnection,
    user: UserId,
    behind: Option<(TimeKey, TimeKey, i64)>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let (began, at, id) = behind.unwrap_or((TimeKey::LAST, TimeKey::LAST, i64::MAX));
    let rows = cards!(
        "v.at",
        "room_visits v join rooms r on r.id = v.room_id",
        "where v.user_id = $4
           and (v.at, v.room_id) < ($1, $2)
           and v.at <= $5
           and (r.privacy <> 'hidden' or r.owner_id = $4)
           and not exists (
               select from room_visits w
                where w.user_id = v.user_id and w.room_id = v.room_id and w.at > v.at and w.at <= $5
           )
         order by v.at desc, v.room_id desc
         limit $3",
        time(at),
        id,
        limit,
        user.number(),
        time(began),
    );
    listed(rows.fetch_all(conn).await?)
}

/// The rooms in which this user is an admin, by their ids from the highest on.
pub(super) async fn admin(
    conn: &mut PgConnection,
    user: UserId,
    behind: Option<i64>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let rows = cards!(
        "r.created_at",
        "room_admins a join rooms r on r.id = a.room_id",
        "where a.user_id = $1 and a.room_id < $2
         order by a.room_id desc
         limit $3",
        user.number(),
        behind.unwrap_or(i64::MAX),
        limit,
    );
    listed(rows.fetch_all(conn).await?)
}

/// How many rooms this user follows.
pub(super) async fn follows(conn: &mut PgConnection, user: UserId) -> Result<i64> {
    let count =
        sqlx::query_scalar!(r#"select count(*) as "count!" from room_follows where user_id = $1"#, user.number(),);
    Ok(count.fetch_one(conn).await?)
}

/// Notes that this user follows the room, and counts them once. `false` if there is no such room.
pub(super) async fn put_follow(conn: &mut PgConnection, user: UserId, room: RoomId) -> Result<bool> {
    let done = sqlx::query!(
        "with put as (
             insert into room_follows (user_id, room_id)
             select $1, id from rooms where id = $2
             on conflict do nothing
             returning 1
         )
         update rooms
            set followers = followers + (select count(*) from put)::integer
          where id = $2",
        user.number(),
        room.number(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that this user follows the room no more. `false` if there is no such room.
pub(super) async fn delete_follow(conn: &mut PgConnection, user: UserId, room: RoomId) -> Result<bool> {
    let done = sqlx::query!(
        "with gone as (
             delete from room_follows where user_id = $1 and room_id = $2 returning 1
         )
         update rooms
            set followers = followers - (select count(*) from gone)::integer
          where id = $2",
        user.number(),
        room.number(),
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Inserts visits, each user's room at the same index, except where the user's last visit was to the same room.
pub(in crate::room) async fn put_visits(conn: &mut PgConnection, users: &[i64], rooms: &[i64]) -> Result<()> {
    sqlx::query!(
        "insert into room_visits (user_id, room_id)
         select user_id, room_id
           from unnest($1::bigint[], $2::bigint[]) as came (user_id, room_id)
          where room_id is distinct from (
                    select room_id from room_visits v where v.user_id = came.user_id order by at desc limit 1
                )
         on conflict do nothing",
        users,
        rooms,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "delete from room_visits v
          using unnest($1::bigint[]) as came (user_id)
          where v.user_id = came.user_id
            and v.at <= (
                    select at from room_visits w where w.user_id = came.user_id order by at desc offset $2 limit 1
                )",
        users,
        VISITS,
    )
    .execute(conn)
    .await?;
    Ok(())
}
