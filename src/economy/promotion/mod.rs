//! Coins that the platform gives away: they are issued into the promotion account and granted from it.

mod grant;
mod issuance;

pub use grant::{Grant, Grants};
pub use issuance::{Issuance, Issuances};

use parlor_protocol::{Coins, ErrorBody, ErrorCode, Op, UserId};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::ledger::posting::{Denial, LIMIT};
use super::ledger::{By, Ledger, Order, TransferReceipt};
use crate::kit::operation::{Operation, hash};

/// The name of the account from which coins are granted.
const PROMOTION: &str = "promotion";
/// The coins with which the promotion account of a new database starts.
const PROMOTION_STOCK: Coins = Coins(1_000_000_000_000);
/// The operation that issues the first coins into the promotion account.
const STOCK: Op = Op(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001));
/// The operation of the welcome coins. It is the same for every user, because operations are scoped to the user.
const WELCOME: Op = Op(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0002));

/// Grants coins from the promotion account. An operation that is repeated moves them once.
///
/// # Errors
/// `user_not_found`, `insufficient_funds` if the promotion account does not have the coins, `bad_request`,
/// `operation_conflict`, `busy`, `store_unavailable`.
pub async fn grant(ledger: &Ledger, operation: Operation, grant: Grant) -> Result<TransferReceipt, ErrorBody> {
    ledger.post::<Grants>(operation, By::System, grant).await
}

/// Issues coins into the promotion account. An operation that is repeated issues them once.
///
/// # Errors
/// As [`grant`].
pub async fn issue(ledger: &Ledger, op: Op, amount: Coins) -> Result<TransferReceipt, ErrorBody> {
    let (reply, answer) = oneshot::channel();
    let hash = hash(format!("issue {}", amount.0).as_bytes());
    ledger.submit(Order::of_system::<Issuances>(op, PROMOTION, hash, Issuance { amount }, reply));
    answer.await.unwrap_or_else(|_| Err(ErrorCode::StoreUnavailable.into()))
}

/// Issues the first coins into the promotion account of a new database. It takes effect once in a database's life.
///
/// # Errors
/// As [`grant`].
pub async fn stock(ledger: &Ledger) -> Result<TransferReceipt, ErrorBody> {
    issue(ledger, STOCK, PROMOTION_STOCK).await
}

/// Gives a new user welcome coins from the promotion account. It takes effect once in a user's life, whatever the
/// amount.
///
/// A later call with another amount gets the first answer.
///
/// # Errors
/// As [`grant`].
pub async fn welcome(ledger: &Ledger, user: UserId, amount: Coins) -> Result<TransferReceipt, ErrorBody> {
    grant(ledger, Operation::of_words(WELCOME, user, "welcome"), Grant { to: user, amount }).await
}

/// The amount as a number, if it is more than 0 and within the range of amounts.
fn in_range(amount: Coins) -> Result<i64, Denial> {
    if (1..=LIMIT).contains(&amount.0) {
        return Ok(amount.0);
    }
    Err(Denial::Passing(ErrorBody::new(ErrorCode::BadRequest).field("amount", "more than 0, below 2^53")))
}
