//! SQL of guesses at passwords. Ages are measured by the database's clock. What it dates in the future was written while
//! it was ahead, and does not count.

use sqlx::PgConnection;

use super::pace::Past;
use crate::identity::device::Guesser;
use crate::kit::error::Result;

/// The guesses of the last day that limit the next one of this guesser at this contact. Of strangers `at_account` may
/// guess at one account, and a stranger may make `of_guesser` guesses at all accounts.
pub(super) async fn past(
    conn: &mut PgConnection,
    contact: &[u8],
    guesser: &Guesser,
    at_account: u32,
    of_guesser: u32,
) -> Result<Past> {
    let past = sqlx::query_as!(
        Past,
        r#"with own as (
              select at from sign_in_guesses
               where contact = $1 and guesser = $2
                 and at between clock_timestamp() - interval '1 day' and clock_timestamp()
           ), full_account as (
              select at from sign_in_guesses
               where contact = $1 and not known
                 and at between clock_timestamp() - interval '1 day' and clock_timestamp()
               order by at desc
              offset $3 limit 1
           ), full_guesser as (
              select at from sign_in_guesses
               where guesser = $2 and not known
                 and at between clock_timestamp() - interval '1 day' and clock_timestamp()
               order by at desc
              offset $4 limit 1
           )
           select (select count(*) from own) as "own!",
                  (select (extract(epoch from clock_timestamp() - max(at)) * 1000)::bigint from own) as own_age_ms,
                  (select (extract(epoch from clock_timestamp() - at) * 1000)::bigint from full_account)
                      as account_age_ms,
                  (select (extract(epoch from clock_timestamp() - at) * 1000)::bigint from full_guesser)
                      as guesser_age_ms"#,
        contact,
        guesser.key,
        i64::from(at_account) - 1,
        i64::from(of_guesser) - 1,
    );
    Ok(past.fetch_one(conn).await?)
}

/// Inserts a guess, and gives its id.
pub(super) async fn insert(conn: &mut PgConnection, contact: &[u8], guesser: &Guesser) -> Result<i64> {
    let id = sqlx::query_scalar!(
        "insert into sign_in_guesses (contact, guesser, known) values ($1, $2, $3) returning id",
        contact,
        guesser.key,
        guesser.known,
    );
    Ok(id.fetch_one(conn).await?)
}

/// Deletes a guess.
pub(super) async fn delete(conn: &mut PgConnection, id: i64) -> Result<()> {
    sqlx::query!("delete from sign_in_guesses where id = $1", id).execute(conn).await?;
    Ok(())
}

/// Deletes the guesses of a guesser at a contact.
pub(super) async fn delete_own(conn: &mut PgConnection, contact: &[u8], guesser: &[u8]) -> Result<()> {
    sqlx::query!("delete from sign_in_guesses where contact = $1 and guesser = $2", contact, guesser)
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes all guesses at a contact.
pub(super) async fn delete_at(conn: &mut PgConnection, contact: &[u8]) -> Result<()> {
    sqlx::query!("delete from sign_in_guesses where contact = $1", contact).execute(conn).await?;
    Ok(())
}

/// Deletes the guesses that do not count: those older than a day, and those of the future.
pub(super) async fn delete_old(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        "delete from sign_in_guesses
          where at < clock_timestamp() - interval '1 day' or at > clock_timestamp() + interval '1 minute'"
    )
    .execute(conn)
    .await?;
    Ok(())
}
