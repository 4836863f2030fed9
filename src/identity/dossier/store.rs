//! SQL of accounts as staff sees them.

use parlor_protocol::UserId;
use sqlx::PgConnection;

use super::{AccountList, Dossier, Listed, Search, SessionLine};
use crate::kit::error::{Error, Result};
use crate::kit::list::Window;

/// The accounts that match the search, newest first: as many as the window looks for.
pub(super) async fn accounts(
    conn: &mut PgConnection,
    search: &Search,
    window: &Window<AccountList>,
) -> Result<Vec<Listed>> {
    let (after_us, after_id) = window.behind().map(|(created, id)| (created.micros(), id)).unzip();
    let rows = sqlx::query!(
        r#"select u.id, u.name, (extract(epoch from u.created_at) * 1000000)::bigint as "created_us!",
                  array(select role from user_roles where user_id = u.id order by role) as "roles!",
                  exists (
                      select from suspensions s
                       where s.user_id = u.id and (s.until is null or s.until > clock_timestamp())
                  ) as "suspended!"
             from users u
            where ($1::bigint is null or u.id = $1)
              and ($2::text is null or u.phone = $2)
              and ($3::text is null or u.email = $3)
              and ($4::text is null or exists (select from user_roles where user_id = u.id and role = $4))
              and ($5::bigint is null
                   or (u.created_at, u.id) < (timestamptz 'epoch' + $5 * interval '1 microsecond', $6::bigint))
              and ($8::text is null or exists (select from signatures where user_id = u.id and signature = $8))
            order by u.created_at desc, u.id desc
            limit $7"#,
        search.id,
        search.phone,
        search.email,
        search.role,
        after_us,
        after_id,
        window.one_more(),
        search.signature,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Listed {
                id: user_id(row.id)?,
                name: row.name,
                created_at: row.created_us / 1_000,
                roles: row.roles,
                suspended: row.suspended,
                created_us: row.created_us,
            })
        })
        .collect()
}

/// The account's own row. Roles, suspension and sessions, which other tables have, are left empty.
pub(super) async fn account(conn: &mut PgConnection, user: UserId) -> Result<Option<Dossier>> {
    let row = sqlx::query!(
        r#"select id, name, phone, email, (extract(epoch from created_at) * 1000)::bigint as "created_at!"
             from users
            where id = $1"#,
        user.number(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Dossier {
            id: user_id(row.id)?,
            name: row.name,
            phone: row.phone,
            email: row.email,
            created_at: row.created_at,
            roles: Vec::new(),
            suspension: None,
            sessions: Vec::new(),
        })
    })
    .transpose()
}

/// The user's sessions that have not ended, newest first, at most 100.
pub(super) async fn sessions(conn: &mut PgConnection, user: UserId) -> Result<Vec<SessionLine>> {
    let sessions = sqlx::query_as!(
        SessionLine,
        r#"select id, device, (extract(epoch from created_at) * 1000)::bigint as "created_at!"
             from sessions
            where user_id = $1 and revoked_at is null
            order by created_at desc, id desc
            limit 100"#,
        user.number(),
    );
    Ok(sessions.fetch_all(conn).await?)
}

fn user_id(number: i64) -> Result<UserId> {
    UserId::new(number).ok_or_else(|| Error::internal(format!("the store has a user {number}, which is no id")))
}
