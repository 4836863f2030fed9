//! What a room decides: the changes it makes, the sockets it removes, and where the answer comes from.

use parlor_protocol::chat::{Reaction, Speaker};
use parlor_protocol::room::{Person, Position};
use parlor_protocol::{ErrorBody, Event, Signal, UserFrame, UserId};

use uuid::Uuid;

use super::FirstAnswer;
use crate::delivery::ConnectionId;
use crate::kit::operation::Operation;
use crate::room::facts::HardWrite;
use crate::room::port::GiftOrder;
use crate::room::request::{Answer, Caller};
use crate::voice::{Rights, Standing};

/// One change of a room's state.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A sequenced event, which takes the next `seq` and is published to everybody.
    Event(Event),
    /// The number of people in the room, which everybody is told by a signal.
    Counted(u32),
    /// A user has another name or picture, and no client was shown the former one, or nobody is named at present.
    Renamed(Person),
    /// A socket has joined.
    Attached(Caller),
    /// A socket is gone. If it was the user's last one, the grace period begins.
    Detached(UserId, ConnectionId),
    /// Everybody who is absent gets the whole grace period again, because nobody could come back during a pause.
    GraceRenewed,
    /// A user is no longer in the room.
    Departed {
        /// The user.
        user: UserId,
    },
    /// An operation has got its answer, which is remembered.
    Remembered(Operation, FirstAnswer),
    /// A user types a line.
    Typed(UserId),
    /// A user who sits on a seat speaks.
    Spoke(Speaker),
    /// A user has a reaction below a line, or has it no more.
    Reacted {
        /// The user.
        user: UserId,
        /// The line's epoch and `seq`.
        line: (i64, u64),
        /// The reaction.
        reaction: Reaction,
        /// Whether the user has it now.
        on: bool,
    },
    /// A signal that may be lost, which everybody is told.
    Signalled(Signal),
    /// A session has its user's seat from now on.
    Holds {
        /// The user.
        user: UserId,
        /// The session.
        session: Uuid,
        /// Whether another one had it, whose device may speak no more.
        from_another: bool,
    },
    /// The state includes hard facts up to this one.
    FactApplied {
        /// The fact's id.
        id: i64,
    },
    /// Gifts up to this number are known to be committed.
    GiftsKnown {
        /// The last gift's number.
        gift_no: i64,
    },
}

/// Sockets of a user whose subscription to the room ends, and the frame that tells them.
#[derive(Clone, PartialEq, Debug)]
pub struct Removal {
    /// The user.
    pub user: UserId,
    /// The user's sockets in the room.
    pub connections: Vec<ConnectionId>,
    /// The frame `room.removed`, with the cause.
    pub frame: UserFrame,
}

/// What was decided about a request.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The sockets that are removed before the changes are published, so that whoever is put out is told why first.
    pub removals: Vec<Removal>,
    /// The answer, or where it comes from.
    pub outcome: Outcome,
}

/// Where a request's answer comes from.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// The answer is known: it was read from the state, was given before, is that the changes are made, or is a
    /// refusal.
    Answer(Result<Answer, ErrorBody>),
    /// The user has joined. The answer is made from the ring and the state.
    Joined {
        /// The user.
        user: UserId,
        /// The position that the client brought.
        position: Option<Position>,
    },
    /// The user is about to be handed a token for the room's sound, with these rights.
    Hears {
        /// The user.
        user: UserId,
        /// What they may do.
        rights: Rights,
    },
    /// The voice vendor is told where these users stand.
    Voices {
        /// The users.
        standings: Vec<(UserId, Standing)>,
        /// Whether it is told of all of them, and not only of those for whom it was told otherwise.
        all: bool,
    },
    /// The store must write this first. Its answer is decided by [`RoomState::decide_fact`](super::RoomState).
    Write(HardWrite),
    /// The ledger answers.
    Order(GiftOrder),
    /// There is no answer to give; the table of gifts must be read after the last announced gift.
    ReadGifts,
}

impl Decision {
    /// Nothing changes, and this is the outcome.
    pub(super) const fn only(outcome: Outcome) -> Self {
        Self { changes: Vec::new(), removals: Vec::new(), outcome }
    }

    /// Nothing changes, and the answer is this one.
    pub(super) const fn answer(answer: Answer) -> Self {
        Self::only(Outcome::Answer(Ok(answer)))
    }

    /// These changes, with an answer that says nothing.
    pub(super) const fn silent(changes: Vec<Change>) -> Self {
        Self { changes, removals: Vec::new(), outcome: Outcome::Answer(Ok(Answer::Nothing)) }
    }
}
