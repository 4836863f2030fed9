//! What a room decides: the steps it takes, whom it puts out, and where the answer comes from.

use parlor_protocol::room::Position;
use parlor_protocol::{Coins, ErrorBody, Event, UserFrame, UserId};

use super::FirstAnswer;
use crate::delivery::ConnectionId;
use crate::kit::operation::Operation;
use crate::room::facts::HardWrite;
use crate::room::port::GiftOrder;
use crate::room::request::{Answer, Caller};

/// One step of a room.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A sequenced event: takes the next `seq`, and everybody is told.
    Event(Event),
    /// Everybody is told how many there are, by a signal.
    Counted(u32),
    /// A socket came in.
    Attached(Caller),
    /// A socket is gone; the user's last one starts the grace period.
    Detached(UserId, ConnectionId),
    /// Everybody who is absent has the whole grace period again: nobody could come back meanwhile.
    GraceRenewed,
    /// Somebody is no longer in the room.
    Departed {
        /// Who.
        user: UserId,
    },
    /// An operation has its answer.
    Remembered(Operation, FirstAnswer),
    /// Hard facts up to this one are in the state.
    FactApplied {
        /// The fact's id.
        id: i64,
    },
    /// Gifts up to this number are committed.
    GiftsKnown {
        /// The number.
        gift_no: i64,
    },
    /// Gifts up to this number are history and will not be announced.
    GiftsPassed {
        /// The number.
        gift_no: i64,
        /// Coins spent in the room with it.
        coins: Coins,
    },
}

/// Connections whose subscription ends, and what they are told.
#[derive(Clone, PartialEq, Debug)]
pub struct Removal {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub connections: Vec<ConnectionId>,
    /// Why.
    pub frame: UserFrame,
}

/// What a request comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// What changes, in order.
    pub changes: Vec<Change>,
    /// Who is put out, after the changes have been told.
    pub removals: Vec<Removal>,
    /// The answer, or where it comes from.
    pub outcome: Outcome,
}

/// Where a request's answer comes from.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It is known already: what was asked is read off the state, was answered before, is done by the changes, or
    /// is refused.
    Answer(Result<Answer, ErrorBody>),
    /// The user is in; the answer is made from the ring and the state.
    Joined {
        /// Who.
        user: UserId,
        /// What the client brought.
        position: Option<Position>,
    },
    /// The store has to have it first.
    Write(HardWrite),
    /// The ledger answers.
    Order(GiftOrder),
    /// The table of gifts has to be read behind the announced one.
    ReadGifts,
}

impl Decision {
    pub(super) const fn only(outcome: Outcome) -> Self {
        Self { changes: Vec::new(), removals: Vec::new(), outcome }
    }

    /// Nothing changes, and the answer is this one.
    pub(super) const fn answer(answer: Answer) -> Self {
        Self::only(Outcome::Answer(Ok(answer)))
    }

    /// These changes, and nothing to say to who asked.
    pub(super) const fn silent(changes: Vec<Change>) -> Self {
        Self { changes, removals: Vec::new(), outcome: Outcome::Answer(Ok(Answer::Nothing)) }
    }
}
