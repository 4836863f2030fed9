//! The SQL of the days of rooms.

use std::collections::HashMap;

use parlor_protocol::{Coins, RoomId};
use sqlx::PgConnection;

use super::RoomDay;

/// What the visits of a room give for a day.
pub(super) struct Counted {
    pub room: i64,
    pub visitors: i64,
    pub peak: i64,
    pub seat_ms: i64,
}

/// The day to count first, as days since 1970: the one before the last that was counted, or that of the oldest visit; `None`
/// if there is neither.
pub(super) async fn first_to_count(conn: &mut PgConnection) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        r#"select coalesce((select max(day) - date '1970-01-01' - 1 from room_days),
                           (select (began / 86400000)::integer from visits order by id limit 1)) as day"#
    )
    .fetch_one(conn)
    .await
}

/// Counts the visits of all rooms in a time. Those that go on count up to `now`.
pub(super) async fn count(conn: &mut PgConnection, from: i64, until: i64, now: i64) -> sqlx::Result<Vec<Counted>> {
    sqlx::query_as!(
        Counted,
        r#"with spells as (
               select room_id, user_id, seated, greatest(began, $1) as began, least(coalesce(ended, $3), $2) as ended
                 from visits
                where began < $2 and (ended is null or ended > $1)
           ), steps as (
               select room_id, sum(turn.step) over (partition by room_id order by turn.at, turn.step) as people
                 from spells
                cross join lateral (values (began, 1), (ended, -1)) as turn (at, step)
                where not seated
           ), peaks as (
               select room_id, max(people) as peak
                 from steps
                group by room_id
           )
           select s.room_id as "room!",
                  count(distinct s.user_id) filter (where not s.seated) as "visitors!",
                  coalesce(max(p.peak), 0)::bigint as "peak!",
                  coalesce(sum(greatest(s.ended - s.began, 0)) filter (where s.seated), 0)::bigint as "seat_ms!"
             from spells s
             left join peaks p using (room_id)
            group by s.room_id
            order by s.room_id"#,
        from,
        until,
        now
    )
    .fetch_all(conn)
    .await
}

/// Replaces the day of these rooms, with the coins that were spent in them.
pub(super) async fn put(
    conn: &mut PgConnection,
    day: i32,
    counted: &[Counted],
    spent: &HashMap<i64, i64>,
) -> sqlx::Result<()> {
    let numbers = |number: fn(&Counted) -> i64| counted.iter().map(number).collect::<Vec<i64>>();
    let coins: Vec<i64> = counted.iter().map(|counted| spent.get(&counted.room).copied().unwrap_or(0)).collect();
    sqlx::query!(
        "insert into room_days (room_id, day, visitors, peak, seat_ms, coins)
         select room_id, date '1970-01-01' + $1::integer, visitors, peak, seat_ms, coins
           from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
                as c (room_id, visitors, peak, seat_ms, coins)
         on conflict (room_id, day) do update
            set visitors = excluded.visitors, peak = excluded.peak, seat_ms = excluded.seat_ms, coins = excluded.coins,
                counted_at = clock_timestamp()",
        day,
        &numbers(|counted| counted.room),
        &numbers(|counted| counted.visitors),
        &numbers(|counted| counted.peak),
        &numbers(|counted| counted.seat_ms),
        &coins
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The days of a room before this one, as days since 1970, the last one first.
pub(super) async fn days(conn: &mut PgConnection, room: RoomId, before: i32, limit: i64) -> sqlx::Result<Vec<RoomDay>> {
    // A date has no larger numbers.
    let before = before.clamp(0, 1_000_000);
    let rows = sqlx::query!(
        r#"select to_char(day, 'YYYY-MM-DD') as "day!", day - date '1970-01-01' as "number!", visitors, peak, seat_ms, coins
             from room_days
            where room_id = $1 and day < date '1970-01-01' + $2::integer
            order by day desc
            limit $3"#,
        room.number(),
        before,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| RoomDay {
            day: row.day,
            visitors: row.visitors,
            peak: row.peak,
            seat_minutes: row.seat_ms / 60_000,
            coins: Coins(row.coins),
            number: row.number,
        })
        .collect())
}
