//! The SQL of rooms that are awake: their hard facts and checkpoints, and what a waking room reads.

use std::collections::HashSet;

use parlor_protocol::reply::Done;
use parlor_protocol::room::{Person, RoomCard};
use parlor_protocol::seating::SeatMode;
use parlor_protocol::{Coins, RoomId, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::change;
use super::conduct::{self, Applied};
use super::door;
use super::facts::{CheckpointRow, Fact, HardWrite};
use super::state::{Checkpoint, PackedMemory};
use crate::kit::operation::Operation;

/// How users get a seat, as the column `rooms.seat_mode` has it.
const FREE: &str = "free";
const APPLY: &str = "apply";

/// A room, with what clients are not shown.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct RoomRow {
    pub card: RoomCard,
    /// The room's own capacity; if it has none, the setting `room.capacity` holds.
    pub capacity: Option<usize>,
    /// How users get a seat.
    pub seat_mode: SeatMode,
}

struct RawRoom {
    id: i64,
    name: String,
    owner_id: i64,
    owner_name: String,
    owner_picture: Option<i32>,
    seats: i16,
    capacity: Option<i32>,
    version: i64,
    announcement: Option<String>,
    language: Option<String>,
    country: Option<String>,
    tags: Vec<String>,
    theme: Option<String>,
    background: Option<Uuid>,
    may_chat: String,
    may_post_images: String,
    may_invite: String,
    may_sit: String,
    privacy: String,
    closed_by: Option<String>,
    closed_reason: String,
    seat_mode: String,
}

impl TryFrom<RawRoom> for RoomRow {
    type Error = sqlx::Error;

    fn try_from(raw: RawRoom) -> sqlx::Result<Self> {
        Ok(Self {
            card: RoomCard {
                id: room_id(raw.id)?,
                name: raw.name,
                owner: person(raw.owner_id, raw.owner_name, raw.owner_picture)?,
                seats: seat_no(raw.seats)?,
                version: u64::try_from(raw.version).map_err(out_of_range)?,
                announcement: raw.announcement.unwrap_or_default(),
                language: raw.language,
                country: raw.country,
                tags: raw.tags,
                capacity: raw.capacity.map(u32::try_from).transpose().map_err(out_of_range)?,
                theme: raw.theme,
                background: raw.background.map(change::mark),
                may_chat: change::who(&raw.may_chat)?,
                may_post_images: change::who(&raw.may_post_images)?,
                may_invite: change::who(&raw.may_invite)?,
                may_sit: change::who(&raw.may_sit)?,
                privacy: door::privacy(&raw.privacy)?,
                closed: door::closed(raw.closed_by.as_deref(), raw.closed_reason)?,
            },
            capacity: raw.capacity.map(usize::try_from).transpose().map_err(out_of_range)?,
            seat_mode: match raw.seat_mode.as_str() {
                FREE => SeatMode::Free,
                APPLY => SeatMode::Apply,
                _ => return Err(sqlx::Error::Decode("a room's seat mode is unknown".into())),
            },
        })
    }
}

pub(super) async fn room(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Option<RoomRow>> {
    sqlx::query_as!(
        RawRoom,
        "select r.id, r.name, r.owner_id, u.name as owner_name, u.picture as owner_picture, r.seats, r.capacity,
                r.version, r.announcement, r.language, r.country, r.tags, r.theme, r.background,
                r.may_chat, r.may_post_images, r.may_invite, r.may_sit, r.privacy, r.closed_by, r.closed_reason,
                r.seat_mode
           from rooms r
           join users u on u.id = r.owner_id
          where r.id = $1",
        room.number()
    )
    .fetch_optional(conn)
    .await?
    .map(RoomRow::try_from)
    .transpose()
}

pub(super) async fn seat_locks(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Vec<u8>> {
    sqlx::query_scalar!("select seat from room_seat_locks where room_id = $1", room.number())
        .fetch_all(conn)
        .await?
        .into_iter()
        .map(seat_no)
        .collect()
}

pub(super) async fn seat_mutes(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Vec<u8>> {
    sqlx::query_scalar!("select seat from room_seat_mutes where room_id = $1", room.number())
        .fetch_all(conn)
        .await?
        .into_iter()
        .map(seat_no)
        .collect()
}

/// The room's admins.
pub(super) async fn admins(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Vec<UserId>> {
    sqlx::query_scalar!("select user_id from room_admins where room_id = $1", room.number())
        .fetch_all(conn)
        .await?
        .into_iter()
        .map(user_id)
        .collect()
}

/// The id of the room's last fact; 0 if there is none.
pub(super) async fn last_fact(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "id!" from room_facts where room_id = $1"#, room.number())
        .fetch_one(conn)
        .await
}

/// The number of the last committed gift, and all coins spent in the room with it. Both are 0 before the first gift,
/// when the room has no row.
pub(super) async fn totals(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<(i64, Coins)> {
    let row = sqlx::query!("select gift_no, coins from room_totals where room_id = $1", room.number())
        .fetch_optional(conn)
        .await?;
    Ok(row.map_or((0, Coins(0)), |row| (row.gift_no, Coins(row.coins))))
}

/// The number of the last committed gift of each of these rooms. A room without gifts is left out.
pub(super) async fn gift_numbers(conn: &mut PgConnection, rooms: &[i64]) -> sqlx::Result<Vec<(RoomId, i64)>> {
    let rows =
        sqlx::query!("select room_id, gift_no from room_totals where room_id = any($1)", rooms).fetch_all(conn).await?;
    rows.into_iter().map(|row| Ok((room_id(row.room_id)?, row.gift_no))).collect()
}

/// Inserts a fact and returns its id; `None` if the operation was used before.
pub(super) async fn insert_fact(conn: &mut PgConnection, write: &HardWrite, fact: &Fact) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "insert into room_facts (room_id, actor_id, op, body_hash, epoch, seq, fact)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (op, actor_id) do nothing
         returning id",
        write.room.number(),
        write.operation.actor.number(),
        write.operation.op.0,
        &write.operation.body_hash[..],
        write.epoch,
        i64::try_from(write.seq).map_err(out_of_range)?,
        Json(fact) as _
    )
    .fetch_optional(conn)
    .await
}

/// A fact as it was stored under its operation.
pub(super) struct StoredFact {
    pub id: i64,
    pub body_hash: Vec<u8>,
    pub fact: Fact,
    /// The answer to the operation.
    pub done: Done,
}

pub(super) async fn fact_of(conn: &mut PgConnection, operation: &Operation) -> sqlx::Result<Option<StoredFact>> {
    let row = sqlx::query!(
        r#"select id, body_hash, epoch, coalesce(seq, 0) as "seq!", fact as "fact: Json<Fact>"
             from room_facts
            where op = $1 and actor_id = $2"#,
        operation.op.0,
        operation.actor.number()
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let seq = u64::try_from(row.seq).map_err(out_of_range)?;
        let done = Done { epoch: row.epoch, seq, replayed: false };
        Ok(StoredFact { id: row.id, body_hash: row.body_hash, fact: row.fact.0, done })
    })
    .transpose()
}

/// Deletes up to so many facts that are older than these days, and returns how many.
pub(super) async fn delete_facts(conn: &mut PgConnection, days: i32, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from room_facts
          where id in (select id
                         from room_facts
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

/// Deletes up to so many kicks that are over, and returns how many.
pub(super) async fn delete_kicks(conn: &mut PgConnection, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from room_kicks
          where (room_id, user_id) in (select room_id, user_id
                                         from room_kicks
                                        where until < clock_timestamp()
                                        order by until
                                        limit $1
                                          for update skip locked)",
        most
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Applies a fact, which has this id, to the tables that hold what is true now: locks and mutes of seats, the mode and number
/// of seats, the owner, kicks, admins, bans, mutes and the rules of the chat.
pub(super) async fn put_fact(
    conn: &mut PgConnection,
    id: i64,
    write: &HardWrite,
    fact: &Fact,
) -> sqlx::Result<Applied> {
    let room = write.room;
    match fact {
        Fact::SeatLocked { seat } => insert_locks(conn, room, &[*seat]).await?,
        Fact::SeatUnlocked { seat } => delete_locks(conn, room, &[*seat]).await?,
        Fact::SeatsLocked { seats } => insert_locks(conn, room, seats).await?,
        Fact::SeatsUnlocked { seats } => delete_locks(conn, room, seats).await?,
        Fact::SeatMuted { seat } => insert_mute(conn, room, *seat).await?,
        Fact::SeatUnmuted { seat } => delete_mute(conn, room, *seat).await?,
        Fact::SeatModeChanged { mode } => put_seat_mode(conn, room, *mode).await?,
        Fact::LayoutChanged { seats } => {
            put_layout(conn, room, *seats).await?;
            delete_locks_beyond(conn, room, *seats).await?;
            delete_mutes_beyond(conn, room, *seats).await?;
        }
        Fact::OwnerChanged { owner, former } => {
            put_owner(conn, room, owner.id).await?;
            insert_handover(conn, room, *former).await?;
            delete_admin(conn, room, owner.id).await?;
        }
        Fact::AdminPromoted { user } => insert_admin(conn, room, *user).await?,
        Fact::AdminDemoted { user } => delete_admin(conn, room, *user).await?,
        // A banned user is no admin any more.
        Fact::Banned { user, .. } => {
            delete_admin(conn, room, *user).await?;
            return conduct::put(conn, id, write, fact).await;
        }
        Fact::Kicked { .. }
        | Fact::Unbanned { .. }
        | Fact::ChatMuted { .. }
        | Fact::ChatUnmuted { .. }
        | Fact::ChatRules { .. } => return conduct::put(conn, id, write, fact).await,
        // These have no lasting effect here; only the fact itself is kept.
        Fact::Closed { .. } | Fact::LineRecalled { .. } => {}
        // Their columns are written by `change` and `door`.
        Fact::RoomChanged { .. } | Fact::PrivacyChanged { .. } | Fact::DoorChanged { .. } => {}
        // The same, by `images`.
        Fact::ImagePosted { .. } => {}
    }
    Ok(Applied::Yes)
}

async fn insert_locks(conn: &mut PgConnection, room: RoomId, seats: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into room_seat_locks (room_id, seat)
         select $1, seat
           from unnest($2::smallint[]) as seat
         on conflict do nothing",
        room.number(),
        &numbers(seats)
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn delete_locks(conn: &mut PgConnection, room: RoomId, seats: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from room_seat_locks
          where room_id = $1
            and seat = any($2::smallint[])",
        room.number(),
        &numbers(seats)
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_mute(conn: &mut PgConnection, room: RoomId, seat: u8) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into room_seat_mutes (room_id, seat) values ($1, $2) on conflict do nothing",
        room.number(),
        i16::from(seat)
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn delete_mute(conn: &mut PgConnection, room: RoomId, seat: u8) -> sqlx::Result<()> {
    sqlx::query!("delete from room_seat_mutes where room_id = $1 and seat = $2", room.number(), i16::from(seat))
        .execute(conn)
        .await?;
    Ok(())
}

async fn put_seat_mode(conn: &mut PgConnection, room: RoomId, mode: SeatMode) -> sqlx::Result<()> {
    let mode = match mode {
        SeatMode::Free => FREE,
        SeatMode::Apply => APPLY,
    };
    sqlx::query!("update rooms set seat_mode = $2 where id = $1", room.number(), mode).execute(conn).await?;
    Ok(())
}

async fn put_layout(conn: &mut PgConnection, room: RoomId, seats: u8) -> sqlx::Result<()> {
    sqlx::query!("update rooms set seats = $2 where id = $1", room.number(), i16::from(seats)).execute(conn).await?;
    Ok(())
}

async fn delete_locks_beyond(conn: &mut PgConnection, room: RoomId, seats: u8) -> sqlx::Result<()> {
    sqlx::query!("delete from room_seat_locks where room_id = $1 and seat >= $2", room.number(), i16::from(seats))
        .execute(conn)
        .await?;
    Ok(())
}

async fn delete_mutes_beyond(conn: &mut PgConnection, room: RoomId, seats: u8) -> sqlx::Result<()> {
    sqlx::query!("delete from room_seat_mutes where room_id = $1 and seat >= $2", room.number(), i16::from(seats))
        .execute(conn)
        .await?;
    Ok(())
}

async fn put_owner(conn: &mut PgConnection, room: RoomId, owner: UserId) -> sqlx::Result<()> {
    sqlx::query!("update rooms set owner_id = $2 where id = $1", room.number(), owner.number()).execute(conn).await?;
    Ok(())
}

/// Keeps who owned the room until now: gifts of that time are judged by it.
async fn insert_handover(conn: &mut PgConnection, room: RoomId, former: UserId) -> sqlx::Result<()> {
    sqlx::query!("insert into room_handovers (room_id, former_id) values ($1, $2)", room.number(), former.number())
        .execute(conn)
        .await?;
    Ok(())
}

async fn insert_admin(conn: &mut PgConnection, room: RoomId, user: UserId) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into room_admins (room_id, user_id) values ($1, $2) on conflict do nothing",
        room.number(),
        user.number()
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn delete_admin(conn: &mut PgConnection, room: RoomId, user: UserId) -> sqlx::Result<()> {
    sqlx::query!("delete from room_admins where room_id = $1 and user_id = $2", room.number(), user.number())
        .execute(conn)
        .await?;
    Ok(())
}

/// The numbers of seats as the database has them.
fn numbers(seats: &[u8]) -> Vec<i16> {
    seats.iter().copied().map(i16::from).collect()
}

pub(super) async fn checkpoint(conn: &mut PgConnection, room: RoomId) -> sqlx::Result<Option<Checkpoint>> {
    let row = sqlx::query!(
        r#"select state as "state: Json<Checkpoint>", memory
             from room_checkpoints
            where room_id = $1"#,
        room.number()
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let memory = PackedMemory::read(row.memory).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Some(Checkpoint { memory, ..row.state.0 }))
}

/// These users as they are now; those who do not exist any more are left out.
pub(super) async fn people(conn: &mut PgConnection, users: &[UserId]) -> sqlx::Result<Vec<Person>> {
    let ids: Vec<i64> = users.iter().map(|user| user.number()).collect();
    let rows = sqlx::query!("select id, name, picture from users where id = any($1)", &ids).fetch_all(conn).await?;
    rows.into_iter().map(|row| person(row.id, row.name, row.picture)).collect()
}

/// Makes every statement of this transaction fail that waits for a lock longer than two seconds.
pub(super) async fn wait_briefly(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("select set_config('lock_timeout', '2s', true)").fetch_one(conn).await?;
    Ok(())
}

/// Replaces the checkpoints of these rooms, each of which stands in `rows` once. Returns the rooms whose epoch is not
/// over; for the others nothing is written. A stored checkpoint that is newer stays, because an attempt that was given
/// up may arrive late.
pub(super) async fn put_checkpoints(conn: &mut PgConnection, rows: &[&CheckpointRow]) -> sqlx::Result<HashSet<RoomId>> {
    let rooms: Vec<i64> = rows.iter().map(|row| row.room.number()).collect();
    let epochs: Vec<i64> = rows.iter().map(|row| row.epoch).collect();
    let seqs: Vec<i64> =
        rows.iter().map(|row| i64::try_from(row.seq)).collect::<Result<_, _>>().map_err(out_of_range)?;
    let gift_nos: Vec<i64> = rows.iter().map(|row| row.gift_no).collect();
    let states: Vec<Json<&Checkpoint>> = rows.iter().map(|row| Json(&row.state)).collect();
    let memories: Vec<&[u8]> = rows.iter().map(|row| &row.state.memory.0[..]).collect();
    let held = sqlx::query_scalar!(
        r#"with given as (
               select *
                 from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::jsonb[], $6::bytea[])
                      as g (room_id, epoch, seq, gift_no, state, memory)
           ), owner as (
               select o.room_id
                 from room_owners o
                 join given using (room_id, epoch)
                order by o.room_id
                  for share of o
           ), written as (
               insert into room_checkpoints as c (room_id, epoch, seq, gift_no, state, memory)
               select room_id, epoch, seq, gift_no, state, memory
                 from given
                 join owner using (room_id)
                order by room_id
               on conflict (room_id) do update
                  set epoch = excluded.epoch, seq = excluded.seq, gift_no = excluded.gift_no,
                      state = excluded.state, memory = excluded.memory, at = clock_timestamp()
                where (c.epoch, c.seq) <= (excluded.epoch, excluded.seq)
               returning 1
           )
           select room_id as "room_id!" from owner"#,
        &rooms,
        &epochs,
        &seqs,
        &gift_nos,
        &states as _,
        &memories as &[&[u8]]
    )
    .fetch_all(conn)
    .await?;
    held.into_iter().map(room_id).collect()
}

fn room_id(number: i64) -> sqlx::Result<RoomId> {
    RoomId::new(number).ok_or_else(|| sqlx::Error::Decode("a room's id is out of range".into()))
}

pub(super) fn user_id(number: i64) -> sqlx::Result<UserId> {
    UserId::new(number).ok_or_else(|| sqlx::Error::Decode("a user's id is out of range".into()))
}

pub(super) fn person(id: i64, name: String, picture: Option<i32>) -> sqlx::Result<Person> {
    Ok(Person { id: user_id(id)?, name, picture: picture.map(i32::unsigned_abs) })
}

fn seat_no(number: i16) -> sqlx::Result<u8> {
    u8::try_from(number).map_err(out_of_range)
}

fn out_of_range(error: std::num::TryFromIntError) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
