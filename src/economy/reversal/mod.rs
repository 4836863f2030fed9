//! Reversals: staff takes a transfer back, whole and once.
//!
//! The mirror of every leg is posted, and the experience that the transfer brought is taken with it. The transfer
//! itself stays in the journal, and so do the records of its kind: a room keeps its gift, its number and its total,
//! a coin request stays approved, a day's sum of sent coins is not lowered. They say what happened; balances say what
//! holds.

mod posting;
mod store;

pub use posting::{EntryReversal, Reversal, Reversals, ReversedTransfer};

use parlor_protocol::{ErrorBody, ErrorCode, Op};

use super::ledger::{By, Ledger};
use crate::audit::Actor;
use crate::kit::operation::Operation;

/// Takes a transfer back by order of a member of the staff, once however often the operation is repeated. The line in the
/// audit log is written in the same commit.
///
/// # Errors
/// `transfer_not_found`, `transfer_reversed`, `transfer_not_reversible`, `funds_spent` where an account no longer has
/// what it would give back, `forbidden` for a transfer of one's own, `user_not_found` without a wallet,
/// `operation_conflict`, `busy`, `store_unavailable`.
pub async fn reverse(
    ledger: &Ledger,
    op: Op,
    by: &Actor,
    transfer: i64,
    reason: &str,
) -> Result<ReversedTransfer, ErrorBody> {
    // The operator at the command line has no account that an operation could be scoped to.
    let user = by.user.ok_or(ErrorCode::Forbidden)?;
    let operation = Operation::of_words(op, user, &format!("reversal {transfer} {reason}"));
    let order = Reversal { transfer, by: by.clone(), reason: reason.to_owned() };
    ledger.post::<Reversals>(operation, By::Staff(user), order).await
}
