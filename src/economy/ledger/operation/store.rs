//! SQL of the memory of operations.

use parlor_protocol::{ErrorBody, Op, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::Answer;
use crate::kit::operation::Operation;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Locks a user's coin account; returns it. None: the user has no wallet.
pub(super) async fn lock_actor(connection: &mut PgConnection, user: UserId) -> Result<Option<i64>> {
    sqlx::query_scalar!(
        "select b.account_id
           from wallets w
           join balances b on b.account_id = w.coin_account
          where w.user_id = $1
            for no key update of b",
        user.number()
    )
    .fetch_optional(connection)
    .await
}

/// An operation that has its answer: neither subject nor error where it was posted.
pub(super) struct Known {
    pub body_hash: Vec<u8>,
    pub subject: Option<i64>,
    pub error: Option<Json<ErrorBody>>,
}

/// The operation, wherever it stands.
pub(super) async fn known(connection: &mut PgConnection, op: Op, actor: i64) -> Result<Option<Known>> {
    sqlx::query_as!(
        Known,
        r#"select body_hash as "body_hash!", subject, error as "error: Json<ErrorBody>"
             from operations where op = $1 and actor = $2
            union all
           select body_hash, null, null from journal where op = $1 and actor = $2
            union all
           select body_hash, null, error from refusals where op = $1 and actor = $2
            limit 1"#,
        op.0,
        actor
    )
    .fetch_optional(connection)
    .await
}

/// Adds an operation with its answer.
pub(super) async fn insert(connection: &mut PgConnection, operation: &Operation, answer: &Answer) -> Result<()> {
    let (subject, error) = match answer {
        Answer::Done(subject) => (Some(*subject), None),
        Answer::Refused(error) => (None, Some(Json(error))),
    };
    let done = sqlx::query!(
        "insert into operations (op, actor, body_hash, subject, error)
         select $1, coin_account, $3, $4, $5 from wallets where user_id = $2",
        operation.op.0,
        operation.actor.number(),
        &operation.body_hash[..],
        subject,
        error as Option<Json<&ErrorBody>>
    )
    .execute(connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}
