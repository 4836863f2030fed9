//! Coins that the house gives away: issued into the promotion account, granted out of it.

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

/// The account that coins are granted from.
const PROMOTION: &str = "promotion";
/// Coins that a new database's promotion account starts with.
const PROMOTION_STOCK: Coins = Coins(1_000_000_000_000);
/// The operation that issues them.
const STOCK: Op = Op(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001));
/// The operation of every user's welcome: operations are scoped to the user.
const WELCOME: Op = Op(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0002));

/// Grants coins from the promotion account, once however often the operation is repeated.
///
/// # Errors
/// As the ledger answers: `user_not_found`, `insufficient_funds` of the promotion account,
/// `operation_conflict`, `busy`, `store_unavailable`.
pub async fn grant(ledger: &Ledger, operation: Operation, grant: Grant) -> Result<TransferReceipt, ErrorBody> {
    ledger.post::<Grants>(operation, By::System, grant).await
}

/// Issues coins into the promotion account, once however often the operation is repeated.
///
/// # Errors
/// As [`grant`].
pub async fn issue(ledger: &Ledger, op: Op, amount: Coins) -> Result<TransferReceipt, ErrorBody> {
    let (reply, answer) = oneshot::channel();
    let hash = hash(format!("issue {}", amount.0).as_bytes());
    ledger.submit(Order::of_system::<Issuances>(op, PROMOTION, hash, Issuance { amount }, reply));
    answer.await.unwrap_or_else(|_| Err(ErrorCode::StoreUnavailable.into()))
}

/// Fills the promotion account of a new database, once in its life.
///
/// # Errors
/// As [`grant`].
pub async fn stock(ledger: &Ledger) -> Result<TransferReceipt, ErrorBody> {
    issue(ledger, STOCK, PROMOTION_STOCK).await
}

/// Gives a new user coins from the promotion account, once in the user's life whatever the amount.
///
/// # Errors
/// As [`grant`].
pub async fn welcome(ledger: &Ledger, user: UserId, amount: Coins) -> Result<TransferReceipt, ErrorBody> {
    grant(ledger, Operation::of_words(WELCOME, user, "welcome"), Grant { to: user, amount }).await
}

/// An amount of coins that can be moved at all.
fn in_range(amount: Coins) -> Result<i64, Denial> {
    if (1..=LIMIT).contains(&amount.0) {
        return Ok(amount.0);
    }
    Err(Denial::Passing(ErrorBody::new(ErrorCode::BadRequest).field("amount", "more than 0, below 2^53")))
}
