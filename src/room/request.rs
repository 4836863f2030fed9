//! What a room is asked and what it answers. These are plain data without closures or sockets, so that a room can later
//! be asked from another node without a change here.

use std::sync::Arc;

use parlor_protocol::command::{Ban, Kick, MuteChat};
use parlor_protocol::record::Privacy;
use parlor_protocol::reply::{Done, GiftReceipt, PeoplePage};
use parlor_protocol::room::{Person, Position, RoomCard, Seat, Snapshot};
use parlor_protocol::seating::Hand;
use parlor_protocol::{Command, RoomId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::door::PasswordHash;
use super::port::CommittedGifts;
use super::state::{Act, Scene};
use crate::delivery::{ConnectionId, Frame};
use crate::kit::operation::Operation;
use crate::voice::{Rights, Standing};

/// Who asks, and from which socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The user who asks.
    pub user: Person,
    /// The socket from which they ask; `NONE` for a command that came by REST.
    pub connection: ConnectionId,
    /// The session of their token, which stands for the device.
    pub session: Uuid,
}

/// What a room may be asked.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// Joins the room, or comes back to it. The connection must be subscribed to the room's topic already.
    Join {
        /// Who joins, and on which socket.
        caller: Caller,
        /// The last position that the client saw, if it was in the room before.
        position: Option<Position>,
    },
    /// Leaves the room at once, with all connections. Each connection of the user that is still subscribed is removed
    /// with `room.removed {cause: left}`; the one that asked unsubscribes before it asks.
    Leave {
        /// The user who leaves.
        user: UserId,
    },
    /// Says that this user is in another room by now. If they are absent here they are no longer awaited; if they have
    /// come back they stay.
    Elsewhere {
        /// The user.
        user: UserId,
    },
    /// Says that a user has this name and picture from now on. They may be in the room, have been in it, or own it.
    Changed {
        /// The user as they are now.
        person: Person,
    },
    /// Says that a socket is gone. If it was the user's last one in the room, the grace period begins.
    Dropped {
        /// The socket's user.
        user: UserId,
        /// The socket.
        connection: ConnectionId,
    },
    /// A command that names an operation: `seat.*`, `chat.send`, `room.kick`, `gift.send`.
    Command {
        /// Who gives the command.
        caller: Caller,
        /// The operation, by which a retry is recognised.
        operation: Operation,
        /// The command.
        command: Command,
    },
    /// A command that is told by a signal and names no operation: `chat.react`, `chat.typing`, `mic.speaking`.
    Signal {
        /// Who gives the command.
        caller: Caller,
        /// The command.
        command: Command,
    },
    /// Says who is let into the room from now on. It is no command of a socket, because the password is hashed before.
    Privacy {
        /// The user who asks, who must be allowed to change the room's settings.
        user: UserId,
        /// The operation, by which a retry is recognised.
        operation: Operation,
        /// The change.
        change: PrivacyChange,
    },
    /// Asks whether this user may see what is read about the room elsewhere, such as its gifts, or still hears it.
    Present {
        /// The user.
        user: UserId,
        /// What they do: look at the room or hear it.
        act: Act,
    },
    /// Asks whether this user may do something that is then done elsewhere, such as reading the room's bans.
    Permitted {
        /// The user.
        user: UserId,
        /// What they want to do.
        act: Act,
    },
    /// Asks for a page of the people in the room.
    People {
        /// The user who asks, who must be allowed to look.
        user: UserId,
        /// The id above which the page begins; `None` for the first page.
        after: Option<UserId>,
        /// The beginning of the names that are searched for, or a whole id; empty: everybody is listed.
        search: String,
    },
    /// Asks for the seat map.
    Seats {
        /// The user who asks, who must be allowed to look.
        user: UserId,
    },
    /// Asks what this user may do with the room's sound. From then on the voice vendor is told of each change of that.
    Place {
        /// The user who asks, who must be in the room.
        user: UserId,
        /// The session of the device that asks. Only the one that has the user's seat may speak.
        session: Uuid,
    },
    /// Has the voice vendor told where these users stand, whom it may have connected since before the room woke.
    Voices {
        /// The users.
        users: Vec<UserId>,
        /// Whether it is told of all of them, and not only of those for whom it was told otherwise since.
        all: bool,
    },
    /// Asks for the raised hands.
    Hands {
        /// The user who asks, who must be allowed to settle them.
        user: UserId,
    },
    /// An act of the platform's staff, who need not be in the room and have no role in it.
    Staff {
        /// The operation of this act, named by the server. It is new for each act.
        operation: Operation,
        /// The id of the HTTP request by which it was asked for; empty if there is none.
        request: String,
        /// The act.
        act: StaffAct,
    },
    /// Asks how many people are in the room and on its seats.
    Look,
    /// Asks for what the room's events have decided up to now.
    Scene,
    /// Asks for a page of everybody who is in the room, named or not, for the platform's staff.
    Roster {
        /// The id above which the page begins; `None` for the first page.
        after: Option<UserId>,
        /// The most people of the page.
        limit: usize,
    },
    /// Says that gifts of this room are committed, in the order of their numbers. It is a hint and may be lost.
    GiftsCommitted(CommittedGifts),
}

/// Who is let into a room from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrivacyChange {
    /// The version of the record that this was decided on.
    pub version: u64,
    /// Who is let in.
    pub privacy: Privacy,
    /// The hash of a new password; without one the present password stays.
    pub password: Option<PasswordHash>,
}

/// A user whom a waking room's checkpoint has brought back. They are absent until they join again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Returned {
    /// The user.
    pub user: UserId,
    /// The room that awaits them.
    pub room: RoomId,
}

/// Every seat of a room, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct SeatMap {
    /// The seats, in the order of their numbers.
    pub seats: Vec<Seat>,
    /// The map's version, which rises with every change. A command may name it, and is refused if it is over.
    pub version: u64,
}

/// What the platform's staff does in a room. The caller's rights were checked before this is built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StaffAct {
    /// Puts a user out, who may be the owner, and keeps them out for ten minutes by default.
    Kick(Kick),
    /// Bans a user, who may be the owner and need not be in the room.
    Ban(Ban),
    /// Lifts a ban, whoever has set it.
    Unban {
        /// The user.
        user: UserId,
    },
    /// Mutes a user in the chat. The owner and the admins write all the same.
    MuteChat(MuteChat),
    /// Lets a muted user write again.
    UnmuteChat {
        /// The user.
        user: UserId,
    },
    /// Puts everybody out. They may join again.
    Close {
        /// The reason, which they are told.
        reason: String,
    },
    /// Recalls a line of chat.
    Recall {
        /// The epoch of the line's event.
        epoch: i64,
        /// The `seq` of the line's event.
        seq: u64,
    },
    /// Closes the room so that its owner cannot open it.
    Suspend {
        /// The reason, which everybody is told.
        reason: String,
    },
    /// Opens the room, whoever has closed it.
    Restore,
}

/// What a user may do with a room's sound, and the number of the notice that says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoicePlace {
    /// What the device that asks may do.
    pub rights: Rights,
    /// Where its user stands, who may do more with another device.
    pub standing: Standing,
    /// The room's epoch.
    pub epoch: i64,
    /// The number within the epoch.
    pub turn: i64,
}

/// How many people are in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    /// The room.
    pub card: RoomCard,
    /// The number of people in it.
    pub people: u32,
    /// The number of those who sit on a seat.
    pub seated: u32,
}

/// What the events of a room have decided, up to one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SceneNow {
    /// The room's epoch.
    pub epoch: i64,
    /// The number of its last event.
    pub seq: u64,
    /// What its events have decided.
    pub scene: Scene,
    /// Whether events name nobody at present, because the room is large; the scene's people may then be older.
    pub only_counts: bool,
}

/// Somebody who is in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Present {
    /// The user.
    pub user: Person,
    /// Their seat, if they have one.
    pub seat: Option<u8>,
    /// Whether they have no socket in the room at present, and are awaited.
    pub away: bool,
}

/// What a room answers.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// The answer to a join.
    Joined(Box<JoinAnswer>),
    /// The answer to a command that became an event.
    Done(Done),
    /// The answer to `gift.send`.
    Gift(GiftReceipt),
    /// The answer to `people.list`.
    People(PeoplePage),
    /// The answer to [`Request::Seats`].
    Seats(SeatMap),
    /// The answer to [`Request::Place`].
    Place(VoicePlace),
    /// The answer to `hand.list`.
    Hands(Vec<Hand>),
    /// The answer to [`Request::Look`].
    Sight(Sight),
    /// The answer to [`Request::Scene`].
    Scene(Box<SceneNow>),
    /// The answer to [`Request::Roster`].
    Roster(Vec<Present>),
    /// The answer to a request that has no more to say than that it was taken.
    Nothing,
}

/// The answer to a join. It has either every missed event or a snapshot, never both.
#[derive(Clone, PartialEq, Debug)]
pub struct JoinAnswer {
    /// Where the client stands now. With missed events, its `gift_no` is that of the last announced gift. With a
    /// snapshot it is that of the last committed gift, and the gifts above what the client brought are to be read from
    /// the table.
    pub position: Position,
    /// All events after the client's position, as they were sent.
    pub missed: Option<Vec<Frame>>,
    /// The number of the first gift in those events; `None` if there is no gift in them.
    pub first_gift: Option<i64>,
    /// The room at that position.
    pub snapshot: Option<SnapshotText>,
    /// The user's other sockets that were put out of the room for this one.
    pub replaced: Vec<ConnectionId>,
}

/// A snapshot as JSON, the form in which it is sent. It is written once for all who join while it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotText(Arc<str>);

impl SnapshotText {
    /// The snapshot as JSON.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self(serde_json::to_string(snapshot).expect("a snapshot is JSON").into())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The snapshot that the text was made from.
    pub fn read(&self) -> Snapshot {
        serde_json::from_str(&self.0).expect("it was written from a snapshot")
    }
}
