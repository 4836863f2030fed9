//! SQL of transfers between users: the senders, and what each account has sent on a day.

use std::collections::HashMap;

use parlor_protocol::UserId;
use sqlx::PgConnection;

use super::posting::{Day, Sender};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// What decides whether these users may send.
pub(super) async fn senders(connection: &mut PgConnection, users: &[i64]) -> Result<HashMap<UserId, Sender>> {
    let rows = sqlx::query!(
        r#"select u.id, (extract(epoch from u.created_at) * 1000)::bigint as "created_at!",
                  exists (select from user_roles r where r.user_id = u.id and r.role = 'reseller') as "sells!"
             from users u
            where u.id = any($1)"#,
        users
    )
    .fetch_all(connection)
    .await?;
    let sender = |id, created_at, sells| Some((UserId::new(id)?, Sender { created_at, sells }));
    Ok(rows.into_iter().filter_map(|row| sender(row.id, row.created_at, row.sells)).collect())
}

/// What these accounts have sent on these days. Asked under the locks of the accounts, under which alone these rows
/// change.
pub(super) async fn days(connection: &mut PgConnection, asked: &[Day]) -> Result<HashMap<Day, i64>> {
    let accounts: Vec<i64> = asked.iter().map(|day| day.account).collect();
    let days: Vec<i32> = asked.iter().map(|day| day.day).collect();
    let rows = sqlx::query!(
        "select d.account_id, d.day, d.coins
           from unnest($1::bigint[], $2::int[]) as asked (account, day)
           join transfer_days d on d.account_id = asked.account and d.day = asked.day",
        &accounts,
        &days
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (Day { account: row.account_id, day: row.day }, row.coins)).collect())
}

/// Stores the coins that have been sent on these days. A day only rises: one that would fall was not read
/// under the lock, which is a fault.
pub(super) async fn save_days(connection: &mut PgConnection, days: &[(Day, i64)]) -> Result<()> {
    let accounts: Vec<i64> = days.iter().map(|(day, _)| day.account).collect();
    let numbers: Vec<i32> = days.iter().map(|(day, _)| day.day).collect();
    let coins: Vec<i64> = days.iter().map(|(_, coins)| *coins).collect();
    let done = sqlx::query!(
        "insert into transfer_days (account_id, day, coins)
         select * from unnest($1::bigint[], $2::int[], $3::bigint[])
             on conflict (account_id, day) do update set coins = excluded.coins where transfer_days.coins < excluded.coins",
        &accounts,
        &numbers,
        &coins
    )
    .execute(connection)
    .await?;
    if done.rows_affected() == days.len() as u64 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Every day on record.
pub(super) async fn all_days(connection: &mut PgConnection) -> Result<HashMap<Day, i64>> {
    let rows = sqlx::query!("select account_id, day, coins from transfer_days").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (Day { account: row.account_id, day: row.day }, row.coins)).collect())
}
