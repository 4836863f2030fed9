//! What a room is asked and what it answers: types of the wire, no closures, no sockets, so that the
//! room may be on another node later without a change to it.

use std::sync::Arc;

use parlor_protocol::command::Kick;
use parlor_protocol::reply::{Done, GiftReceipt, PeoplePage};
use parlor_protocol::room::{Person, Position, RoomCard, Seat, Snapshot};
use parlor_protocol::{Command, RoomId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::port::CommittedGifts;
use crate::delivery::{ConnectionId, Frame};
use crate::kit::operation::Operation;

/// Who asks, and from which socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Who.
    pub user: Person,
    /// From which socket; of a command, `NONE` where it came another way.
    pub connection: ConnectionId,
}

/// What a room may be asked.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// Come in, or back. The connection has been subscribed to the room's topic before.
    Join {
        /// Who.
        caller: Caller,
        /// What the client saw last.
        position: Option<Position>,
    },
    /// Leave at once, with all connections. Every connection of the user that is subscribed still is
    /// removed with `room.removed {cause: left}`; the one that asked unsubscribes before it asks.
    Leave {
        /// Who.
        user: UserId,
    },
    /// This user is in another room by now: here they are no longer awaited. One who has come back stays.
    Elsewhere {
        /// Who.
        user: UserId,
    },
    /// A socket is gone; the last one of a user starts the grace period.
    Dropped {
        /// Whose.
        user: UserId,
        /// Which.
        connection: ConnectionId,
    },
    /// A command that names an operation: `seat.*`, `chat.send`, `room.kick`, `gift.send`.
    Command {
        /// Who.
        caller: Caller,
        /// The operation.
        operation: Operation,
        /// What.
        command: Command,
    },
    /// Whether this user is in the room: what is read about it elsewhere is for them alone.
    Present {
        /// Who.
        user: UserId,
    },
    /// A page of the people in the room, for somebody in the room.
    People {
        /// Who asks.
        user: UserId,
        /// People above this id.
        after: Option<UserId>,
    },
    /// The seat map, for somebody in the room.
    Seats {
        /// Who asks.
        user: UserId,
    },
    /// An act of the platform's staff, who are in no room and need no role there.
    Staff {
        /// Whose, made anew for each act.
        operation: Operation,
        /// What.
        act: StaffAct,
    },
    /// What the room is like now.
    Look,
    /// Gifts of this room are committed: a hint, in the order of their numbers.
    GiftsCommitted(CommittedGifts),
}

/// Somebody whom a waking room's checkpoint has brought back, absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Returned {
    /// Who.
    pub user: UserId,
    /// Into which room.
    pub room: RoomId,
}

/// Every seat of a room, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct SeatMap {
    /// By number.
    pub seats: Vec<Seat>,
    /// Rises with every change; commands may name it.
    pub version: u64,
}

/// What the platform's staff does in a room. May the caller? is asked before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StaffAct {
    /// Puts somebody out, the owner too, and keeps them out for ten minutes.
    Kick(Kick),
    /// Puts everybody out. They may come in again.
    Close {
        /// Why; they are told.
        reason: String,
    },
}

/// What a room is like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    /// The room.
    pub card: RoomCard,
    /// How many people are in it.
    pub people: u32,
    /// How many of them sit.
    pub seated: u32,
}

/// What a room answers.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// To a join.
    Joined(Box<JoinAnswer>),
    /// To a command that became an event.
    Done(Done),
    /// To `gift.send`.
    Gift(GiftReceipt),
    /// To `people.list`.
    People(PeoplePage),
    /// To a question for the seats.
    Seats(SeatMap),
    /// To a look.
    Sight(Sight),
    /// There is nothing to say.
    Nothing,
}

/// The answer to a join: every missed event, or the room whole; one of the two is there.
#[derive(Clone, PartialEq, Debug)]
pub struct JoinAnswer {
    /// Where the client stands now. Its `gift_no` is the last announced one with missed events, and the
    /// last committed one with a snapshot: the gifts above what the client brought are then to be read
    /// from the table.
    pub position: Position,
    /// All events behind the client's position, as they were sent.
    pub missed: Option<Vec<Frame>>,
    /// The number of the first gift in those events; `None` where they bring none.
    pub first_gift: Option<i64>,
    /// The room at the position.
    pub snapshot: Option<SnapshotText>,
}

/// A snapshot as it is sent: written once, for all who come in while it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotText(Arc<str>);

impl SnapshotText {
    /// Writes it.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self(serde_json::to_string(snapshot).expect("a snapshot is JSON").into())
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads it.
    pub fn read(&self) -> Snapshot {
        serde_json::from_str(&self.0).expect("it was written from a snapshot")
    }
}
