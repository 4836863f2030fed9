//! Hard facts of a room and its checkpoint: what the store keeps, said by the room. Each write is
//! fenced by the epoch, and a fact is written once per operation.

use std::time::Duration;

use parlor_protocol::{ErrorBody, RoomId, UserId};
use serde::{Deserialize, Serialize};

use super::checkpoints::Checkpoints;
use super::port::PortFuture;
use super::state::Checkpoint;
use super::store;
use crate::cluster::ownership;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, is_outage};
use crate::kit::operation::Operation;
use crate::kit::supervise::Supervisor;
use crate::kit::tx::Tx;

/// What a hard command makes true, as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// Nobody may take the seat.
    SeatLocked {
        /// Which seat.
        seat: u8,
    },
    /// The seat may be taken again.
    SeatUnlocked {
        /// Which seat.
        seat: u8,
    },
    /// Out of the room, and not in again before `until`.
    Kicked {
        /// Whom.
        user: UserId,
        /// Unix milliseconds.
        until: i64,
        /// In the words of who did it.
        reason: String,
    },
    /// Everybody was put out by the platform's staff.
    Closed {
        /// In the words of who did it.
        reason: String,
    },
}

/// A hard command for the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HardWrite {
    /// Of which room.
    pub room: RoomId,
    /// Under which epoch.
    pub epoch: i64,
    /// Whose operation.
    pub operation: Operation,
    /// What it makes true. A refusal writes nothing: the operation is only looked up, because what is
    /// refused now may be the retry of what was done.
    pub verdict: Result<Fact, ErrorBody>,
}

/// A stored fact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Rises with every fact of the room.
    pub id: i64,
    /// What was stored under the operation the first time.
    pub fact: Fact,
    /// The operation had been stored before.
    pub replayed: bool,
}

/// A room's checkpoint.
#[derive(Clone, PartialEq, Debug)]
pub struct CheckpointRow {
    /// Of which room.
    pub room: RoomId,
    /// Under which epoch.
    pub epoch: i64,
    /// As of which event.
    pub seq: u64,
    /// Gifts up to this number have been announced.
    pub gift_no: i64,
    /// Seats and memory.
    pub state: Checkpoint,
}

/// Why a write gave no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WriteError {
    /// Another owner has claimed the room: this one stops.
    #[error("the room has another owner")]
    Fenced,
    /// The operation was used before, for something else.
    #[error("the operation was used before with other content")]
    Conflict,
    /// It may have been written: ask again with the same operation.
    #[error("the answer was lost: {0}")]
    Unknown(String),
    /// It was not written and never will be.
    #[error("the store refused: {0}")]
    Failed(String),
}

/// The store's side of a room.
pub trait Facts: Send + Sync + 'static {
    /// Writes a fact, once per operation; `None`: there is nothing under the operation of a refusal.
    fn write(&self, write: HardWrite) -> PortFuture<Result<Option<Written>, WriteError>>;

    /// Replaces the checkpoint.
    fn checkpoint(&self, row: CheckpointRow) -> PortFuture<Result<(), WriteError>>;

    /// Gives the room back; a failure is of no consequence.
    fn release(&self, room: RoomId, epoch: i64) -> PortFuture<()>;
}

/// The facts in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgFacts {
    edge: Edge,
    timeout: Duration,
    checkpoints: Checkpoints,
}

impl PgFacts {
    /// Opens its transactions on this edge; an attempt that takes longer than `timeout` counts as unanswered.
    /// Starts the task that writes checkpoints.
    pub fn new(edge: Edge, timeout: Duration, supervisor: &Supervisor) -> Self {
        let checkpoints = Checkpoints::start(edge.clone(), timeout, supervisor);
        Self { edge, timeout, checkpoints }
    }
}

impl Facts for PgFacts {
    fn write(&self, write: HardWrite) -> PortFuture<Result<Option<Written>, WriteError>> {
        let (edge, timeout) = (self.edge.clone(), self.timeout);
        let written = async move {
            let mut tx = edge.begin().await?;
            let written = write_fact(&mut tx, &write).await?;
            tx.commit().await?;
            Ok(written)
        };
        Box::pin(within(timeout, written))
    }

    fn checkpoint(&self, row: CheckpointRow) -> PortFuture<Result<(), WriteError>> {
        self.checkpoints.put(row)
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

async fn write_fact(tx: &mut Tx, write: &HardWrite) -> Result<Option<Written>, WriteError> {
    if !ownership::hold(tx, write.room, write.epoch).await? {
        return Err(WriteError::Fenced);
    }
    let stored = match &write.verdict {
        Ok(fact) => store::insert_fact(tx, write, fact).await?,
        Err(_) => None,
    };
    if let (Some(id), Ok(fact)) = (stored, &write.verdict) {
        store::put_fact(tx, write.room, fact).await?;
        return Ok(Some(Written { id, fact: fact.clone(), replayed: false }));
    }
    let Some(before) = store::fact_of(tx, &write.operation).await? else { return Ok(None) };
    if before.body_hash != write.operation.body_hash {
        return Err(WriteError::Conflict);
    }
    Ok(Some(Written { id: before.id, fact: before.fact, replayed: true }))
}

/// Does this within its time.
pub(super) async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, WriteError>>,
) -> Result<T, WriteError> {
    tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| Err(WriteError::Unknown("no answer in time".into())))
}

/// Of a transaction that could not be opened or committed.
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
