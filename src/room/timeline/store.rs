//! The SQL of the timeline.

use std::collections::HashSet;

use parlor_protocol::RoomId;
use sqlx::PgConnection;

/// What a row says, as the column `kind` has it.
pub(super) const EVENTS: &str = "events";
pub(super) const GAP: &str = "gap";
pub(super) const END: &str = "end";

/// A row as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub room: i64,
    pub epoch: i64,
    pub first_seq: i64,
    pub last_seq: i64,
    pub kind: &'static str,
    /// Unix milliseconds of the first and of the last event.
    pub began: i64,
    pub ended: i64,
    pub keyframe: Option<Vec<u8>>,
    pub events: Option<Vec<u8>>,
}

/// A row as it is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stretch {
    pub epoch: i64,
    pub first_seq: i64,
    pub last_seq: i64,
    pub kind: String,
    pub began: i64,
    pub ended: i64,
    pub events: Option<Vec<u8>>,
}

/// A keyframe: the room before the event of this number.
pub(super) struct Keyframe {
    pub epoch: i64,
    pub first_seq: i64,
    pub keyframe: Vec<u8>,
}

/// Those of these rooms whose epoch is not over, with it. No other server takes one of them before the transaction ends.
pub(super) async fn hold(conn: &mut PgConnection, rooms: &[i64], epochs: &[i64]) -> sqlx::Result<HashSet<(i64, i64)>> {
    let held = sqlx::query!(
        "select o.room_id, o.epoch
           from room_owners o
           join unnest($1::bigint[], $2::bigint[]) as given (room_id, epoch) using (room_id, epoch)
          order by o.room_id
            for share of o",
        rooms,
        epochs
    )
    .fetch_all(conn)
    .await?;
    Ok(held.into_iter().map(|row| (row.room_id, row.epoch)).collect())
}

/// Inserts rows. One that is there already, because the answer to an earlier attempt was lost, stays.
pub(super) async fn insert(conn: &mut PgConnection, rows: &[Row]) -> sqlx::Result<()> {
    let numbers = |number: fn(&Row) -> i64| rows.iter().map(number).collect::<Vec<i64>>();
    let kinds: Vec<String> = rows.iter().map(|row| row.kind.to_owned()).collect();
    let keyframes: Vec<Option<&[u8]>> = rows.iter().map(|row| row.keyframe.as_deref()).collect();
    let events: Vec<Option<&[u8]>> = rows.iter().map(|row| row.events.as_deref()).collect();
    sqlx::query!(
        "insert into room_timeline (room_id, epoch, first_seq, last_seq, kind, began, ended, keyframe, events)
         select *
           from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
                       $8::bytea[], $9::bytea[])
         on conflict do nothing",
        &numbers(|row| row.room),
        &numbers(|row| row.epoch),
        &numbers(|row| row.first_seq),
        &numbers(|row| row.last_seq),
        &kinds,
        &numbers(|row| row.began),
        &numbers(|row| row.ended),
        &keyframes as &[Option<&[u8]>],
        &events as &[Option<&[u8]>]
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The row that has the event of this number, which nobody else changes until the transaction ends.
pub(super) async fn lock_stretch(
    conn: &mut PgConnection,
    room: RoomId,
    epoch: i64,
    seq: u64,
) -> sqlx::Result<Option<Stretch>> {
    sqlx::query_as!(
        Stretch,
        "select epoch, first_seq, last_seq, kind, began, ended, events
           from room_timeline
          where room_id = $1 and epoch = $2 and last_seq >= $3
            and first_seq = (select max(first_seq)
                               from room_timeline
                              where room_id = $1 and epoch = $2 and first_seq <= $3)
            for update",
        room.number(),
        epoch,
        number(seq)
    )
    .fetch_optional(conn)
    .await
}

/// Whether the timeline will not have this event any more: it has a later one of the room, or another epoch has begun.
pub(super) async fn is_past(conn: &mut PgConnection, room: RoomId, epoch: i64, seq: u64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from room_timeline where room_id = $1 and epoch = $2 and first_seq > $3)
               or not exists (select from room_owners where room_id = $1 and epoch = $2) as "past!""#,
        room.number(),
        epoch,
        number(seq)
    )
    .fetch_one(conn)
    .await
}

pub(super) async fn put_events(
    conn: &mut PgConnection,
    room: RoomId,
    epoch: i64,
    first_seq: i64,
    events: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "update room_timeline set events = $4 where room_id = $1 and epoch = $2 and first_seq = $3",
        room.number(),
        epoch,
        first_seq,
        events
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The first keyframe behind this epoch and number, which nobody else changes until the transaction ends.
pub(super) async fn next_keyframe(
    conn: &mut PgConnection,
    room: RoomId,
    behind: (i64, i64),
) -> sqlx::Result<Option<Keyframe>> {
    sqlx::query_as!(
        Keyframe,
        r#"select epoch, first_seq, keyframe as "keyframe!"
             from room_timeline
            where room_id = $1 and (epoch, first_seq) > ($2, $3) and keyframe is not null
            order by epoch, first_seq
            limit 1
              for update"#,
        room.number(),
        behind.0,
        behind.1
    )
    .fetch_optional(conn)
    .await
}

pub(super) async fn put_keyframe(
    conn: &mut PgConnection,
    room: RoomId,
    (epoch, first_seq): (i64, i64),
    keyframe: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "update room_timeline set keyframe = $4 where room_id = $1 and epoch = $2 and first_seq = $3",
        room.number(),
        epoch,
        first_seq,
        keyframe
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The last keyframe from which the state after this event can be made.
pub(super) async fn keyframe_before(
    conn: &mut PgConnection,
    room: RoomId,
    epoch: i64,
    seq: i64,
) -> sqlx::Result<Option<Keyframe>> {
    sqlx::query_as!(
        Keyframe,
        r#"select epoch, first_seq, keyframe as "keyframe!"
             from room_timeline
            where room_id = $1 and epoch = $2 and first_seq <= $3 and keyframe is not null
            order by first_seq desc
            limit 1"#,
        room.number(),
        epoch,
        seq.saturating_add(1)
    )
    .fetch_optional(conn)
    .await
}

/// Where the room's rows begin that have a moment, in Unix milliseconds: epoch and first number of the last row that began
/// before it or then.
pub(super) async fn place_at(conn: &mut PgConnection, room: RoomId, at: i64) -> sqlx::Result<Option<(i64, i64)>> {
    let row = sqlx::query!(
        "select epoch, first_seq
           from room_timeline
          where room_id = $1 and began <= $2
          order by began desc, epoch desc, first_seq desc
          limit 1",
        room.number(),
        at
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.epoch, row.first_seq)))
}

/// At most so many rows of a room from the one on that has this number of this epoch, in order.
pub(super) async fn stretches(
    conn: &mut PgConnection,
    room: RoomId,
    (epoch, seq): (i64, i64),
    limit: i64,
) -> sqlx::Result<Vec<Stretch>> {
    sqlx::query_as!(
        Stretch,
        "select epoch, first_seq, last_seq, kind, began, ended, events
           from room_timeline
          where room_id = $1
            and (epoch, first_seq) >= ($2, coalesce((select max(first_seq)
                                                       from room_timeline
                                                      where room_id = $1 and epoch = $2 and first_seq <= $3), $3))
          order by epoch, first_seq
          limit $4",
        room.number(),
        epoch,
        seq,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Which epoch of a room is the last one, and whether a server that may still write about it has it; or it was given back.
pub(super) async fn last_epoch(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Option<(i64, bool)>> {
    let row = sqlx::query!(
        r#"select o.epoch,
                  o.node_id = '' or exists (select from nodes n where n.incarnation = o.incarnation) as "held!"
             from room_owners o
            where o.room_id = $1"#,
        room.number()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.epoch, row.held)))
}

/// Deletes up to so many rows that are older than these days, and returns how many.
pub(super) async fn delete_old(conn: &mut PgConnection, days: i32, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from room_timeline
          where (room_id, epoch, first_seq) in (select room_id, epoch, first_seq
                                                  from room_timeline
                                                 where at < clock_timestamp() - make_interval(days => $1)
                                                 order by at
                                                 limit $2)",
        days,
        most
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
