//! SQL of rooms as records. What a room that is awake writes under its epoch is in `room::store`.

use chrono::{DateTime, Utc};
use parlor_protocol::room::{Person, RoomCard};
use parlor_protocol::{Coins, RoomId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Listed;
use crate::kit::error::{Error, Result};
use crate::room::{change, door};

/// A room's row with what lists show of it.
pub(in crate::room) struct CardRow {
    /// The time by which the list is ordered.
    pub key_at: DateTime<Utc>,
    pub pinned: bool,
    pub followers: i32,
    /// Absent before the first gift.
    pub coins: Option<i64>,
    pub id: i64,
    pub name: String,
    pub seats: i16,
    pub owner_id: i64,
    pub owner_name: String,
    pub owner_picture: Option<i32>,
    pub capacity: Option<i32>,
    pub version: i64,
    pub announcement: Option<String>,
    pub language: Option<String>,
    pub country: Option<String>,
    pub tags: Vec<String>,
    pub theme: Option<String>,
    pub background: Option<Uuid>,
    pub may_chat: String,
    pub may_post_images: String,
    pub may_invite: String,
    pub may_sit: String,
    pub privacy: String,
    pub closed_by: Option<String>,
    pub closed_reason: String,
}

/// A query of rooms as [`CardRow`]s: the time by which they are ordered, the tables with `rooms r` among them, what follows,
/// and the values.
macro_rules! cards {
    ($by:tt, $from:tt, $rest:tt $(, $value:expr)* $(,)?) => {
        sqlx::query_as!(
            $crate::room::record::CardRow,
            "select r.id, r.name, r.seats, r.owner_id, u.name as owner_name, u.picture as owner_picture,
                    r.capacity, r.version, r.announcement, r.language, r.country, r.tags, r.theme, r.background,
                    r.may_chat, r.may_post_images, r.may_invite, r.may_sit, r.privacy, r.closed_by, r.closed_reason,
                    r.pinned_at is not null as \"pinned!\", r.followers, c.coins as \"coins?\", "
                + $by + " as key_at
               from " + $from + "
               join users u on u.id = r.owner_id
               left join room_totals c on c.room_id = r.id
             " + $rest
            $(, $value)*
        )
    };
}
pub(in crate::room) use cards;

impl TryFrom<CardRow> for Listed {
    type Error = Error;

    fn try_from(row: CardRow) -> Result<Self> {
        let owner = Person {
            id: user_id(row.owner_id)?,
            name: row.owner_name,
            picture: row.owner_picture.map(i32::unsigned_abs),
        };
        let card = RoomCard {
            id: room_id(row.id)?,
            name: row.name,
            owner,
            seats: u8::try_from(row.seats).map_err(Error::internal)?,
            version: row.version.unsigned_abs(),
            announcement: row.announcement.unwrap_or_default(),
            language: row.language,
            country: row.country,
            tags: row.tags,
            capacity: row.capacity.map(i32::unsigned_abs),
            theme: row.theme,
            background: row.background.map(change::mark),
            may_chat: change::who(&row.may_chat)?,
            may_post_images: change::who(&row.may_post_images)?,
            may_invite: change::who(&row.may_invite)?,
            may_sit: change::who(&row.may_sit)?,
            privacy: door::privacy(&row.privacy)?,
            closed: door::closed(row.closed_by.as_deref(), row.closed_reason)?,
        };
        Ok(Self {
            card,
            pinned: row.pinned,
            followers: row.followers.unsigned_abs(),
            coins: Coins(row.coins.unwrap_or(0)),
            key_us: row.key_at.timestamp_micros(),
        })
    }
}

/// Inserts a room with this id; `None` if the id is taken.
pub(super) async fn insert_room(
    conn: &mut PgConnection,
    id: i64,
    owner: UserId,
    name: &str,
    seats: u8,
) -> Result<Option<RoomId>> {
    let inserted = sqlx::query_scalar!(
        "insert into rooms (id, owner_id, name, seats)
         values ($1, $2, $3, $4)
         on conflict (id) do nothing
         returning id",
        id,
        owner.number(),
        name,
        i16::from(seats),
    )
    .fetch_optional(conn)
    .await?;
    inserted.map(room_id).transpose()
}

/// The rooms that somebody owns.
pub(super) struct Owned {
    /// How many.
    pub(super) in_all: i64,
    /// The age in milliseconds of the room that `nth` newer ones follow, of those that they have opened: one that was handed over
    /// counts for whom it was opened by.
    pub(super) nth_age_ms: Option<i64>,
}

/// How many rooms this user owns, and how old the one is that `nth` newer ones follow.
pub(super) async fn owned(conn: &mut PgConnection, owner: UserId, nth: i64) -> Result<Owned> {
    let owned = sqlx::query_as!(
        Owned,
        r#"select count(*) as "in_all!",
                  (select (extract(epoch from clock_timestamp() - opened.created_at) * 1000)::bigint
                     from (select r.created_at
                             from rooms r
                            where r.owner_id = $1
                              and not exists (select from room_handovers h where h.room_id = r.id)
                            union all
                           select r.created_at
                             from room_handovers h
                             join rooms r on r.id = h.room_id
                            where h.former_id = $1
                              and not exists (select from room_handovers e where e.room_id = h.room_id and e.id < h.id)
                          ) opened
                    order by opened.created_at desc
                   offset $2 limit 1) as nth_age_ms
             from rooms
            where owner_id = $1"#,
        owner.number(),
        nth,
    );
    Ok(owned.fetch_one(conn).await?)
}

/// Inserts a room for each id, with the owner at the same index. Rooms whose id is taken are left out.
pub(super) async fn insert_rooms(
    conn: &mut PgConnection,
    ids: &[i64],
    owners: &[i64],
    seats: u8,
) -> Result<Vec<(RoomId, UserId)>> {
    let made = sqlx::query!(
        "insert into rooms (id, owner_id, name, seats)
         select id, owner_id, 'Room ' || id, $3
           from unnest($1::bigint[], $2::bigint[]) as room (id, owner_id)
         on conflict (id) do nothing
         returning id, owner_id",
        ids,
        owners,
        i16::from(seats),
    )
    .fetch_all(conn)
    .await?;
    made.into_iter().map(|room| Ok((room_id(room.id)?, user_id(room.owner_id)?))).collect()
}

/// The room of this id.
pub(super) async fn room(conn: &mut PgConnection, id: RoomId) -> Result<Option<RoomCard>> {
    Ok(listed(conn, id).await?.map(|listed| listed.card))
}

/// The room of this id, as lists show it.
pub(super) async fn listed(conn: &mut PgConnection, id: RoomId) -> Result<Option<Listed>> {
    let row = cards!("r.created_at", "rooms r", "where r.id = $1", id.number());
    row.fetch_optional(conn).await?.map(Listed::try_from).transpose()
}

/// Puts a room before all others, or not any more. `false` if there is no such room.
pub(super) async fn set_pinned(conn: &mut PgConnection, room: RoomId, pinned: bool) -> Result<bool> {
    let done = sqlx::query!(
        "update rooms
            set pinned_at = case when not $2 then null else coalesce(pinned_at, clock_timestamp()) end
          where id = $1",
        room.number(),
        pinned,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The rooms that these users own, each with its owner.
pub(super) async fn owned_by(conn: &mut PgConnection, owners: &[UserId]) -> Result<Vec<(UserId, RoomId)>> {
    let ids: Vec<i64> = owners.iter().map(|owner| owner.number()).collect();
    let rows = sqlx::query!("select id, owner_id from rooms where owner_id = any($1)", &ids).fetch_all(conn).await?;
    rows.into_iter().map(|row| Ok((user_id(row.owner_id)?, room_id(row.id)?))).collect()
}

fn user_id(number: i64) -> Result<UserId> {
    UserId::new(number).ok_or_else(|| Error::internal(format!("the store has a user {number}, which is no id")))
}

fn room_id(number: i64) -> Result<RoomId> {
    RoomId::new(number).ok_or_else(|| Error::internal(format!("the store has a room {number}, which is no id")))
}
