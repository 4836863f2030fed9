//! SQL of who is let into a room. Links end by the database's clock.

use parlor_protocol::record::{Closed, Privacy};
use parlor_protocol::room::Person;
use parlor_protocol::{RoomId, UserId};
use sqlx::PgConnection;

use super::{Admitted, Door, PasswordHash};
use crate::kit::error::{Error, Result};

/// What decides whether this user is let into the room.
pub(super) async fn door(conn: &mut PgConnection, room: RoomId, user: UserId) -> Result<Option<Door>> {
    let row = sqlx::query!(
        r#"select r.owner_id, r.privacy, r.closed_by, r.closed_reason, p.hash as "hash?", g.admitted as "admitted?"
             from rooms r
             left join room_passwords p on p.room_id = r.id
             left join room_guests g on g.room_id = r.id and g.user_id = $2
            where r.id = $1"#,
        room.number(),
        user.number(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let owner = UserId::new(row.owner_id).ok_or_else(|| Error::internal("an owner's id is out of range"))?;
    Ok(Some(Door {
        owner,
        privacy: super::privacy(&row.privacy)?,
        closed: super::closed(row.closed_by.as_deref(), row.closed_reason)?,
        password: row.hash.map(PasswordHash),
        admitted: row.admitted.as_deref().and_then(Admitted::from_name),
    }))
}

/// Writes who is let in. A new password ends what the former one admitted; without passwords nobody is admitted by one.
pub(in crate::room) async fn put_privacy(
    conn: &mut PgConnection,
    room: RoomId,
    privacy: Privacy,
    password: Option<&PasswordHash>,
) -> sqlx::Result<()> {
    // The password first: whoever is being admitted by the former one holds its row until they are a guest.
    sqlx::query!(
        "with gone as (
             delete from room_passwords where room_id = $1 and $2 <> 'password'
         ), kept as (
             insert into room_passwords (room_id, hash)
             select $1, $3::text
              where $2 = 'password' and $3::text is not null
             on conflict (room_id) do update
                set hash = excluded.hash
         )
         update rooms set privacy = $2, version = version + 1 where id = $1",
        room.number(),
        privacy.name(),
        password.map(|PasswordHash(hash)| hash.as_str()),
    )
    .execute(&mut *conn)
    .await?;
    if privacy != Privacy::Password || password.is_some() {
        sqlx::query!("delete from room_guests where room_id = $1 and admitted = 'password'", room.number())
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Writes that the room is closed, or open.
pub(in crate::room) async fn put_closed(
    conn: &mut PgConnection,
    room: RoomId,
    closed: Option<&Closed>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update rooms set closed_by = $2, closed_reason = $3, version = version + 1 where id = $1",
        room.number(),
        closed.map(|closed| closed.by.name()),
        closed.map_or("", |closed| &closed.reason),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether this is still the hash of the room's password. It stays so until the transaction ends.
pub(super) async fn password_is(conn: &mut PgConnection, room: RoomId, hash: &PasswordHash) -> Result<bool> {
    let row = sqlx::query_scalar!("select hash from room_passwords where room_id = $1 for share", room.number());
    Ok(row.fetch_optional(conn).await?.is_some_and(|stored| stored == hash.0))
}

/// Whether this link of the room has not ended.
pub(super) async fn link_holds(conn: &mut PgConnection, room: RoomId, hash: &[u8]) -> Result<bool> {
    let holds = sqlx::query_scalar!(
        r#"select exists (
               select from room_links where hash = $1 and room_id = $2 and expires_at > clock_timestamp()
           ) as "holds!""#,
        hash,
        room.number(),
    );
    Ok(holds.fetch_one(conn).await?)
}

/// Notes that this user is admitted. Who was invited stays so, whatever they show.
pub(super) async fn put_guest(conn: &mut PgConnection, room: RoomId, user: UserId, admitted: Admitted) -> Result<()> {
    sqlx::query!(
        "insert into room_guests as g (room_id, user_id, admitted)
         values ($1, $2, $3)
         on conflict (room_id, user_id) do update
            set admitted = excluded.admitted
          where g.admitted <> 'owner'",
        room.number(),
        user.number(),
        admitted.name(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether there is such a user.
pub(super) async fn is_user(conn: &mut PgConnection, user: UserId) -> Result<bool> {
    let is = sqlx::query_scalar!(r#"select exists (select from users where id = $1) as "is!""#, user.number());
    Ok(is.fetch_one(conn).await?)
}

/// How many users the room's owner has invited, with those who have come by a link.
pub(super) async fn invited(conn: &mut PgConnection, room: RoomId) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from room_guests where room_id = $1 and admitted <> 'password'"#,
        room.number(),
    );
    Ok(count.fetch_one(conn).await?)
}

/// Deletes what admits this user.
pub(super) async fn delete_guest(conn: &mut PgConnection, room: RoomId, user: UserId) -> Result<()> {
    sqlx::query!("delete from room_guests where room_id = $1 and user_id = $2", room.number(), user.number())
        .execute(conn)
        .await?;
    Ok(())
}

/// The users who are invited or came by a link, whose ids are above `after`.
pub(super) async fn guests(
    conn: &mut PgConnection,
    room: RoomId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Person>> {
    let rows = sqlx::query!(
        "select u.id, u.name, u.picture
           from room_guests g
           join users u on u.id = g.user_id
          where g.room_id = $1 and g.user_id > $2 and g.admitted <> 'password'
          order by g.user_id
          limit $3",
        room.number(),
        after.map_or(0, UserId::number),
        limit,
    )
    .fetch_all(conn)
    .await?;
    let person = |id: i64, name, picture: Option<i32>| {
        let id = UserId::new(id).ok_or_else(|| Error::internal("a user's id is out of range"))?;
        Ok(Person { id, name, picture: picture.map(i32::unsigned_abs) })
    };
    rows.into_iter().map(|row| person(row.id, row.name, row.picture)).collect()
}

/// Inserts a link that holds for so many minutes.
pub(super) async fn insert_link(conn: &mut PgConnection, room: RoomId, hash: &[u8], minutes: i32) -> Result<()> {
    sqlx::query!(
        "insert into room_links (hash, room_id, expires_at)
         values ($1, $2, clock_timestamp() + make_interval(mins => $3))",
        hash,
        room.number(),
        minutes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the links of the room that have ended, and all others but the newest `keep`.
pub(super) async fn delete_old_links(conn: &mut PgConnection, room: RoomId, keep: i64) -> Result<()> {
    sqlx::query!(
        "delete from room_links
          where room_id = $1
            and (expires_at <= clock_timestamp()
                 or hash not in (select hash from room_links where room_id = $1 order by made_at desc limit $2))",
        room.number(),
        keep,
    )
    .execute(conn)
    .await?;
    Ok(())
}
