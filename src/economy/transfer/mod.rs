//! Transfers of coins between users. There are limits for one transfer and for a day, and conditions for who may send.

mod posting;
pub mod routes;
mod settings;
mod store;

pub use posting::{EntryTransfer, NewTransfer, SentCoins, Transfers};
pub use settings::Settings;

use parlor_protocol::{ErrorBody, Op};

use super::ledger::{By, Ledger};
use crate::kit::operation::Operation;

/// Sends coins from one user to another, on the sender's own order. An operation that is repeated sends them once.
///
/// # Errors
/// `transfer_to_self`, `user_not_found`, `transfer_out_of_range`, `transfer_not_yet`, `transfer_day_limit`,
/// `insufficient_funds`, `operation_conflict`, `busy`, `store_unavailable`.
pub async fn send(ledger: &Ledger, op: Op, transfer: NewTransfer) -> Result<SentCoins, ErrorBody> {
    let from = transfer.from;
    let words = format!("coin_transfer {} {}", transfer.to, transfer.amount.0);
    ledger.post::<Transfers>(Operation::of_words(op, from, &words), By::User, transfer).await
}
