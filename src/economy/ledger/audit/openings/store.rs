//! SQL of the accounts' openings and their present owners.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// An opening, with the present properties of its account.
pub(super) struct OpeningRow {
    pub no: i64,
    pub account: i64,
    pub seal: Vec<u8>,
    pub hash: Vec<u8>,
    pub at: DateTime<Utc>,
    pub currency: Option<i16>,
    pub may_overdraw: Option<bool>,
    pub created_at: Option<DateTime<Utc>>,
}

/// At most `limit` openings above the number `after`, in their order.
pub(super) async fn openings(connection: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<OpeningRow>> {
    sqlx::query_as!(
        OpeningRow,
        r#"select o.no as "no!", o.account_id as "account!", o.seal as "seal!", o.hash as "hash!", o.at as "at!",
                  a.currency as "currency?", a.may_overdraw as "may_overdraw?", a.created_at as "created_at?"
             from openings o
             left join accounts a on a.id = o.account_id
            where o.no > $1
            order by o.no
            limit $2"#,
        after,
        limit
    )
    .fetch_all(connection)
    .await
}

/// The ids of at most `limit` accounts above `after`, in their order.
pub(super) async fn accounts(connection: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<i64>> {
    sqlx::query_scalar!("select id from accounts where id > $1 order by id limit $2", after, limit)
        .fetch_all(connection)
        .await
}

/// The seal of each opening of the accounts above `after` and up to `until`.
pub(super) async fn seals(connection: &mut PgConnection, after: i64, until: i64) -> Result<Vec<(i64, Vec<u8>)>> {
    let rows = sqlx::query!(
        "select account_id, seal from openings where account_id > $1 and account_id <= $2 order by account_id",
        after,
        until
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.seal)).collect())
}

/// An owner of an account, as the view `account_owners` has it.
pub(super) struct OwnerRow {
    pub account: i64,
    pub held_in: String,
    pub held_as: String,
    pub owner: String,
    pub salt: String,
}

/// The owners of the accounts above `after` and up to `until`.
pub(super) async fn owners(connection: &mut PgConnection, after: i64, until: i64) -> Result<Vec<OwnerRow>> {
    sqlx::query_as!(
        OwnerRow,
        r#"select account_id as "account!", held_in as "held_in!", held_as as "held_as!", owner as "owner!",
                  salt as "salt!"
             from account_owners
            where account_id > $1 and account_id <= $2
            order by account_id"#,
        after,
        until
    )
    .fetch_all(connection)
    .await
}
