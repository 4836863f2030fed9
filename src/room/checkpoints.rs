//! Writes the checkpoints of many rooms in one statement. A checkpoint that comes alone is written at once; if many
//! come, they are gathered for a tenth of a second.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
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

/// The most checkpoints of one statement.
const BATCH: usize = 256;
/// The most bytes of packed memories in one statement. A single checkpoint may have more.
const BATCH_BYTES: usize = 512 * 1024;
/// The time from the beginning of one statement to that of the next, unless the first was full.
const EVERY: Duration = Duration::from_millis(100);
/// The most checkpoints that wait for their turn. When there are more, rooms wait; each has one at a time.
const QUEUE: usize = 1_024;
/// The time over which written checkpoints are counted.
const COUNTED_OVER: Duration = Duration::from_secs(1);
/// The time in which a count that was higher is forgotten. Rooms that wait because of it write in waves, so it must last
/// longer than they wait.
const FORGOTTEN_IN: Duration = Duration::from_secs(8);

type Kept = Result<(), WriteError>;

/// The queue of the task that writes checkpoints. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Checkpoints {
    queue: mpsc::Sender<Pending>,
    a_second: Arc<AtomicU32>,
}

/// A checkpoint that waits for its turn, and where the outcome is sent.
#[derive(Debug)]
struct Pending {
    row: CheckpointRow,
    reply: oneshot::Sender<Kept>,
}

impl Checkpoints {
    /// Starts the task that writes checkpoints until the supervisor stops. `timeout` bounds one statement.
    pub(super) fn start(edge: Edge, timeout: Duration, supervisor: &Supervisor) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (until, a_second) = (supervisor.stop().child_token(), Arc::<AtomicU32>::default());
        let pace = Pace { since: Instant::now(), count: 0, a_second: a_second.clone() };
        supervisor.engine("writer of checkpoints", &until, run(edge, timeout, waiting, pace, until.clone()));
        Self { queue, a_second }
    }

    /// How many checkpoints were written in a second, when they were last counted.
    pub(super) fn a_second(&self) -> u32 {
        self.a_second.load(Ordering::Relaxed)
    }

    /// Replaces a room's checkpoint. The future ends when it is written or refused.
    pub(super) fn put(&self, row: CheckpointRow) -> PortFuture<Kept> {
        let queue = self.queue.clone();
        Box::pin(async move {
            let gone = || WriteError::Unknown("the task that writes checkpoints has ended".to_owned());
            let (reply, kept) = oneshot::channel();
            queue.send(Pending { row, reply }).await.map_err(|_| gone())?;
            kept.await.map_err(|_| gone())?
        })
    }
}

/// Counts the checkpoints that are written. A higher count is told at once, a lower one step by step.
struct Pace {
    since: Instant,
    count: u32,
    a_second: Arc<AtomicU32>,
}

impl Pace {
    /// Counts a batch. What was counted in the time before it is told once that time is over.
    fn count(&mut self, rows: usize, now: Instant) {
        let over = now - self.since;
        if over >= COUNTED_OVER {
            let counted = f64::from(self.count) / over.as_secs_f64();
            let before = f64::from(self.a_second.load(Ordering::Relaxed));
            let fallen = before + (counted - before) * over.div_duration_f64(FORGOTTEN_IN).min(1.0);
            self.a_second.store(counted.max(fallen) as u32, Ordering::Relaxed);
            (self.since, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(u32::try_from(rows).unwrap_or(u32::MAX));
    }
}

async fn run(
    edge: Edge,
    timeout: Duration,
    mut queue: mpsc::Receiver<Pending>,
    mut pace: Pace,
    until: CancellationToken,
) {
    let mut waiting = Vec::with_capacity(BATCH);
    let mut next_at = Instant::now();
    loop {
        if waiting.is_empty() {
            tokio::select! {
                biased;
                taken = queue.recv_many(&mut waiting, BATCH) => if taken == 0 {
                    // Nothing is left that could send a checkpoint. The supervisor reads from this token that the end
                    // is no failure.
                    return until.cancel();
                },
                () = until.cancelled() => return,
            }
        }
        let gather = async { while waiting.len() < BATCH && queue.recv_many(&mut waiting, BATCH).await > 0 {} };
        // It ends early if the batch is full or if nothing is left that could send more.
        let _ = timeout_at(next_at, gather).await;
        let (batch, later) = divide(waiting);
        waiting = later;
        pace.count(batch.len(), Instant::now());
        next_at = Instant::now() + if waiting.is_empty() { EVERY } else { Duration::ZERO };
        write(&edge, timeout, batch).await;
    }
}

/// Divides the checkpoints into those of this statement and those that wait for the next one. If a room has two, the
/// second comes from a later actor and must be written after the first.
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
            tracing::warn!(
                %error,
                rooms = batch.len(),
                "the store refused a batch of checkpoints; they are written one by one"
            );
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
        // A room whose row is locked by a claim that hangs must not hold up the others. The statement then fails, and
        // the checkpoints are written one by one.
        store::wait_briefly(&mut tx).await?;
        let held = store::put_checkpoints(&mut tx, &rows).await?;
        // Otherwise every connection of the pool would keep buffers as large as the largest batch.
        tx.shrink_buffers();
        tx.commit().await?;
        Ok(held)
    })
    .await
}

/// Sends the outcome to the room. It is dropped if the room has ended.
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
    async fn checkpoints_that_do_not_fit_a_full_statement_are_written_by_the_next_one_at_once() {
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
    fn checkpoints_are_counted_by_the_second() {
        let (a_second, start) = (Arc::<AtomicU32>::default(), Instant::now());
        let mut pace = Pace { since: start, count: 0, a_second: a_second.clone() };
        for tenth in 1..=20 {
            pace.count(30, start + Duration::from_millis(100 * tenth));
        }
        let high = a_second.load(Ordering::Relaxed);
        assert!((270..=300).contains(&high), "{high} at once");
        pace.count(1, start + Duration::from_secs(4));
        let lower = a_second.load(Ordering::Relaxed);
        assert!(lower < high && lower > high / 2, "{lower} after two quiet seconds");
        pace.count(1, start + Duration::from_secs(60));
        assert!(a_second.load(Ordering::Relaxed) <= 5, "after a quiet minute: {a_second:?}");
    }

    #[test]
    fn a_statement_has_each_room_once_and_is_bounded_in_rooms_and_bytes() {
        assert_eq!(goes(vec![pending(1, 0), pending(2, 0), pending(1, 0)]), (2, 1));
        assert_eq!(goes((0..300).map(|room| pending(room, 0)).collect()), (BATCH, 300 - BATCH));
        assert_eq!(goes((0..5).map(|room| pending(room, BATCH_BYTES / 2)).collect()), (2, 3));
        assert_eq!(
            goes(vec![pending(1, BATCH_BYTES + 1), pending(2, 0)]),
            (1, 1),
            "a checkpoint that is too large is written alone"
        );
    }
}
