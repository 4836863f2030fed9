//! Coins from user to user, within limits of a single one, a day, and who may send at all.

mod posting;
pub mod routes;
mod settings;
mod store;

pub use posting::{EntryTransfer, NewTransfer, SentCoins, Transfers};
pub use settings::Settings;

use parlor_protocol::{ErrorBody, Op};

use super::ledger::{By, Ledger};
use crate::kit::operation::Operation;

/// Sends coins on the sender's own word, once however often the operation is repeated.
///
/// # Errors
/// `transfer_to_self`, `user_not_found`, `transfer_out_of_range`, `transfer_not_yet`, `transfer_day_limit`,
/// `insufficient_funds`, `operation_conflict`, `busy`, `store_unavailable`.
pub async fn send(ledger: &Ledger, op: Op, transfer: NewTransfer) -> Result<SentCoins, ErrorBody> {
    let from = transfer.from;
    let words = format!("coin_transfer {} {}", transfer.to, transfer.amount.0);
    ledger.post::<Transfers>(Operation::of_words(op, from, &words), By::User, transfer).await
}
