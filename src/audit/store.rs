//! SQL of the audit log: entries are inserted and read, never changed.

use parlor_protocol::{RoomId, UserId};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Act, ActList, Actor, AuditEntry, Filter};
use crate::kit::error::Result;
use crate::kit::list::Window;

/// Inserts an entry.
pub(super) async fn insert(conn: &mut PgConnection, actor: &Actor, act: &Act) -> Result<()> {
    sqlx::query!(
        "insert into audit_log (actor_id, act, user_id, room_id, detail, reason, request_id)
         values ($1, $2, $3, $4, $5, $6, $7)",
        actor.user.map(UserId::number),
        act.name,
        act.user.map(UserId::number),
        act.room.map(RoomId::number),
        act.detail,
        act.reason,
        actor.request,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds acts, in their order.
pub(super) async fn insert_all(conn: &mut PgConnection, lines: &[(&Actor, Act)]) -> sqlx::Result<()> {
    let actors: Vec<Option<i64>> = lines.iter().map(|(actor, _)| actor.user.map(UserId::number)).collect();
    let acts: Vec<String> = lines.iter().map(|(_, act)| act.name.to_owned()).collect();
    let users: Vec<Option<i64>> = lines.iter().map(|(_, act)| act.user.map(UserId::number)).collect();
    let rooms: Vec<Option<i64>> = lines.iter().map(|(_, act)| act.room.map(RoomId::number)).collect();
    let details: Vec<Json<&Value>> = lines.iter().map(|(_, act)| Json(&act.detail)).collect();
    let reasons: Vec<String> = lines.iter().map(|(_, act)| act.reason.clone()).collect();
    let requests: Vec<String> = lines.iter().map(|(actor, _)| actor.request.clone()).collect();
    let done = sqlx::query!(
        "insert into audit_log (actor_id, act, user_id, room_id, detail, reason, request_id)
         select *
           from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::jsonb[], $6::text[], $7::text[])",
        &actors as &[Option<i64>],
        &acts,
        &users as &[Option<i64>],
        &rooms as &[Option<i64>],
        &details as _,
        &reasons,
        &requests,
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == lines.len() as u64 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// The entries that pass the filter, newest first: as many as the window looks for.
pub(super) async fn entries(
    conn: &mut PgConnection,
    filter: Filter,
    window: &Window<ActList>,
) -> Result<Vec<AuditEntry>> {
    let rows = sqlx::query!(
        r#"select id, (extract(epoch from at) * 1000)::bigint as "at!", actor_id, act, user_id, room_id, detail, reason,
                  request_id
             from audit_log
            where ($1::bigint is null or actor_id = $1)
              and ($2::bigint is null or user_id = $2)
              and ($3::bigint is null or id < $3)
            order by id desc
            limit $4"#,
        filter.actor.map(UserId::number),
        filter.user.map(UserId::number),
        window.behind(),
        window.one_more(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AuditEntry {
            id: row.id,
            at: row.at,
            actor: row.actor_id.and_then(UserId::new),
            act: row.act,
            user: row.user_id.and_then(UserId::new),
            room: row.room_id.and_then(RoomId::new),
            detail: row.detail,
            reason: row.reason,
            request_id: row.request_id,
        })
        .collect())
}
