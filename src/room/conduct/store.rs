//! SQL of kicks, bans, mutes and the rules of chats. How long each lasts is counted by the database's clock, by which it is also read.

use parlor_protocol::room::ChatRules;
use parlor_protocol::{RoomId, UserId};
use sqlx::PgConnection;

use super::{Banned, Muted};
use crate::kit::list::{List, Window};
use crate::room::store::{person, user_id};

/// The users whose kicks still hold, and for how many milliseconds.
pub(in crate::room) async fn kicks(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Vec<(UserId, i64)>> {
    let rows = sqlx::query!(
        r#"select user_id,
                  least(ceil(extract(epoch from until - clock_timestamp()) * 1000)::bigint, lasts_ms) as "left_ms!"
             from room_kicks
            where room_id = $1 and until > clock_timestamp()"#,
        room.number()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((user_id(row.user_id)?, row.left_ms))).collect()
}

/// The users whose bans still hold, and for how many milliseconds; `None` if until the ban is lifted.
pub(in crate::room) async fn bans(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Vec<(UserId, Option<i64>)>> {
    let rows = sqlx::query!(
        r#"select user_id,
                  least(ceil(extract(epoch from until - clock_timestamp()) * 1000)::bigint, lasts_ms) as left_ms
             from room_bans
            where room_id = $1 and (until is null or until > clock_timestamp())"#,
        room.number()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((user_id(row.user_id)?, row.left_ms))).collect()
}

/// Stores how long a kick lasts. Returns how many rows were written: none, if there is no such user.
pub(super) async fn put_kick(conn: &mut PgConnection, room: RoomId, user: UserId, lasts_ms: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "insert into room_kicks (room_id, user_id, until, lasts_ms)
         select $1, id, clock_timestamp() + $3::bigint * interval '1 millisecond', $3
           from users
          where id = $2
         on conflict (room_id, user_id) do update
            set until = excluded.until, lasts_ms = excluded.lasts_ms",
        room.number(),
        user.number(),
        lasts_ms
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the kicks of this room that have ended.
pub(super) async fn forget_kicks(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<()> {
    sqlx::query!("delete from room_kicks where room_id = $1 and until <= clock_timestamp()", room.number())
        .execute(conn)
        .await?;
    Ok(())
}

/// A ban as it is stored.
pub(super) struct NewBan<'a> {
    pub(super) room: RoomId,
    pub(super) user: UserId,
    /// The id of its fact.
    pub(super) id: i64,
    pub(super) by: UserId,
    pub(super) lasts_ms: Option<i64>,
    pub(super) reason: &'a str,
}

/// Stores a ban in place of an earlier one of the user. Returns how many rows were written: none, if there is no such
/// user.
pub(super) async fn put_ban(conn: &mut PgConnection, ban: &NewBan<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "insert into room_bans (room_id, user_id, fact_id, by_id, until, lasts_ms, reason)
         select $1, id, $3, $4, clock_timestamp() + $5::bigint * interval '1 millisecond', $5, $6
           from users
          where id = $2
         on conflict (room_id, user_id) do update
            set fact_id = excluded.fact_id, by_id = excluded.by_id, at = excluded.at,
                until = excluded.until, lasts_ms = excluded.lasts_ms, reason = excluded.reason",
        ban.room.number(),
        ban.user.number(),
        ban.id,
        ban.by.number(),
        ban.lasts_ms,
        ban.reason
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the bans of this room that have ended.
pub(super) async fn forget_bans(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<()> {
    sqlx::query!("delete from room_bans where room_id = $1 and until <= clock_timestamp()", room.number())
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes the ban of a user. Returns how many rows that were.
pub(super) async fn delete_ban(conn: &mut PgConnection, room: RoomId, user: UserId) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from room_bans where room_id = $1 and user_id = $2", room.number(), user.number())
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// The end in Unix milliseconds and the reason of the user's ban, if it holds.
pub(super) async fn ban_of(
    conn: &mut PgConnection,
    room: RoomId,
    user: UserId,
) -> sqlx::Result<Option<(Option<i64>, String)>> {
    let row = sqlx::query!(
        r#"select (extract(epoch from until) * 1000)::bigint as until, reason
             from room_bans
            where room_id = $1 and user_id = $2 and (until is null or until > clock_timestamp())"#,
        room.number(),
        user.number()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.until, row.reason)))
}

/// The bans that hold, newest first: as many as the window looks for.
pub(super) async fn page_of_bans<L>(
    conn: &mut PgConnection,
    room: RoomId,
    window: &Window<L>,
) -> sqlx::Result<Vec<Banned>>
where
    L: List<Key = i64>,
{
    let rows = sqlx::query!(
        r#"select b.fact_id, (extract(epoch from b.at) * 1000)::bigint as "at!",
                  (extract(epoch from b.until) * 1000)::bigint as until, b.reason,
                  u.id as user_id, u.name as user_name, u.picture as user_picture,
                  a.id as by_id, a.name as by_name, a.picture as by_picture
             from room_bans b
             join users u on u.id = b.user_id
             join users a on a.id = b.by_id
            where b.room_id = $1
              and (b.until is null or b.until > clock_timestamp())
              and ($2::bigint is null or b.fact_id < $2)
            order by b.fact_id desc
            limit $3"#,
        room.number(),
        window.behind(),
        window.one_more(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Banned {
                user: person(row.user_id, row.user_name, row.user_picture)?,
                by: person(row.by_id, row.by_name, row.by_picture)?,
                at: row.at,
                until: row.until,
                reason: row.reason,
                number: row.fact_id,
            })
        })
        .collect()
}

/// The users whose mutes still hold, and for how many milliseconds; `None` if until that is lifted.
pub(in crate::room) async fn mutes(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Vec<(UserId, Option<i64>)>> {
    let rows = sqlx::query!(
        r#"select user_id,
                  least(ceil(extract(epoch from until - clock_timestamp()) * 1000)::bigint, lasts_ms) as left_ms
             from room_mutes
            where room_id = $1 and (until is null or until > clock_timestamp())"#,
        room.number()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((user_id(row.user_id)?, row.left_ms))).collect()
}

/// A mute as it is stored.
pub(super) struct NewMute {
    pub(super) room: RoomId,
    pub(super) user: UserId,
    /// The id of its fact.
    pub(super) id: i64,
    pub(super) by: UserId,
    pub(super) lasts_ms: Option<i64>,
}

/// Stores a mute in place of an earlier one of the user. Returns how many rows were written: none, if there is no such
/// user.
pub(super) async fn put_mute(conn: &mut PgConnection, mute: &NewMute) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "insert into room_mutes (room_id, user_id, fact_id, by_id, until, lasts_ms)
         select $1, id, $3, $4, clock_timestamp() + $5::bigint * interval '1 millisecond', $5
           from users
          where id = $2
         on conflict (room_id, user_id) do update
            set fact_id = excluded.fact_id, by_id = excluded.by_id, at = excluded.at,
                until = excluded.until, lasts_ms = excluded.lasts_ms",
        mute.room.number(),
        mute.user.number(),
        mute.id,
        mute.by.number(),
        mute.lasts_ms
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the mutes of this room that have ended.
pub(super) async fn forget_mutes(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<()> {
    sqlx::query!("delete from room_mutes where room_id = $1 and until <= clock_timestamp()", room.number())
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes the mute of a user. Returns how many rows that were.
pub(super) async fn delete_mute(conn: &mut PgConnection, room: RoomId, user: UserId) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from room_mutes where room_id = $1 and user_id = $2", room.number(), user.number())
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// The mutes that hold, newest first: as many as the window looks for.
pub(super) async fn page_of_mutes<L>(
    conn: &mut PgConnection,
    room: RoomId,
    window: &Window<L>,
) -> sqlx::Result<Vec<Muted>>
where
    L: List<Key = i64>,
{
    let rows = sqlx::query!(
        r#"select m.fact_id, (extract(epoch from m.at) * 1000)::bigint as "at!",
                  (extract(epoch from m.until) * 1000)::bigint as until,
                  u.id as user_id, u.name as user_name, u.picture as user_picture,
                  a.id as by_id, a.name as by_name, a.picture as by_picture
             from room_mutes m
             join users u on u.id = m.user_id
             join users a on a.id = m.by_id
            where m.room_id = $1
              and (m.until is null or m.until > clock_timestamp())
              and ($2::bigint is null or m.fact_id < $2)
            order by m.fact_id desc
            limit $3"#,
        room.number(),
        window.behind(),
        window.one_more(),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Muted {
                user: person(row.user_id, row.user_name, row.user_picture)?,
                by: person(row.by_id, row.by_name, row.by_picture)?,
                at: row.at,
                until: row.until,
                number: row.fact_id,
            })
        })
        .collect()
}

/// The rules of the room's chat; `None` if they were never set.
pub(in crate::room) async fn chat_rules(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Option<ChatRules>> {
    let row = sqlx::query!("select muted, slow_mode_s from room_chat_rules where room_id = $1", room.number())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| ChatRules { muted: row.muted, slow_mode_s: row.slow_mode_s.unsigned_abs() }))
}

/// Stores the rules of the room's chat. Returns how many rows were changed: none, if they were so already.
pub(super) async fn put_chat_rules(conn: &mut PgConnection, room: RoomId, rules: ChatRules) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "insert into room_chat_rules as r (room_id, muted, slow_mode_s)
         values ($1, $2, $3)
         on conflict (room_id) do update
            set muted = excluded.muted, slow_mode_s = excluded.slow_mode_s
          where (r.muted, r.slow_mode_s) is distinct from (excluded.muted, excluded.slow_mode_s)",
        room.number(),
        rules.muted,
        i32::try_from(rules.slow_mode_s).unwrap_or(i32::MAX)
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
