//! The words between the ledger and who uses it: orders in, receipts and what was committed out.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parlor_protocol::reply::Balance;
use parlor_protocol::room::GiftLine;
use parlor_protocol::{Coins, ErrorBody, ErrorCode, Op, RoomId, UserId};
use tokio::sync::oneshot;

use super::posting::{Actor, AnyOrder, Authority, Kind, Posted, Transfer};
use crate::kit::operation::{BodyHash, Operation};

/// Answer to a posting that says no more than how much moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct TransferReceipt {
    /// The transfer in the ledger.
    pub receipt: i64,
    /// Unix milliseconds of the commit.
    pub at: i64,
    /// How much was moved.
    #[schema(value_type = i64)]
    pub amount: Coins,
    /// The actor's coins right after it.
    #[schema(value_type = i64)]
    pub balance: Coins,
    /// The answer is the first one of this operation, given again.
    pub replayed: bool,
}

impl TransferReceipt {
    /// The answer of a row that moves one amount.
    pub fn of(posted: Posted<'_>) -> Self {
        let Posted { row, replayed, .. } = posted;
        let amount = row.legs.iter().map(|leg| leg.amount).max().unwrap_or_default();
        let balance = Coins(row.actor_balance);
        Self { receipt: row.id, at: row.at(), amount: Coins(amount), balance, replayed }
    }
}

/// Gifts of a room that are committed, in the order of their `gift_no`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommittedGifts {
    /// The gifts.
    pub gifts: Vec<GiftLine>,
    /// Coins spent in the room, ever, right after the last of them.
    pub coins: Coins,
}

/// What one batch has changed. A hint: it may be lost, the tables have it all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Committed {
    /// What kinds tell rooms, in the order of the numbers there.
    pub rooms: Vec<(RoomId, CommittedGifts)>,
    /// The balances of users that changed, as they are after the batch.
    pub balances: Vec<(UserId, Balance)>,
}

/// On whose word an order is done; the journal keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The user whose operation it is.
    User,
    /// This member of the staff, whose rights were checked before.
    Staff(UserId),
    /// A job of the server.
    Job,
    /// The server itself, or its operator at the command line.
    System,
}

impl By {
    /// As the journal stores it.
    pub(super) const fn authority(self) -> Authority {
        match self {
            Self::User => Authority::User,
            Self::Staff(_) => Authority::Staff,
            Self::Job => Authority::Job,
            Self::System => Authority::System,
        }
    }
}

/// An order without who waits for it: all that a judgement needs.
pub(in crate::economy) struct Request {
    pub kind: i16,
    pub op: Op,
    pub actor: Actor,
    pub by: By,
    pub body_hash: BodyHash,
    pub order: Box<AnyOrder>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "order of kind {}, operation {} of {:?}", self.kind, self.op.0, self.actor)
    }
}

/// Gives the answer to who waits for it. One that went away is no fault: the operation is stored.
pub(super) type Reply = Box<dyn FnOnce(Result<Posted<'_>, ErrorBody>) + Send + Sync>;

/// One thing to do, and who waits for the answer.
pub struct Order {
    pub(in crate::economy) request: Request,
    pub(super) reply: Reply,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}

impl Order {
    /// An order of a user's operation, on the user's own word or on another's.
    pub fn new<K: Kind>(
        operation: Operation,
        by: By,
        order: K::Order,
        reply: oneshot::Sender<Result<K::Receipt, ErrorBody>>,
    ) -> Self {
        let Operation { op, actor, body_hash } = operation;
        Self::of::<K>(op, Actor::User(actor), body_hash, by, order, reply)
    }

    /// An order that the system gives for nobody in particular: its operation is scoped to an account of
    /// the system.
    pub fn of_system<K: Kind>(
        op: Op,
        account: &'static str,
        body_hash: BodyHash,
        order: K::Order,
        reply: oneshot::Sender<Result<K::Receipt, ErrorBody>>,
    ) -> Self {
        Self::of::<K>(op, Actor::System(account), body_hash, By::System, order, reply)
    }

    fn of<K: Kind>(
        op: Op,
        actor: Actor,
        body_hash: BodyHash,
        by: By,
        order: K::Order,
        reply: oneshot::Sender<Result<K::Receipt, ErrorBody>>,
    ) -> Self {
        let request = Request { kind: K::NUMBER, op, actor, by, body_hash, order: Box::new(order) };
        let reply: Reply = Box::new(move |answer| {
            // The writer gives this answer: a kind's panic here is not to end it.
            let _ = catch_unwind(|| K::answered(outcome(&answer)));
            let receipt = answer.and_then(|posted| {
                catch_unwind(AssertUnwindSafe(|| K::receipt(posted))).ok().flatten().ok_or_else(|| {
                    let Transfer { id, kind, .. } = posted.row;
                    tracing::error!(transfer = id, kind, "a stored row makes no receipt of its kind");
                    ErrorBody::new(ErrorCode::Internal)
                })
            });
            drop(reply.send(receipt));
        });
        Self { request, reply }
    }
}

/// What became of an order, in the words of the metrics.
fn outcome(answer: &Result<Posted<'_>, ErrorBody>) -> &'static str {
    match answer {
        Ok(Posted { replayed: true, .. }) | Err(ErrorBody { replayed: true, .. }) => "repeated",
        Ok(_) => "sent",
        Err(error) => match error.code {
            ErrorCode::Busy => "busy",
            ErrorCode::StoreUnavailable => "store_unavailable",
            ErrorCode::Internal => "internal",
            _ => "refused",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_counted_by_what_became_of_it() {
        for (code, counted) in [
            (ErrorCode::InsufficientFunds, "refused"),
            (ErrorCode::NotInRoom, "refused"),
            (ErrorCode::Busy, "busy"),
            (ErrorCode::StoreUnavailable, "store_unavailable"),
            (ErrorCode::Internal, "internal"),
        ] {
            assert_eq!(outcome(&Err(code.into())), counted);
        }
        let again = ErrorBody { replayed: true, ..ErrorCode::InsufficientFunds.into() };
        assert_eq!(outcome(&Err(again)), "repeated");
    }
}
