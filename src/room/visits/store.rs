//! The SQL of visits.

use parlor_protocol::{RoomId, UserId};
use sqlx::PgConnection;

use super::{Called, Close, Spell, Visit};

/// Ends what is open in rooms whose people were called: all of earlier epochs, when their server was last seen, and of this
/// one what is not among these spells, at the call.
pub(super) async fn close_uncalled(conn: &mut PgConnection, called: &[Called], spells: &[Spell]) -> sqlx::Result<()> {
    let there: Vec<&Spell> = spells.iter().filter(|spell| called.iter().any(|call| call.room == spell.room)).collect();
    sqlx::query!(
        "update visits v
            set ended = greatest(v.began, case when v.epoch = c.epoch then c.at else
                    least(c.at, (select w.seen from visit_writers w where w.incarnation = v.incarnation)) end)
           from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as c (room_id, epoch, at)
          where v.room_id = c.room_id and v.ended is null
            and (v.epoch <> c.epoch
                 or not exists (select
                                  from unnest($4::bigint[], $5::bigint[], $6::boolean[]) as t (room_id, user_id, seated)
                                 where t.room_id = v.room_id and t.user_id = v.user_id and t.seated = v.seated))",
        &called.iter().map(|call| call.room).collect::<Vec<_>>(),
        &called.iter().map(|call| call.epoch).collect::<Vec<_>>(),
        &called.iter().map(|call| call.at).collect::<Vec<_>>(),
        &there.iter().map(|spell| spell.room).collect::<Vec<_>>(),
        &there.iter().map(|spell| spell.user).collect::<Vec<_>>(),
        &there.iter().map(|spell| spell.seat.is_some()).collect::<Vec<_>>()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends what these users have open in these rooms. Of `begun`, which are inserted next, it ends none that begins when another
/// one ends: it is there already if the transaction was committed before and its answer was lost.
pub(super) async fn close(conn: &mut PgConnection, closes: &[Close], begun: &[Spell]) -> sqlx::Result<()> {
    let begins_then = |close: &Close| {
        begun.iter().any(|spell| {
            (spell.room, spell.user, spell.seat.is_some(), spell.began)
                == (close.room, close.user, close.seated, close.at)
        })
    };
    sqlx::query!(
        "update visits v
            set ended = greatest(v.began, c.at)
           from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[], $5::bigint[], $6::boolean[])
                as c (room_id, epoch, user_id, seated, at, begins_then)
          where v.room_id = c.room_id and v.user_id = c.user_id and v.seated = c.seated and v.ended is null
            and v.epoch = c.epoch and (v.began < c.at or v.began = c.at and not c.begins_then)",
        &closes.iter().map(|close| close.room).collect::<Vec<_>>(),
        &closes.iter().map(|close| close.epoch).collect::<Vec<_>>(),
        &closes.iter().map(|close| close.user).collect::<Vec<_>>(),
        &closes.iter().map(|close| close.seated).collect::<Vec<_>>(),
        &closes.iter().map(|close| close.at).collect::<Vec<_>>(),
        &closes.iter().map(begins_then).collect::<Vec<_>>()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts spells. None begins before the last one of the same user in the room has ended. What is there already stays.
pub(super) async fn insert(conn: &mut PgConnection, incarnation: i64, spells: &[Spell]) -> sqlx::Result<()> {
    let seats: Vec<Option<i16>> = spells.iter().map(|spell| spell.seat.map(i16::from)).collect();
    let ends: Vec<Option<i64>> = spells.iter().map(|spell| spell.ended).collect();
    sqlx::query!(
        "insert into visits (room_id, epoch, user_id, seat, began, ended, incarnation)
         select s.room_id, s.epoch, s.user_id, s.seat, greatest(s.began, last.ended),
                case when s.ended is not null then greatest(s.ended, last.ended) end, $7
           from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[])
                with ordinality as s (room_id, epoch, user_id, seat, began, ended, place)
           left join lateral (
                select v.ended
                  from visits v
                 where v.room_id = s.room_id and v.user_id = s.user_id and v.seated = (s.seat is not null)
                   and v.epoch < s.epoch
                 order by v.began desc
                 limit 1) as last on true
          order by s.place
         on conflict do nothing",
        &spells.iter().map(|spell| spell.room).collect::<Vec<_>>(),
        &spells.iter().map(|spell| spell.epoch).collect::<Vec<_>>(),
        &spells.iter().map(|spell| spell.user).collect::<Vec<_>>(),
        &seats as &[Option<i16>],
        &spells.iter().map(|spell| spell.began).collect::<Vec<_>>(),
        &ends as &[Option<i64>],
        incarnation
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes until when this server is known to have lived.
pub(super) async fn put_seen(conn: &mut PgConnection, incarnation: i64, seen: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into visit_writers as w (incarnation, seen)
         values ($1, $2)
         on conflict (incarnation) do update set seen = greatest(w.seen, excluded.seen), at = clock_timestamp()",
        incarnation,
        seen
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends up to so many open visits that were written by servers which are gone, and returns how many. A server is gone if
/// another has its place, or if it has not renewed its lease for a day.
pub(super) async fn close_left(conn: &mut PgConnection, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "update visits v
            set ended = greatest(v.began, (select w.seen from visit_writers w where w.incarnation = v.incarnation))
          where v.id in (select o.id
                           from visits o
                          where o.ended is null
                            and not exists (select
                                              from nodes n
                                             where n.incarnation = o.incarnation
                                               and n.lease_until > clock_timestamp() - interval '1 day')
                          limit $1
                            for update skip locked)",
        most
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes up to so many visits that have ended and are older than these days, and returns how many.
pub(super) async fn delete_old(conn: &mut PgConnection, days: i32, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from visits
          where id in (select id
                         from visits
                        where at < clock_timestamp() - make_interval(days => $1) and ended is not null
                        order by at
                        limit $2)",
        days,
        most
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes the servers that were seen last before so many days and have left nothing open.
pub(super) async fn delete_writers(conn: &mut PgConnection, days: i32) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from visit_writers w
          where w.at < clock_timestamp() - make_interval(days => $1)
            and not exists (select from visits v where v.incarnation = w.incarnation and v.ended is null)",
        days
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Raw {
    id: i64,
    room_id: i64,
    user_id: i64,
    seat: Option<i16>,
    began: i64,
    ended: Option<i64>,
}

fn visits(rows: Vec<Raw>) -> Vec<Visit> {
    let visit = |raw: Raw| {
        let (id, room, user) = (raw.id, RoomId::new(raw.room_id)?, UserId::new(raw.user_id)?);
        let seat = raw.seat.and_then(|seat| u8::try_from(seat).ok());
        Some(Visit { id, room, user, seat, began: raw.began, ended: raw.ended })
    };
    rows.into_iter().filter_map(visit).collect()
}

/// The visits in a room before this one, newest first.
pub(super) async fn of_room(
    conn: &mut PgConnection,
    room: RoomId,
    user: Option<UserId>,
    seated: Option<bool>,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Visit>> {
    let rows = sqlx::query_as!(
        Raw,
        "select id, room_id, user_id, seat, began, ended
           from visits
          where room_id = $1 and id < $2
            and ($3::bigint is null or user_id = $3)
            and ($4::boolean is null or seated = $4)
          order by id desc
          limit $5",
        room.number(),
        before,
        user.map(UserId::number),
        seated,
        limit
    );
    Ok(visits(rows.fetch_all(conn).await?))
}

/// The visits of a user before this one, newest first.
pub(super) async fn of_user(
    conn: &mut PgConnection,
    user: UserId,
    seated: Option<bool>,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Visit>> {
    let rows = sqlx::query_as!(
        Raw,
        "select id, room_id, user_id, seat, began, ended
           from visits
          where user_id = $1 and id < $2
            and ($3::boolean is null or seated = $3)
          order by id desc
          limit $4",
        user.number(),
        before,
        seated,
        limit
    );
    Ok(visits(rows.fetch_all(conn).await?))
}

/// All visits before this one, newest first.
pub(super) async fn of_all(
    conn: &mut PgConnection,
    seated: Option<bool>,
    before: i64,
    limit: i64,
) -> sqlx::Result<Vec<Visit>> {
    let rows = sqlx::query_as!(
        Raw,
        "select id, room_id, user_id, seat, began, ended
           from visits
          where id < $1 and ($2::boolean is null or seated = $2)
          order by id desc
          limit $3",
        before,
        seated,
        limit
    );
    Ok(visits(rows.fetch_all(conn).await?))
}

/// What these users have open in a room.
pub(super) async fn open_of(conn: &mut PgConnection, room: RoomId, users: &[i64]) -> sqlx::Result<Vec<Visit>> {
    let rows = sqlx::query_as!(
        Raw,
        "select id, room_id, user_id, seat, began, ended
           from visits
          where room_id = $1 and user_id = any($2) and ended is null",
        room.number(),
        users
    );
    Ok(visits(rows.fetch_all(conn).await?))
}
