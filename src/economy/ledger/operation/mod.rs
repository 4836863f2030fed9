//! The one memory of operations, for changes that move no money: they are not posted, and yet each of their operations
//! has one answer, which no posting under the same operation can change.

mod store;

use parlor_protocol::{ErrorBody, ErrorCode};

use crate::kit::error::Result;
use crate::kit::operation::Operation;
use crate::kit::tx::Tx;
use crate::kit::usage::{self, Bound};

/// The refusals of one user that are kept in an hour.
const REFUSALS_PER_HOUR: u32 = 60;

/// What became of an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It changed the record of this id.
    Done(i64),
    /// It was refused.
    Refused(ErrorBody),
}

/// Looks up whether an operation has its answer already; it is marked as given again. The transaction then holds the
/// actor's coin account, as the ledger's writer does, and nobody else begins this operation until it ends.
///
/// # Errors
/// `operation_conflict` where the operation was for something else, also a posting; `user_not_found` without a wallet;
/// a fault or an outage of the store.
pub async fn recall(tx: &mut Tx, operation: &Operation) -> Result<Option<Answer>> {
    let Some(actor) = store::lock_actor(tx, operation.actor).await? else {
        return Err(ErrorCode::UserNotFound.into());
    };
    // A statement of its own, so that it sees what the transaction that held the lock before has committed.
    let known = store::known(tx, operation.op, actor).await?;
    match known {
        None => Ok(None),
        Some(known) if known.body_hash[..] != operation.body_hash => Err(ErrorCode::OperationConflict.into()),
        Some(known) => match (known.subject, known.error) {
            (Some(subject), _) => Ok(Some(Answer::Done(subject))),
            (None, Some(error)) => Ok(Some(Answer::Refused(ErrorBody { replayed: true, ..error.0 }))),
            // The journal has it: a posting.
            (None, None) => Err(ErrorCode::OperationConflict.into()),
        },
    }
}

/// Keeps the answer of an operation that [`recall`] did not know, in the same transaction.
///
/// # Errors
/// `rate_limited` if it is a refusal and the user has had too many of them in the last hour: then nothing is kept, and
/// the operation may be asked again. A fault or an outage of the store.
pub async fn remember(tx: &mut Tx, operation: &Operation, answer: &Answer) -> Result<()> {
    if matches!(answer, Answer::Refused(_)) {
        let bound = Bound::times(REFUSALS_PER_HOUR, usage::HOUR_MS);
        usage::spend(tx, "refusal", &operation.actor.number().to_be_bytes(), 0, &[bound]).await?;
    }
    Ok(store::insert(tx, operation, answer).await?)
}
