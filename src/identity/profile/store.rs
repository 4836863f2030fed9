//! SQL of profiles, signatures and finding people.

use parlor_protocol::UserId;
use sqlx::PgConnection;

use super::super::store::user_id;
use super::{Change, Profile, PublicProfile};
use crate::db::Folded;
use crate::kit::error::Result;

/// How many of the most similar names a search looks at.
const LIKE: i64 = 100;

/// The whole profile of a user.
pub(super) async fn profile(conn: &mut PgConnection, user: UserId) -> Result<Option<Profile>> {
    let row = sqlx::query!(
        r#"select u.id, u.name, s.signature, u.country, u.bio, u.language, to_char(u.birthday, 'YYYY-MM-DD') as birthday,
                  u.phone, u.phone_verified_at is not null as "phone_verified!",
                  u.email, u.email_verified_at is not null as "email_verified!",
                  (extract(epoch from u.created_at) * 1000)::bigint as "created_at!"
             from users u
             join signatures s on s.user_id = u.id
            where u.id = $1"#,
        user.number(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let (id, name, signature) = (user_id(row.id)?, row.name, row.signature);
        let public = PublicProfile { id, name, signature, country: row.country, bio: row.bio, language: row.language };
        Ok(Profile {
            public,
            birthday: row.birthday,
            phone: row.phone,
            phone_verified: row.phone_verified,
            email: row.email,
            email_verified: row.email_verified,
            created_at: row.created_at,
        })
    })
    .transpose()
}

/// Changes the fields that the change names.
pub(super) async fn change(conn: &mut PgConnection, user: UserId, change: &Change) -> Result<()> {
    sqlx::query!(
        "update users
            set name = coalesce($2, name),
                country = case when $3 then $4 else country end,
                birthday = case when $5 then $6 else birthday end,
                bio = case when $7 then $8 else bio end,
                language = case when $9 then $10 else language end
          where id = $1",
        user.number(),
        change.name,
        change.country.is_some(),
        change.country.clone().flatten(),
        change.birthday.is_some(),
        change.birthday.flatten(),
        change.bio.is_some(),
        change.bio.clone().flatten(),
        change.language.is_some(),
        change.language.clone().flatten(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a signature to a user who has none; `false` if it is taken or looks like one that is. `changed` says that the
/// user asked for it, so that they must wait before the next change.
pub(super) async fn take_signature(
    conn: &mut PgConnection,
    user: UserId,
    signature: &str,
    changed: bool,
) -> Result<bool> {
    let outcome = sqlx::query!(
        "insert into signatures (signature, user_id, changed_at)
         values ($1, $2, case when $3 then clock_timestamp() else '-infinity' end)
         on conflict do nothing",
        signature,
        user.number(),
        changed,
    );
    Ok(outcome.execute(conn).await?.rows_affected() == 1)
}

/// Gives each of these users, who have none, the signature at the same place of the list. It gives the users who got
/// theirs; the others' signatures are taken or look like one that is.
pub(super) async fn take_signatures(conn: &mut PgConnection, users: &[i64], signatures: &[String]) -> Result<Vec<i64>> {
    let given = sqlx::query_scalar!(
        r#"insert into signatures (signature, user_id, changed_at)
           select signature, user_id, '-infinity'
             from unnest($1::text[], $2::bigint[]) as offered (signature, user_id)
           on conflict do nothing
           returning user_id as "user_id!""#,
        signatures,
        users,
    );
    Ok(given.fetch_all(conn).await?)
}

/// Retires the user's signature, so that nobody can get it. Gives 0 if it was retired, the milliseconds to wait if the
/// user may not change it yet, and `None` if the user has none.
pub(super) async fn retire_signature(conn: &mut PgConnection, user: UserId, days: i32) -> Result<Option<i64>> {
    let wait = sqlx::query_scalar!(
        r#"with mine as (
              select signature, changed_at + make_interval(days => $2) > clock_timestamp() as too_soon,
                     case when changed_at = '-infinity' then 0
                          else extract(epoch from changed_at + make_interval(days => $2) - clock_timestamp()) * 1000
                     end as ms
                from signatures
               where user_id = $1
                 for update
           ), retired as (
              update signatures s
                 set user_id = null
                from mine
               where s.signature = mine.signature and not mine.too_soon
           )
           select greatest(ms, 0)::bigint as "ms!" from mine"#,
        user.number(),
        days,
    );
    Ok(wait.fetch_optional(conn).await?)
}

/// The user with this signature or with one that looks the same, unless they are suspended.
pub(super) async fn by_signature(conn: &mut PgConnection, signature: &str) -> Result<Option<PublicProfile>> {
    let row = sqlx::query_as!(
        Row,
        r#"select u.id, u.name, s.signature, u.country, u.bio, u.language, u.search_name, 0::real as "distance!"
             from signatures s
             join users u on u.id = s.user_id
            where translate(s.signature, '015', 'ols') = translate($1, '015', 'ols')
              and not exists (
                  select from suspensions p
                   where p.user_id = u.id and (p.until is null or p.until > clock_timestamp())
              )"#,
        signature,
    );
    row.fetch_optional(conn).await?.map(|row| Ok(row.found()?.profile)).transpose()
}

struct Row {
    id: i64,
    name: String,
    signature: String,
    country: Option<String>,
    bio: Option<String>,
    language: Option<String>,
    search_name: String,
    distance: f32,
}

/// A user who was found, with what they are ordered by.
pub(super) struct Found {
    pub(super) profile: PublicProfile,
    pub(super) search_name: String,
    pub(super) distance: f32,
}

impl Row {
    fn found(self) -> Result<Found> {
        let Self { id, name, signature, country, bio, language, search_name, distance } = self;
        let profile = PublicProfile { id: user_id(id)?, name, signature, country, bio, language };
        Ok(Found { profile, search_name, distance })
    }
}

/// Users whose folded name begins with `folded`, ordered by name, after the name and id `after`. The user `but` and
/// suspended users are left out.
pub(super) async fn beginning(
    conn: &mut PgConnection,
    folded: &str,
    after: Option<(&str, i64)>,
    but: Option<UserId>,
    limit: i64,
) -> Result<Vec<Found>> {
    let (after_name, after_id) = after.unwrap_or(("", 0));
    // The bounds use the operators by which the index is ordered, so that it is read from where the page begins.
    let end = format!("{folded}\u{10ffff}");
    let from = if after_name > folded { after_name } else { folded };
    let rows = sqlx::query_as!(
        Row,
        r#"select u.id, u.name, s.signature, u.country, u.bio, u.language, u.search_name, 0::real as "distance!"
             from users u
             join signatures s on s.user_id = u.id
            where u.search_name ~>=~ $1
              and u.search_name ~<~ $2
              and (u.search_name ~>~ $3 or (u.search_name = $3 and u.id > $4))
              and u.id <> $5
              and not exists (
                  select from suspensions p
                   where p.user_id = u.id and (p.until is null or p.until > clock_timestamp())
              )
            order by u.search_name using ~<~, u.id
            limit $6"#,
        from,
        end,
        after_name,
        after_id,
        but.map_or(0, UserId::number),
        limit,
    );
    rows.fetch_all(conn).await?.into_iter().map(Row::found).collect()
}

/// Users whose name is similar to the text and does not begin with it, the most similar first, after the distance and
/// id `after`. Only the hundred most similar names are looked at. The user `but` and suspended users are left out.
pub(super) async fn like(
    conn: &mut PgConnection,
    folded: &Folded,
    after: Option<(f32, i64)>,
    but: Option<UserId>,
    limit: i64,
) -> Result<Vec<Found>> {
    let (distance, id) = after.unwrap_or((-1.0, 0));
    let rows = sqlx::query_as!(
        Row,
        r#"with nearest as (
              select id, search_letters <-> $1 as distance
                from users
               where search_letters % $1
               order by search_letters <-> $1
               limit $2
           )
           select u.id, u.name, s.signature, u.country, u.bio, u.language, u.search_name, n.distance as "distance!"
             from nearest n
             join users u on u.id = n.id
             join signatures s on s.user_id = u.id
            where not starts_with(u.search_name, $3)
              and (n.distance, u.id) > ($4::real, $5)
              and u.id <> $6
              and not exists (
                  select from suspensions p
                   where p.user_id = u.id and (p.until is null or p.until > clock_timestamp())
              )
            order by n.distance, u.id
            limit $7"#,
        folded.letters,
        LIKE,
        folded.text,
        distance,
        id,
        but.map_or(0, UserId::number),
        limit,
    );
    rows.fetch_all(conn).await?.into_iter().map(Row::found).collect()
}
