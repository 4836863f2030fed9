//! The types that the ledger exchanges with its callers: orders, receipts, and what was committed.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parlor_protocol::reply::Balance;
use parlor_protocol::room::GiftLine;
use parlor_protocol::{Coins, ErrorBody, ErrorCode, Op, RoomId, UserId};
use tokio::sync::oneshot;

use super::posting::{Actor, AnyOrder, Authority, Kind, Posted, Transfer};
use crate::kit::operation::{BodyHash, Operation};

/// The answer to a posting of which there is no more to say than how much it moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct TransferReceipt {
    /// The transfer in the ledger.
    pub receipt: i64,
    /// The time of the transfer, in Unix milliseconds.
    pub at: i64,
    /// How many coins moved.
    #[schema(value_type = i64)]
    pub amount: Coins,
    /// The actor's coins right after the transfer.
    #[schema(value_type = i64)]
    pub balance: Coins,
    /// Whether this operation was done before, and this is its first answer again.
    pub replayed: bool,
}

impl TransferReceipt {
    /// The receipt of a row that moves one amount from one account to another.
    pub fn of(posted: Posted<'_>) -> Self {
        let Posted { row, replayed, .. } = posted;
        let amount = row.legs.iter().map(|leg| leg.amount).max().unwrap_or_default();
        let balance = Coins(row.actor_balance);
        Self { receipt: row.id, at: row.at(), amount: Coins(amount), balance, replayed }
    }
}

/// Gifts of a room that were committed, in the order of their `gift_no`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommittedGifts {
    /// The gifts.
    pub gifts: Vec<GiftLine>,
    /// All coins that have ever been spent in the room, right after the last of these gifts.
    pub coins: Coins,
}

/// What one batch has changed. It is only a hint and may be lost, because the tables have all of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Committed {
    /// The gifts of each room.
    pub rooms: Vec<(RoomId, CommittedGifts)>,
    /// The users' balances that changed, as they are after the batch.
    pub balances: Vec<(UserId, Balance)>,
}

/// Who ordered a posting; the journal stores it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The user whose operation it is.
    User,
    /// This member of staff, whose permission the caller has checked.
    Staff(UserId),
    /// A job of the server.
    Job,
    /// The server itself, or its operator at the command line.
    System,
}

impl By {
    /// The authority that the journal stores.
    pub(super) const fn authority(self) -> Authority {
        match self {
            Self::User => Authority::User,
            Self::Staff(_) => Authority::Staff,
            Self::Job => Authority::Job,
            Self::System => Authority::System,
        }
    }
}

/// The part of an order that is judged: everything except who waits for the answer.
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

/// Gives the answer to whoever waits for it. If nobody waits any more that is no fault, because the answer is stored.
pub(super) type Reply = Box<dyn FnOnce(Result<Posted<'_>, ErrorBody>) + Send + Sync>;

/// An order for the ledger, with whoever waits for the answer.
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
    /// An order that is a user's operation. `by` says who orders it: the user, or somebody else for them.
    pub fn new<K: Kind>(
        operation: Operation,
        by: By,
        order: K::Order,
        reply: oneshot::Sender<Result<K::Receipt, ErrorBody>>,
    ) -> Self {
        let Operation { op, actor, body_hash } = operation;
        Self::of::<K>(op, Actor::User(actor), body_hash, by, order, reply)
    }

    /// An order of the system that is no user's operation. The operation is scoped to this account of the system.
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
            // The writer's task runs this, and a panic of the kind must not end the writer.
            let _ = catch_unwind(|| K::answered(outcome(&answer)));
            let receipt = answer.and_then(|posted| {
                catch_unwind(AssertUnwindSafe(|| K::receipt(posted))).ok().flatten().ok_or_else(|| {
                    let Transfer { id, kind, .. } = posted.row;
                    tracing::error!(
                        transfer = id,
                        kind,
                        "a stored row does not have the form of its kind, so there is no receipt"
                    );
                    ErrorBody::new(ErrorCode::Internal)
                })
            });
            drop(reply.send(receipt));
        });
        Self { request, reply }
    }
}

/// The outcome of an order, as the metrics name it.
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
    fn an_order_is_counted_by_its_outcome() {
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
