//! Checkpoints on their way to the store: those of many rooms go in one statement. One that comes alone goes at once;
//! where rooms are many, a tenth of a second gathers theirs.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::Connection as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::facts::{CheckpointRow, WriteError, within};
use super::port::PortFuture;
use super::store;
use crate::kit::edge::Edge;
use crate::kit::supervise::Supervisor;

/// Checkpoints of one statement at most, and bytes of their memories.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 512 * 1024;
/// From the beginning of one statement to that of the next, unless the first was full.
const EVERY: Duration = Duration::from_millis(100);
/// Checkpoints that wait for their turn; a room has one at a time, and waits when there is no place.
const QUEUE: usize = 1_024;

type Kept = Result<(), WriteError>;

/// Where checkpoints are handed in.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints(mpsc::Sender<Pending>);

/// A checkpoint that waits for its turn, and where its end is told.
#[derive(Debug)]
struct Pending {
    row: CheckpointRow,
    reply: oneshot::Sender<Kept>,
}

impl Checkpoints {
    /// Starts the task that writes until the supervisor stops; what waits then is still written.
    pub(super) fn start(edge: Edge, timeout: Duration, supervisor: &Supervisor) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let until = supervisor.stop().child_token();
        supervisor.engine("writer of checkpoints", &until, run(edge, timeout, waiting, until.clone()));
        Self(queue)
    }

    /// Replaces a room's checkpoint.
    pub(super) fn put(&self, row: CheckpointRow) -> PortFuture<Kept> {
        let queue = self.0.clone();
        Box::pin(async move {
            let gone = || WriteError::Unknown("the task that writes checkpoints has ended".to_owned());
            let (reply, kept) = oneshot::channel();
            queue.send(Pending { row, reply }).await.map_err(|_| gone())?;
            kept.await.map_err(|_| gone())?
        })
    }
}

async fn run(edge: Edge, timeout: Duration, mut queue: mpsc::Receiver<Pending>, until: CancellationToken) {
    let mut waiting = Vec::with_capacity(BATCH);
    let mut next_at = Instant::now();
    loop {
        if waiting.is_empty() {
            tokio::select! {
                biased;
                taken = queue.recv_many(&mut waiting, BATCH) => if taken == 0 {
                    // No room is left that could hand one in.
                    return until.cancel();
                },
                () = until.cancelled() => return,
            }
        }
        let gather = async { while waiting.len() < BATCH && queue.recv_many(&mut waiting, BATCH).await > 0 {} };
        // Nobody who could send more is no reason to wait.
        let _ = timeout_at(next_at, gather).await;
        let (batch, later) = divide(waiting);
        waiting = later;
        next_at = Instant::now() + if waiting.is_empty() { EVERY } else { Duration::ZERO };
        write(&edge, timeout, batch).await;
    }
}

/// What goes now, and what waits for the next statement. A room's second one is another actor's: it goes behind the
/// first.
fn divide(waiting: Vec<Pending>) -> (Vec<Pending>, Vec<Pending>) {
    let (mut rooms, mut bytes) = (HashSet::new(), 0);
    waiting.into_iter().partition(|pending| {
        bytes += pending.row.state.memory.0.len();
        let fits = rooms.is_empty() || (rooms.len() < BATCH && bytes <= BATCH_BYTES);
        fits && rooms.insert(pending.row.room)
    })
}

async fn write(edge: &Edge, timeout: Duration, batch: Vec<Pending>) {
    match put(edge, timeout, &batch).await {
        Err(WriteError::Failed(error)) if batch.len() > 1 => {
            tracing::warn!(%error, rooms = batch.len(), "checkpoints are written one by one: the store refuses some");
            for pending in batch {
                Box::pin(write(edge, timeout, vec![pending])).await;
            }
        }
        Err(error) => batch.into_iter().for_each(|pending| tell(pending.reply, Err(error.clone()))),
        Ok(held) => {
            for pending in batch {
                let kept = if held.contains(&pending.row.room) { Ok(()) } else { Err(WriteError::Fenced) };
                tell(pending.reply, kept);
            }
        }
    }
}

async fn put(
    edge: &Edge,
    timeout: Duration,
    batch: &[Pending],
) -> Result<HashSet<parlor_protocol::RoomId>, WriteError> {
    let rows: Vec<&CheckpointRow> = batch.iter().map(|pending| &pending.row).collect();
    within(timeout, async {
        let mut tx = edge.begin().await?;
        // A room whose claim hangs must not hold up the others: it is refused, and the rest goes one by one.
        store::wait_briefly(&mut tx).await?;
        let held = store::put_checkpoints(&mut tx, &rows).await?;
        // Else every connection of the pool would keep as much as the largest batch took.
        tx.shrink_buffers();
        tx.commit().await?;
        Ok(held)
    })
    .await
}

/// A room that has ended does not listen any more.
fn tell(reply: oneshot::Sender<Kept>, kept: Kept) {
    let _ = reply.send(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::chance::Chance;
    use crate::kit::clock::{Clock, Timestamp};
    use crate::room::{Checkpoint, PackedMemory};

    fn pending(room: i64, bytes: usize) -> Pending {
        let room = parlor_protocol::RoomId::new(100_000_000 + room).expect("in range");
        let state = Checkpoint { memory: PackedMemory(vec![0; bytes]), ..Checkpoint::default() };
        Pending { row: CheckpointRow { room, epoch: 1, seq: 1, gift_no: 0, state }, reply: oneshot::channel().0 }
    }

    fn goes(waiting: Vec<Pending>) -> (usize, usize) {
        let (batch, later) = divide(waiting);
        (batch.len(), later.len())
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_full_statement_has_no_room_for_goes_with_the_next_one_at_once() {
        let nowhere = sqlx::postgres::PgConnectOptions::new().socket("/nowhere").username("nobody");
        let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy_with(nowhere);
        let edge = Edge::new(pool, Clock::held(Timestamp(1)), Chance::seeded(1));
        let checkpoints = Checkpoints::start(edge, Duration::from_secs(5), &Supervisor::default());
        let began = Instant::now();
        let rows = (1..=20).map(|room| checkpoints.put(pending(room, BATCH_BYTES / 2 + 1).row));
        for kept in futures_util::future::join_all(rows).await {
            kept.expect_err("there is no store");
        }
        assert!(began.elapsed() < EVERY * 2, "twenty statements took {:?}", began.elapsed());
    }

    #[test]
    fn a_statement_has_each_room_once_and_is_bounded_in_rooms_and_bytes() {
        assert_eq!(goes(vec![pending(1, 0), pending(2, 0), pending(1, 0)]), (2, 1));
        assert_eq!(goes((0..300).map(|room| pending(room, 0)).collect()), (BATCH, 300 - BATCH));
        assert_eq!(goes((0..5).map(|room| pending(room, BATCH_BYTES / 2)).collect()), (2, 3));
        assert_eq!(goes(vec![pending(1, BATCH_BYTES + 1), pending(2, 0)]), (1, 1), "a large one goes alone");
    }
}
