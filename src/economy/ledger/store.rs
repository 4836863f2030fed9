//! SQL that reads rows of the journal and the users behind their accounts.

use sqlx::PgConnection;

use super::journal::JournalRow;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The rows of the journal with these ids.
pub(super) async fn transfers(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<JournalRow>> {
    sqlx::query_as!(
        JournalRow,
        r#"select id, kind, op, actor, body_hash, at, authority, staff, accounts as "accounts: Vec<Option<i64>>",
                  currencies as "currencies: Vec<Option<i16>>", amounts as "amounts: Vec<Option<i64>>",
                  previous as "previous: Vec<Option<i64>>", actor_balance, room_id, gift_no, gift_id, gift_count,
                  gift_price, receivers as "receivers: Vec<Option<i64>>", xp_bp, room_coins, reverses,
                  detail_version, detail
             from journal
            where id = any($1)"#,
        ids
    )
    .fetch_all(connection)
    .await
}

/// The users who own these accounts, as (account, user). Accounts that no user owns are left out.
pub(super) async fn owners(connection: &mut PgConnection, accounts: &[i64]) -> Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        r#"select coin_account as "account!", user_id as "user_id!" from wallets where coin_account = any($1)
            union all
           select diamond_account, user_id from wallets where diamond_account = any($1)"#,
        accounts
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account, row.user_id)).collect())
}

/// Removes the refusals that are old enough: of at most `most` batches, and at most `most` of operations that move no
/// money. Returns the greater number of the two.
pub(super) async fn remove_old_refusals(connection: &mut PgConnection, most: i32) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select remove_old_refusals($1) as "removed!""#, most).fetch_one(connection).await
}
