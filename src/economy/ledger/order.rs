//! The words between the ledger and who uses it: orders in, receipts and what was committed out.

use parlor_protocol::reply::{Balance, GiftReceipt};
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{Coins, ErrorBody, ErrorCode, GiftId, Op, RoomId, UserId};
use tokio::sync::oneshot;

use crate::kit::operation::{BodyHash, Operation};
use crate::telemetry::metric;

/// A gift as its room has judged it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gift {
    /// In which room.
    pub room: RoomId,
    /// Whose room: receives the owner's share.
    pub owner: UserId,
    /// Who pays; the operation's actor.
    pub sender: Person,
    /// What.
    pub gift: GiftId,
    /// How many each receiver gets.
    pub count: i64,
    /// Who receives; or why nobody does, which becomes the operation's stored answer unless an earlier
    /// one is stored or the error says that it may pass.
    pub receivers: Result<Vec<Person>, ErrorBody>,
}

/// Coins from the promotion account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// To whom.
    pub to: UserId,
    /// How many; more than 0.
    pub amount: Coins,
}

/// Answer to a transfer that is no gift.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct TransferReceipt {
    /// The transfer in the ledger.
    pub receipt: i64,
    /// Unix milliseconds of the commit.
    pub at: i64,
    /// How much was moved.
    pub amount: Coins,
    /// The actor's coins right after it.
    pub balance: Coins,
    /// The answer is the first one of this operation, given again.
    pub replayed: bool,
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
    /// The gifts of each room, in the order of their `gift_no`.
    pub rooms: Vec<(RoomId, CommittedGifts)>,
    /// The balances of users that changed, as they are after the batch.
    pub balances: Vec<(UserId, Balance)>,
}

/// Who an operation belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Actor {
    User(UserId),
    /// The promotion account itself: what the system does for nobody in particular.
    Promotion,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Intent {
    Gift(Gift),
    Grant(Grant),
    Issuance(Coins),
}

/// An order without who waits for it: all that a judgement needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Request {
    pub op: Op,
    pub actor: Actor,
    pub body_hash: BodyHash,
    pub intent: Intent,
}

/// The answer of an order that succeeded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Receipt {
    Gift(GiftReceipt),
    Transfer(TransferReceipt),
}

impl Receipt {
    /// The same, marked as given again.
    pub fn replayed(mut self) -> Self {
        match &mut self {
            Self::Gift(receipt) => receipt.replayed = true,
            Self::Transfer(receipt) => receipt.replayed = true,
        }
        self
    }
}

/// Who waits for an answer. One that went away is no fault: the operation is stored.
#[derive(Debug)]
pub(super) enum Reply {
    Gift(oneshot::Sender<Result<GiftReceipt, ErrorBody>>),
    Transfer(oneshot::Sender<Result<TransferReceipt, ErrorBody>>),
}

impl Reply {
    pub fn send(self, answer: Result<Receipt, ErrorBody>) {
        if matches!(self, Self::Gift(_)) {
            metric::GIFTS.add_of(outcome(&answer), 1);
        }
        // One operation keeps its kind (another one is a conflict), so the last arm is a fault.
        let mismatch = || ErrorBody::new(ErrorCode::Internal);
        match (self, answer) {
            (Self::Gift(reply), Ok(Receipt::Gift(receipt))) => drop(reply.send(Ok(receipt))),
            (Self::Transfer(reply), Ok(Receipt::Transfer(receipt))) => drop(reply.send(Ok(receipt))),
            (Self::Gift(reply), Err(error)) => drop(reply.send(Err(error))),
            (Self::Transfer(reply), Err(error)) => drop(reply.send(Err(error))),
            (Self::Gift(reply), Ok(_)) => drop(reply.send(Err(mismatch()))),
            (Self::Transfer(reply), Ok(_)) => drop(reply.send(Err(mismatch()))),
        }
    }
}

/// What became of a gift, in the words of the metric.
fn outcome(answer: &Result<Receipt, ErrorBody>) -> &'static str {
    match answer {
        Ok(Receipt::Gift(GiftReceipt { replayed: true, .. })) | Err(ErrorBody { replayed: true, .. }) => "repeated",
        Ok(_) => "sent",
        Err(error) => match error.code {
            ErrorCode::Busy => "busy",
            ErrorCode::StoreUnavailable => "store_unavailable",
            ErrorCode::Internal => "internal",
            _ => "refused",
        },
    }
}

/// One thing to do, and who waits for the answer.
#[derive(Debug)]
pub struct Order {
    pub(super) request: Request,
    pub(super) reply: Reply,
}

impl Order {
    /// A gift that its room has judged. `operation.actor` is the sender.
    pub fn gift(operation: Operation, gift: Gift, reply: oneshot::Sender<Result<GiftReceipt, ErrorBody>>) -> Self {
        Self { request: Request::of(operation, Intent::Gift(gift)), reply: Reply::Gift(reply) }
    }

    /// Coins from the promotion account, asked for by `operation.actor` (who may be the receiver).
    pub fn grant(
        operation: Operation,
        grant: Grant,
        reply: oneshot::Sender<Result<TransferReceipt, ErrorBody>>,
    ) -> Self {
        Self { request: Request::of(operation, Intent::Grant(grant)), reply: Reply::Transfer(reply) }
    }

    /// Coins issued into the promotion account. The operation is scoped to that account.
    pub fn issuance(
        op: Op,
        body_hash: BodyHash,
        amount: Coins,
        reply: oneshot::Sender<Result<TransferReceipt, ErrorBody>>,
    ) -> Self {
        let request = Request { op, actor: Actor::Promotion, body_hash, intent: Intent::Issuance(amount) };
        Self { request, reply: Reply::Transfer(reply) }
    }
}

impl Request {
    fn of(operation: Operation, intent: Intent) -> Self {
        Self { op: operation.op, actor: Actor::User(operation.actor), body_hash: operation.body_hash, intent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gift_is_counted_by_what_became_of_it() {
        let receipt = TransferReceipt { receipt: 1, at: 1, amount: Coins(1), balance: Coins(1), replayed: false };
        assert_eq!(outcome(&Ok(Receipt::Transfer(receipt))), "sent");
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
