//! What a room has the store keep: its hard facts and its checkpoint. The room declares the trait [`Facts`], and
//! [`PgFacts`] implements it. Every write is fenced by the room's epoch, and a fact is written once per operation.

use std::time::Duration;

use parlor_protocol::chat::Quote;
use parlor_protocol::command::ChangeRoom;
use parlor_protocol::record::{Closed, Privacy};
use parlor_protocol::reply::Done;
use parlor_protocol::room::ChatRules;
use parlor_protocol::room::Person;
use parlor_protocol::seating::SeatMode;
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::change;
use super::checkpoints::Checkpoints;
use super::conduct::{self, Applied};
use super::door::{self, PasswordHash};
use super::images;
use super::port::PortFuture;
use super::record;
use super::state::Checkpoint;
use super::store;
use super::timeline;
use crate::cluster::ownership;
use crate::kit::clock::Timestamp;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, is_outage};
use crate::kit::operation::Operation;
use crate::kit::supervise::Supervisor;
use crate::kit::tx::Tx;
use crate::voice::{Notice, Voice};

/// What a hard command makes true, in the form in which it is stored (JSON in `room_facts`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// A seat was locked: nobody may take it.
    SeatLocked {
        /// The seat's number, from 0.
        seat: u8,
    },
    /// A seat was unlocked: it may be taken again.
    SeatUnlocked {
        /// The seat's number, from 0.
        seat: u8,
    },
    /// Seats were locked together: nobody may take them.
    SeatsLocked {
        /// The numbers of the seats, from 0.
        seats: Vec<u8>,
    },
    /// Seats were unlocked together: they may be taken again.
    SeatsUnlocked {
        /// The numbers of the seats, from 0.
        seats: Vec<u8>,
    },
    /// A user was put out of the room and may not join again before `until`.
    Kicked {
        /// The user who was put out.
        user: UserId,
        /// When they may join again, in Unix milliseconds.
        until: i64,
        /// The reason, in the words of whoever kicked them.
        reason: String,
    },
    /// A seat was muted: whoever sits there is not heard.
    SeatMuted {
        /// The seat's number, from 0.
        seat: u8,
    },
    /// A seat was unmuted.
    SeatUnmuted {
        /// The seat's number, from 0.
        seat: u8,
    },
    /// Users get a seat in another way.
    SeatModeChanged {
        /// How users get a seat now.
        mode: SeatMode,
    },
    /// The room has another number of seats. What was locked or muted beyond it is forgotten.
    LayoutChanged {
        /// The number of seats now.
        seats: u8,
    },
    /// The room has another owner, who has accepted it. They are no admin any more, if they were one.
    OwnerChanged {
        /// The owner from now on.
        owner: Person,
        /// The owner until now.
        former: UserId,
    },
    /// The owner made a user an admin.
    AdminPromoted {
        /// The user, an admin from now on.
        user: UserId,
    },
    /// A user is no admin any more.
    AdminDemoted {
        /// The user, who was an admin.
        user: UserId,
    },
    /// A user was banned: they may not join, until a time or until the ban is lifted.
    Banned {
        /// The user.
        user: UserId,
        /// When they may join again, in Unix milliseconds; absent: when the ban is lifted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
        /// The reason, in the words of whoever banned them.
        reason: String,
    },
    /// A user was muted in the chat, until a time or until that is lifted.
    ChatMuted {
        /// The user.
        user: UserId,
        /// When they may write again, in Unix milliseconds; absent: when that is lifted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
    },
    /// A user who was muted in the chat may write again.
    ChatUnmuted {
        /// The user.
        user: UserId,
    },
    /// The rules of the chat were set.
    ChatRules {
        /// All of them, as they are afterwards.
        rules: ChatRules,
    },
    /// A chat line with an image was posted, which shows the image from now on.
    ImagePosted {
        /// The upload.
        image: Uuid,
        /// The line. It is not stored, because a line that is recalled may stand nowhere.
        #[serde(skip)]
        line: Option<Box<ImageLine>>,
    },
    /// A chat line was recalled: nothing of what was in it may be kept.
    LineRecalled {
        /// The epoch of the line's event.
        epoch: i64,
        /// The `seq` of the line's event.
        seq: u64,
        /// The user who wrote it, if the room still knew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<UserId>,
        /// The upload that the line showed, if the room still knew one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<Uuid>,
    },
    /// The ban of a user was lifted.
    Unbanned {
        /// The user.
        user: UserId,
    },
    /// The room's record was changed. Its version is one above the one that the change names.
    RoomChanged {
        /// The change.
        change: Box<ChangeRoom>,
    },
    /// Another circle of people is let in. The record's version is one above this one.
    PrivacyChanged {
        /// The version that the change was decided on.
        version: u64,
        /// Who is let in.
        privacy: Privacy,
        /// The hash of the password, if it is a new one. It is not stored here, but where passwords are.
        #[serde(skip)]
        password: Option<PasswordHash>,
    },
    /// The room was closed, with everybody put out, or opened.
    DoorChanged {
        /// By whom it is closed and why; absent: it is open.
        closed: Option<Closed>,
    },
    /// The platform's staff put everybody out of the room.
    Closed {
        /// The reason, in the words of the member of staff.
        reason: String,
    },
}

/// What a chat line with an image has beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageLine {
    /// The user who writes it.
    pub from: Person,
    /// The text; empty if there is none.
    pub text: String,
    /// The users whom it mentions.
    pub mentions: Vec<UserId>,
    /// The line to which it replies.
    pub reply_to: Option<Quote>,
}

/// A hard command as it is given to the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HardWrite {
    /// The room.
    pub room: RoomId,
    /// The epoch in which the room decided. Nothing is written if it is over.
    pub epoch: i64,
    /// The operation, under which the fact is stored.
    pub operation: Operation,
    /// What the command makes true, or why the room refuses it. For a refusal nothing is written: the operation is only
    /// looked up, because it may be the retry of one that was done.
    pub verdict: Result<Fact, ErrorBody>,
    /// The `seq` of the room's last event when it decided. It is stored with the fact, because the answer to the command
    /// and to each retry of it names it.
    pub seq: u64,
    /// When the room decided, by its own clock: what the times of the fact are counted from.
    pub at: Timestamp,
    /// The id of the HTTP request by which the platform's staff had it done, which stands in the audit log; `None` for an act
    /// of the room's own people. In any case the entry of an act is written in the transaction of its fact.
    pub by_staff: Option<String>,
    /// What the fact takes from those whom the voice vendor may have connected. It is written with the fact, together with
    /// the jobs that tell the vendor.
    pub voice: Vec<Notice>,
}

/// A fact that the store has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The fact's id, which rises with every fact of the room.
    pub id: i64,
    /// The fact that was stored under the operation the first time.
    pub fact: Fact,
    /// The answer to the command. It was stored with the fact, so it is the same for ever.
    pub done: Done,
    /// Whether the operation had been stored before.
    pub replayed: bool,
}

/// A room's checkpoint, as a row of `room_checkpoints`.
#[derive(Clone, PartialEq, Debug)]
pub struct CheckpointRow {
    /// The room.
    pub room: RoomId,
    /// The epoch in which it was made. Nothing is written if it is over.
    pub epoch: i64,
    /// The last event that it includes.
    pub seq: u64,
    /// The number of the last announced gift.
    pub gift_no: i64,
    /// The seats and the remembered operations.
    pub state: Checkpoint,
}

/// Why a write has not been done, or is not known to have been done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WriteError {
    /// Another owner has claimed the room, so this actor must stop.
    #[error("the room has another owner")]
    Fenced,
    /// The operation was used before, with other content.
    #[error("the operation was used before with other content")]
    Conflict,
    /// The fact is about a user who does not exist, so it was not written.
    #[error("there is no such user")]
    NoSuchUser,
    /// It may have been written. Writing again with the same operation tells.
    #[error("the answer was lost: {0}")]
    Unknown(String),
    /// It was not written, because what it names is not there or belongs to others.
    #[error("refused: {0}")]
    Refused(Box<ErrorBody>),
    /// It was not written, and will not be.
    #[error("the store refused: {0}")]
    Failed(String),
}

/// The port by which a room reaches the store.
pub trait Facts: Send + Sync + 'static {
    /// Writes a fact, once per operation. For a refusal it only looks the operation up: `None` if nothing is stored
    /// under it.
    fn write(&self, write: HardWrite) -> PortFuture<Result<Option<Written>, WriteError>>;

    /// Replaces the room's checkpoint.
    fn checkpoint(&self, row: CheckpointRow) -> PortFuture<Result<(), WriteError>>;

    /// The checkpoints of all rooms of this node that were lately written in a second.
    fn checkpoints_a_second(&self) -> u32;

    /// Gives the room back, so that any node may claim it at once. If that fails, the node's lease must end first.
    fn release(&self, room: RoomId, epoch: i64) -> PortFuture<()>;
}

/// The facts in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgFacts {
    edge: Edge,
    timeout: Duration,
    rooms_user: u32,
    voice: Voice,
    checkpoints: Checkpoints,
}

impl PgFacts {
    /// The facts of all rooms of this node. Transactions are opened on `edge`; a write that takes longer than `timeout`
    /// counts as unanswered. Nobody is handed a room who has `rooms_user` of them; 0 is any number. It starts the task that
    /// writes checkpoints.
    pub fn new(edge: Edge, timeout: Duration, rooms_user: u32, voice: Voice, supervisor: &Supervisor) -> Self {
        let checkpoints = Checkpoints::start(edge.clone(), timeout, supervisor);
        Self { edge, timeout, rooms_user, voice, checkpoints }
    }
}

impl Facts for PgFacts {
    fn write(&self, write: HardWrite) -> PortFuture<Result<Option<Written>, WriteError>> {
        let (edge, timeout, rooms_user, voice) = (self.edge.clone(), self.timeout, self.rooms_user, self.voice.clone());
        let written = async move {
            let mut tx = edge.begin().await?;
            let written = write_fact(&mut tx, &write, rooms_user).await?;
            if written.as_ref().is_some_and(|written| !written.replayed) {
                voice.note_with_fact(&mut tx, &write.voice).await?;
            }
            tx.commit().await?;
            Ok(written)
        };
        Box::pin(within(timeout, written))
    }

    fn checkpoint(&self, row: CheckpointRow) -> PortFuture<Result<(), WriteError>> {
        self.checkpoints.put(row)
    }

    fn checkpoints_a_second(&self) -> u32 {
        self.checkpoints.a_second()
    }

    fn release(&self, room: RoomId, epoch: i64) -> PortFuture<()> {
        let (edge, timeout) = (self.edge.clone(), self.timeout);
        Box::pin(async move {
            let released = within(timeout, async {
                let mut tx = edge.begin().await?;
                ownership::release(&mut tx, room, epoch).await?;
                Ok(tx.commit().await?)
            });
            if let Err(error) = released.await {
                tracing::debug!(room.id = room.number(), %error, "the room was not given back");
            }
        })
    }
}

async fn write_fact(tx: &mut Tx, write: &HardWrite, rooms_user: u32) -> Result<Option<Written>, WriteError> {
    if !ownership::hold(tx, write.room, write.epoch).await? {
        return Err(WriteError::Fenced);
    }
    let stored = match &write.verdict {
        Ok(fact) => store::insert_fact(tx, write, fact).await?,
        Err(_) => None,
    };
    if let (Some(id), Ok(fact)) = (stored, &write.verdict) {
        if let Fact::OwnerChanged { owner, .. } = fact {
            record::check_allowance(tx, owner.id, rooms_user).await.map_err(refused)?;
            record::count_handover(tx, write.room).await.map_err(refused)?;
        }
        match store::put_fact(tx, id, write, fact).await? {
            // The transaction is dropped, so the fact is not kept.
            Applied::NoSuchUser => return Err(WriteError::NoSuchUser),
            // Staff has acted even if it was so already.
            Applied::NoChange if write.by_staff.is_none() => {}
            Applied::Yes | Applied::NoChange => conduct::record(tx, write, fact).await?,
        }
        match fact {
            Fact::RoomChanged { change } => change::put(tx, write.operation.actor, change).await?,
            Fact::PrivacyChanged { privacy, password, .. } => {
                door::put_privacy(tx, write.room, *privacy, password.as_ref()).await?;
            }
            Fact::ImagePosted { image, .. } => images::show(tx, write.room, write.operation.actor, *image).await?,
            Fact::LineRecalled { epoch, seq, image, .. } => {
                timeline::empty_line(tx, write.room, *epoch, *seq).await?;
                if let Some(image) = image {
                    images::withdraw(tx, write.room, *image).await?;
                }
            }
            Fact::DoorChanged { closed } => door::put_closed(tx, write.room, closed.as_ref()).await?,
            _ => {}
        }
        let done = Done { epoch: write.epoch, seq: write.seq, replayed: false };
        return Ok(Some(Written { id, fact: fact.clone(), done, replayed: false }));
    }
    let Some(before) = store::fact_of(tx, &write.operation).await? else { return Ok(None) };
    if before.body_hash != write.operation.body_hash {
        return Err(WriteError::Conflict);
    }
    let fact = match (before.fact, &write.verdict) {
        // The line is not stored. If the answer to the first attempt was lost, the room has it still.
        (Fact::ImagePosted { image, .. }, Ok(Fact::ImagePosted { line, .. })) => {
            Fact::ImagePosted { image, line: line.clone() }
        }
        (fact, _) => fact,
    };
    Ok(Some(Written { id: before.id, fact, done: before.done, replayed: true }))
}

/// A refusal by the rules is one of the command; anything else is a fault of the store.
fn refused(error: Error) -> WriteError {
    match error.body.code {
        ErrorCode::TooManyRooms | ErrorCode::NotPermitted => WriteError::Refused(error.body),
        _ => error.into(),
    }
}

/// Waits for the work; `Unknown` if it takes longer than `timeout`.
pub(super) async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, WriteError>>,
) -> Result<T, WriteError> {
    tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| Err(WriteError::Unknown("no answer in time".into())))
}

/// Converts the error of a transaction that could not be opened or committed.
impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        match error.source.map(|source| source.downcast::<sqlx::Error>()) {
            Some(Ok(source)) => Self::from(*source),
            Some(Err(source)) => Self::Failed(source.to_string()),
            None => Self::Failed(error.body.to_string()),
        }
    }
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        if is_outage(&error) || matches!(error, sqlx::Error::Protocol(_)) {
            Self::Unknown(text)
        } else {
            Self::Failed(text)
        }
    }
}
