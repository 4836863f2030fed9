//! SQL of reversals, which have no table of their own.

use std::collections::HashSet;

use parlor_protocol::UserId;
use sqlx::PgConnection;

use crate::economy::ledger::posting::Wallet;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The users behind these accounts, with their wallets; an account that is nobody's is absent.
pub(super) async fn wallets_of(connection: &mut PgConnection, accounts: &[i64]) -> Result<Vec<(UserId, Wallet)>> {
    let rows = sqlx::query!(
        r#"select user_id as "user!", coin_account as "coin!", diamond_account as "diamond!"
             from wallets where coin_account = any($1)
            union
           select user_id, coin_account, diamond_account from wallets where diamond_account = any($1)"#,
        accounts
    )
    .fetch_all(connection)
    .await?;
    let wallet = rows
        .into_iter()
        .filter_map(|row| Some((UserId::new(row.user)?, Wallet { coin: row.coin, diamond: row.diamond })));
    Ok(wallet.collect())
}

/// Those of these transfers that have been taken back.
pub(super) async fn reversed(connection: &mut PgConnection, transfers: &[i64]) -> Result<HashSet<i64>> {
    let reversed = sqlx::query_scalar!(
        r#"select reverses as "reverses!" from journal where reverses is not null and reverses = any($1)"#,
        transfers
    );
    Ok(reversed.fetch_all(connection).await?.into_iter().collect())
}
