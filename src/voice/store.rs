//! SQL of the rights at the voice vendor. The ends of tokens are counted by the database's clock, by which they are also read.

use std::time::Duration;

use parlor_protocol::{RoomId, UserId};
use sqlx::PgConnection;

use super::{Notice, Rights, Standing};
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};

/// A row as the job reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) room: RoomId,
    pub(super) user: UserId,
    pub(super) version: (i64, i64),
    pub(super) standing: Standing,
    /// Somebody may connect with a token that lets them speak.
    pub(super) may_come_speaking: bool,
    /// Somebody may connect with a token that only lets them listen.
    pub(super) may_come_listening: bool,
    /// The vendor has taken this state already.
    pub(super) is_told: bool,
    pub(super) rule: Option<i64>,
    /// The time since the state was wanted.
    pub(super) age: Duration,
}

/// A participant whose state was replaced.
pub(super) struct Changed {
    pub(super) room: i64,
    pub(super) user: i64,
    pub(super) is_barred: bool,
    pub(super) has_rule: bool,
}

/// The columns of a statement over many notices, which are in the order of room and user, so that no two transactions wait
/// for each other.
struct Columns {
    rooms: Vec<i64>,
    users: Vec<i64>,
    epochs: Vec<i64>,
    turns: Vec<i64>,
    wanted: Vec<String>,
    barred: Vec<bool>,
    until: Vec<Option<i64>>,
}

impl Columns {
    fn of(notices: &[Notice]) -> Self {
        let barred = |notice: &Notice| matches!(notice.standing, Standing::Barred { .. });
        let until = |notice: &Notice| match notice.standing {
            Standing::Barred { until } => until.map(|until| until.0),
            Standing::Out | Standing::In(_) => None,
        };
        Self {
            rooms: notices.iter().map(|notice| notice.room.number()).collect(),
            users: notices.iter().map(|notice| notice.user.number()).collect(),
            epochs: notices.iter().map(|notice| notice.epoch).collect(),
            turns: notices.iter().map(|notice| notice.turn).collect(),
            wanted: notices.iter().map(|notice| word(notice.standing).to_owned()).collect(),
            barred: notices.iter().map(barred).collect(),
            until: notices.iter().map(until).collect(),
        }
    }
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Out | Standing::Barred { .. } => "out",
        Standing::In(Rights::Listen) => "listen",
        Standing::In(Rights::Speak) => "speak",
    }
}

fn standing(wanted: &str, barred: bool, until: Option<i64>) -> Result<Standing> {
    match wanted {
        "out" if barred => Ok(Standing::Barred { until: until.map(Timestamp) }),
        "out" => Ok(Standing::Out),
        "listen" => Ok(Standing::In(Rights::Listen)),
        "speak" => Ok(Standing::In(Rights::Speak)),
        _ => Err(Error::internal("a right at the voice vendor is none of the known ones")),
    }
}

/// Replaces the states whose numbers are lower, and returns whose these were. A participant without a row gets one: the
/// notice has overtaken the writing of their first token. Who is barred as before was told by the fact: their state gets
/// the higher number, so that no token in flight replaces it, and nobody is told again.
pub(super) async fn put(conn: &mut PgConnection, notices: &[Notice]) -> Result<Vec<Changed>> {
    let Columns { rooms, users, epochs, turns, wanted, barred, until } = Columns::of(notices);
    let rows = sqlx::query!(
        r#"insert into voice_rights as r
                  (room_id, user_id, epoch, turn, wanted, barred, barred_until_ms, speak_until, listen_until)
           select n.room_id, n.user_id, n.epoch, n.turn, n.wanted, n.barred, n.until, statement_timestamp(),
                  statement_timestamp()
             from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bool[], $7::bigint[])
                  as n (room_id, user_id, epoch, turn, wanted, barred, until)
            order by n.room_id, n.user_id
           on conflict (room_id, user_id) do update
              set epoch = excluded.epoch, turn = excluded.turn, wanted = excluded.wanted, barred = excluded.barred,
                  barred_until_ms = excluded.barred_until_ms,
                  changed_at = case when r.barred and excluded.barred
                                         and r.barred_until_ms is not distinct from excluded.barred_until_ms
                                    then r.changed_at else clock_timestamp() end,
                  told_at = case when r.barred and excluded.barred
                                      and r.barred_until_ms is not distinct from excluded.barred_until_ms
                                 then r.told_at end
            where (r.epoch, r.turn) < (excluded.epoch, excluded.turn)
           returning r.room_id, r.user_id, r.barred, r.rule_id is not null as "has_rule!",
                     r.told_at is null as "is_untold!""#,
        &rooms,
        &users,
        &epochs,
        &turns,
        &wanted,
        &barred,
        &until as &[Option<i64>],
    )
    .fetch_all(conn)
    .await?;
    let changed = rows.into_iter().filter(|row| row.is_untold).map(|row| Changed {
        room: row.room_id,
        user: row.user_id,
        is_barred: row.barred,
        has_rule: row.has_rule,
    });
    Ok(changed.collect())
}

/// Replaces the states whose numbers are not higher: that of a fact is decided after all states with its number. Somebody
/// without a row has never had a token.
pub(super) async fn put_with_fact(conn: &mut PgConnection, notices: &[Notice]) -> Result<Vec<Changed>> {
    let Columns { rooms, users, epochs, turns, wanted, barred, until } = Columns::of(notices);
    let rows = sqlx::query!(
        r#"with n as (
               select *
                 from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bool[], $7::bigint[])
                      as n (room_id, user_id, epoch, turn, wanted, barred, until)
           ), held as (
               select r.room_id, r.user_id
                 from voice_rights r
                 join n on n.room_id = r.room_id and n.user_id = r.user_id
                where (r.epoch, r.turn) <= (n.epoch, n.turn)
                order by r.room_id, r.user_id
                  for update of r
           )
           update voice_rights r
              set epoch = n.epoch, turn = n.turn, wanted = n.wanted, barred = n.barred, barred_until_ms = n.until,
                  changed_at = clock_timestamp(), told_at = null
             from held
             join n on n.room_id = held.room_id and n.user_id = held.user_id
            where r.room_id = held.room_id and r.user_id = held.user_id
           returning r.room_id, r.user_id, r.barred, r.rule_id is not null as "has_rule!""#,
        &rooms,
        &users,
        &epochs,
        &turns,
        &wanted,
        &barred,
        &until as &[Option<i64>],
    )
    .fetch_all(conn)
    .await?;
    let changed = rows.into_iter().map(|row| Changed {
        room: row.room_id,
        user: row.user_id,
        is_barred: row.barred,
        has_rule: row.has_rule,
    });
    Ok(changed.collect())
}

/// What is known of a participant when a token is handed out.
pub(super) struct TokenNoted {
    /// Where the user stands by the newest state: the token must let them do no more.
    pub(super) newest: Standing,
    /// Whether the vendor has a rule that keeps them out.
    pub(super) has_rule: bool,
    /// Whether this state is a new one, of which the vendor has not been told.
    pub(super) is_untold: bool,
}

/// Notes that a token is handed out which ends after `lasts`, to a device that may do `rights`, while its user stands as the
/// notice says. A first token needs no word to the vendor.
pub(super) async fn put_token(
    conn: &mut PgConnection,
    notice: &Notice,
    rights: Rights,
    lasts: Duration,
) -> Result<TokenNoted> {
    let row = sqlx::query!(
        r#"insert into voice_rights as r (room_id, user_id, epoch, turn, wanted, speak_until, listen_until, told_at)
           values ($1, $2, $3, $4, $5,
                   clock_timestamp() + case when $7 = 'speak' then make_interval(secs => $6) else interval '0' end,
                   clock_timestamp() + case when $7 = 'listen' then make_interval(secs => $6) else interval '0' end,
                   clock_timestamp())
           on conflict (room_id, user_id) do update
              set epoch = case when (r.epoch, r.turn) < ($3, $4) then $3 else r.epoch end,
                  turn = case when (r.epoch, r.turn) < ($3, $4) then $4 else r.turn end,
                  wanted = case when (r.epoch, r.turn) < ($3, $4) then $5 else r.wanted end,
                  barred = r.barred and (r.epoch, r.turn) >= ($3, $4),
                  barred_until_ms = case when (r.epoch, r.turn) >= ($3, $4) then r.barred_until_ms end,
                  changed_at = case when (r.epoch, r.turn) < ($3, $4) then clock_timestamp() else r.changed_at end,
                  told_at = case when (r.epoch, r.turn) < ($3, $4) and (r.barred or r.wanted <> $5) then null
                                 else r.told_at end,
                  speak_until = case when $7 = 'speak' and ((r.epoch, r.turn) < ($3, $4) or r.wanted = 'speak')
                                     then greatest(r.speak_until, excluded.speak_until)
                                     else r.speak_until end,
                  listen_until = case when $7 = 'listen' or ((r.epoch, r.turn) >= ($3, $4) and r.wanted = 'listen')
                                      then greatest(r.listen_until, clock_timestamp() + make_interval(secs => $6))
                                      else r.listen_until end
           returning wanted, barred, barred_until_ms, rule_id is not null as "has_rule!", told_at is null as "is_untold!""#,
        notice.room.number(),
        notice.user.number(),
        notice.epoch,
        notice.turn,
        word(notice.standing),
        lasts.as_secs_f64(),
        word(Standing::In(rights)),
    )
    .fetch_one(conn)
    .await?;
    Ok(TokenNoted {
        newest: standing(&row.wanted, row.barred, row.barred_until_ms)?,
        has_rule: row.has_rule,
        is_untold: row.is_untold,
    })
}

/// The newest state of a participant; `None` if they never had a token, or long ago.
pub(super) async fn wanted(conn: &mut PgConnection, room: RoomId, user: UserId) -> Result<Option<Wanted>> {
    let row = sqlx::query!(
        r#"select epoch, turn, wanted, barred, barred_until_ms, rule_id, told_at is not null as "is_told!",
                  speak_until > clock_timestamp() as "may_come_speaking!",
                  listen_until > clock_timestamp() as "may_come_listening!",
                  greatest(extract(epoch from clock_timestamp() - changed_at)::float8, 0) as "age!"
             from voice_rights
            where room_id = $1 and user_id = $2"#,
        room.number(),
        user.number(),
    )
    .fetch_optional(conn)
    .await?;
    let wanted = row.map(|row| {
        Ok(Wanted {
            room,
            user,
            version: (row.epoch, row.turn),
            standing: standing(&row.wanted, row.barred, row.barred_until_ms)?,
            may_come_speaking: row.may_come_speaking,
            may_come_listening: row.may_come_listening,
            is_told: row.is_told,
            rule: row.rule_id,
            age: Duration::try_from_secs_f64(row.age).unwrap_or_default(),
        })
    });
    wanted.transpose()
}

/// Notes what the vendor has taken: this state, and the rule that it has for the user. The rule is noted also if there is
/// a newer state by now.
pub(super) async fn told(conn: &mut PgConnection, wanted: &Wanted, rule: Option<i64>) -> Result<()> {
    sqlx::query!(
        "update voice_rights
            set rule_id = $5,
                told_at = case when epoch = $3 and turn = $4 then clock_timestamp() else told_at end
          where room_id = $1 and user_id = $2",
        wanted.room.number(),
        wanted.user.number(),
        wanted.version.0,
        wanted.version.1,
        rule,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether this is still the newest state, locked until the transaction ends. A row that another transaction is changing
/// counts as changed: to wait for it here could be to wait for one another.
pub(super) async fn is_newest(conn: &mut PgConnection, wanted: &Wanted) -> Result<bool> {
    let row = sqlx::query_scalar!(
        r#"select 1 as "one!"
             from voice_rights
            where room_id = $1 and user_id = $2 and epoch = $3 and turn = $4
              for update skip locked"#,
        wanted.room.number(),
        wanted.user.number(),
        wanted.version.0,
        wanted.version.1,
    );
    Ok(row.fetch_optional(conn).await?.is_some())
}

/// The users of this room whom the vendor may have connected.
pub(super) async fn inside(conn: &mut PgConnection, room: RoomId) -> Result<Vec<UserId>> {
    let users = sqlx::query_scalar!(
        "select user_id from voice_rights where room_id = $1 and wanted <> 'out' order by user_id",
        room.number()
    );
    let users = users.fetch_all(conn).await?;
    users.into_iter().map(|user| UserId::new(user).ok_or_else(|| Error::internal("a user has no valid id"))).collect()
}

/// The rooms of which the vendor may have somebody connected.
pub(super) async fn rooms(conn: &mut PgConnection) -> Result<Vec<RoomId>> {
    let rooms = sqlx::query_scalar!("select distinct room_id from voice_rights where wanted <> 'out' order by room_id");
    let rooms = rooms.fetch_all(conn).await?;
    rooms.into_iter().map(|room| RoomId::new(room).ok_or_else(|| Error::internal("a room has no valid id"))).collect()
}

/// Removes some rows of users who have been out for so long that no token and no rule is in force. Returns how many.
pub(super) async fn forget(conn: &mut PgConnection, days: i32, limit: i64) -> Result<u64> {
    let forgotten = sqlx::query!(
        "delete from voice_rights
          where (room_id, user_id) in (
                select room_id, user_id
                  from voice_rights
                 where wanted = 'out'
                   and changed_at < clock_timestamp() - make_interval(days => $1)
                   and greatest(speak_until, listen_until) < clock_timestamp()
                 order by changed_at
                 limit $2
                   for update skip locked)",
        days,
        limit,
    );
    Ok(forgotten.execute(conn).await?.rows_affected())
}
