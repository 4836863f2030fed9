//! The task that packs what rooms hand over and writes it, many rooms in one transaction. It is fenced by the rooms' epochs:
//! of a room that has another owner nothing is written. While the store is away it keeps what it has and tries again, and the
//! queue fills.

use std::collections::HashSet;
use std::mem::take;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sqlx::Connection as _;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Load;
use super::batch::{Batch, Lost};
use super::packing::Packer;
use super::store::{self, Row};
use crate::kit::edge::Edge;
use crate::room::facts::{WriteError, within};
use crate::room::store::wait_briefly;
use crate::room::visits::{self, Moves};
use crate::telemetry::metric;

/// The most batches of one transaction.
const BATCH: usize = 512;
/// The most bytes of one transaction, before they are packed. A single batch may have more.
const BATCH_BYTES: usize = 2 << 20;
/// The time from the beginning of one transaction to that of the next, unless the first was full.
const EVERY: Duration = Duration::from_millis(250);
/// The wait before the store is asked again that was away.
const AGAIN: Duration = Duration::from_millis(500);
/// How often the server notes that it is alive.
const MARK: Duration = Duration::from_secs(5);
/// The longest that a stop waits for what is left.
const LAST_WAIT: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    edge: Edge,
    timeout: Duration,
    incarnation: i64,
    load: Arc<Load>,
    packer: Packer,
    /// When it was last noted that the server is alive; absent before the first visit.
    marked: Option<Instant>,
    failing: bool,
    /// The beginning of the last transaction.
    began: Instant,
}

/// What one transaction writes.
#[derive(Default)]
struct Packed {
    rooms: Vec<i64>,
    epochs: Vec<i64>,
    rows: Vec<Row>,
    moves: Moves,
    events: u64,
}

impl Writer {
    /// A writer of this incarnation of the server. `timeout` bounds one transaction.
    pub(super) fn new(edge: Edge, timeout: Duration, incarnation: i64, load: Arc<Load>) -> Self {
        let (packer, began) = (Packer::new(), Instant::now());
        Self { edge, timeout, incarnation, load, packer, marked: None, failing: false, began }
    }

    /// Writes until `until` is cancelled, and then what is left.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Batch>, until: CancellationToken) {
        let mut waiting = Vec::new();
        let mut next_at = Instant::now();
        loop {
            if waiting.is_empty() {
                tokio::select! {
                    biased;
                    taken = queue.recv_many(&mut waiting, BATCH) => if taken == 0 {
                        // No room is left that could hand anything over. The supervisor reads from this token that the
                        // end is no failure.
                        return until.cancel();
                    },
                    () = until.cancelled() => return,
                    () = sleep(MARK), if self.marked.is_some() => {
                        self.mark().await;
                        continue;
                    }
                }
            }
            let gather = async { while waiting.len() < BATCH && queue.recv_many(&mut waiting, BATCH).await > 0 {} };
            // It ends early if the batch is full, or if no room is left.
            let _ = timeout_at(next_at, gather).await;
            let (batches, later) = divide(waiting);
            waiting = later;
            let full = !waiting.is_empty();
            self.write(batches, &until).await;
            next_at = if full { Instant::now() } else { self.began + EVERY };
            if until.is_cancelled() {
                queue.close();
                while queue.recv_many(&mut waiting, BATCH).await > 0 {}
                let left = async {
                    while !waiting.is_empty() {
                        let (batches, later) = divide(take(&mut waiting));
                        waiting = later;
                        self.write(batches, &until).await;
                    }
                };
                let _ = timeout(LAST_WAIT, left).await;
                return;
            }
        }
    }

    /// Writes these batches. It returns when they are written, refused, or the server stops while the store is away.
    async fn write(&mut self, batches: Vec<Batch>, until: &CancellationToken) {
        let packed = self.pack(&batches).await;
        let before = std::mem::replace(&mut self.began, Instant::now());
        self.count(packed.rows.len(), self.began - before);
        loop {
            match self.put(&packed).await {
                Ok(()) => {
                    self.failing = false;
                    if !packed.moves.is_empty() {
                        self.marked = Some(Instant::now());
                    }
                    metric::TIMELINE_EVENTS.add_of("written", packed.events);
                    break;
                }
                Err(WriteError::Unknown(error)) => {
                    if !self.failing {
                        self.failing = true;
                        tracing::warn!(error, "timelines could not be written: it is tried again, and rooms go on");
                    }
                    tokio::select! {
                        () = sleep(AGAIN) => {}
                        () = until.cancelled() => break,
                    }
                }
                Err(error) if batches.len() > 1 => {
                    tracing::warn!(%error, rooms = batches.len(), "the store refused timelines; they are written one by one");
                    for batch in batches {
                        Box::pin(self.write(vec![batch], until)).await;
                    }
                    return;
                }
                Err(error) => {
                    let room = batches.first().map(|batch| batch.room.number());
                    tracing::error!(%error, room.id = room, "the store refused a part of a room's timeline, which is lost");
                    metric::TIMELINE_EVENTS.add_of("dropped", packed.events);
                    break;
                }
            }
        }
        for batch in batches {
            self.load.release(batch.bytes);
            if let Some(done) = batch.done {
                // The room may not wait any more.
                let _ = done.send(());
            }
        }
    }

    async fn put(&self, packed: &Packed) -> Result<(), WriteError> {
        let Packed { rooms, epochs, rows, moves, .. } = packed;
        // Where people only talk, batches come without a pause, and the server must still be known to live.
        let marks = !moves.is_empty() || self.marked.is_some_and(|at| at.elapsed() >= MARK);
        let now = self.edge.now().0;
        within(self.timeout, async {
            let mut tx = self.edge.begin().await?;
            // A room whose row is locked by a claim that hangs must not hold up the others for long.
            wait_briefly(&mut tx).await?;
            let held = store::hold(&mut tx, rooms, epochs).await?;
            let holds = |room: i64, epoch: i64| held.contains(&(room, epoch));
            if rooms.iter().zip(epochs).all(|(room, epoch)| holds(*room, *epoch)) {
                store::insert(&mut tx, rows).await?;
                moves.put(&mut tx, self.incarnation).await?;
            } else {
                let kept: Vec<Row> = rows.iter().filter(|row| holds(row.room, row.epoch)).cloned().collect();
                let mut moves = moves.clone();
                moves.retain(holds);
                store::insert(&mut tx, &kept).await?;
                moves.put(&mut tx, self.incarnation).await?;
            }
            if marks {
                visits::mark(&mut tx, self.incarnation, now).await?;
            }
            // Otherwise every connection of the pool would keep buffers as large as the largest batch.
            tx.shrink_buffers();
            tx.commit().await?;
            Ok(())
        })
        .await
    }

    /// Notes that the server is alive. A failure is not said: what could not be written is said.
    async fn mark(&mut self) {
        let now = self.edge.now().0;
        let marked = async {
            let mut tx = self.edge.begin().await?;
            visits::mark(&mut tx, self.incarnation, now).await?;
            Ok(tx.commit().await?)
        };
        if let Err(error) = within(self.timeout, marked).await {
            tracing::debug!(%error, "it could not be noted that visits go on");
        }
    }

    /// Tells rooms how many rows are written in a second.
    fn count(&self, rows: usize, over: Duration) {
        let now = rows as f64 / over.max(EVERY).as_secs_f64();
        let before = f64::from(self.load.a_second.load(Ordering::Relaxed));
        // The mean of the last few transactions, so that rooms do not wait in waves.
        self.load.a_second.store((before * 0.8 + now * 0.2) as u32, Ordering::Relaxed);
    }

    async fn pack(&mut self, batches: &[Batch]) -> Packed {
        let mut packed = Packed::default();
        for batch in batches {
            let (room, epoch) = (batch.room.number(), batch.epoch);
            packed.rooms.push(room);
            packed.epochs.push(epoch);
            packed.moves.add(batch.room, epoch, batch.roll.as_ref(), &batch.traces);
            packed.events += batch.events.len() as u64;
            if let Some(lost) = batch.lost {
                packed.rows.push(gap(room, epoch, lost));
            }
            packed.rows.extend(self.stretch(batch));
            if let Some((seq, at)) = batch.end {
                let (first_seq, last_seq) = (number(seq) + 1, number(seq));
                let (began, kind) = (at.0, store::END);
                let row =
                    Row { room, epoch, first_seq, last_seq, kind, began, ended: began, keyframe: None, events: None };
                packed.rows.push(row);
            }
            // To pack takes up to a millisecond, and others want the thread too.
            tokio::task::yield_now().await;
        }
        packed
    }

    fn stretch(&mut self, batch: &Batch) -> Option<Row> {
        let (first, last) = batch.events.first().zip(batch.events.last())?;
        let bytes = batch.events.iter().map(|kept| kept.frame.bytes().len() + 1).sum();
        let mut text = Vec::with_capacity(bytes);
        for kept in &batch.events {
            text.extend_from_slice(kept.frame.payload().as_bytes());
            text.push(b'\n');
        }
        let keyframe = batch.keyframe.as_ref().map(|scene| {
            let text = serde_json::to_vec(scene).expect("a scene has string keys and no failing serializer");
            self.packer.pack(&text)
        });
        Some(Row {
            room: batch.room.number(),
            epoch: batch.epoch,
            first_seq: number(first.seq),
            last_seq: number(last.seq),
            kind: store::EVENTS,
            began: first.at.0,
            ended: last.at.0,
            keyframe,
            events: Some(self.packer.pack(&text)),
        })
    }
}

/// The row that says that nothing is kept of these events.
fn gap(room: i64, epoch: i64, lost: Lost) -> Row {
    Row {
        room,
        epoch,
        first_seq: number(lost.first),
        last_seq: number(lost.last),
        kind: store::GAP,
        began: lost.began.0,
        ended: lost.ended.0,
        keyframe: None,
        events: None,
    }
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Divides the batches into those of this transaction and those that wait for the next one. A roll is the first that a
/// transaction has of its room, and behind a batch that waits all of its room wait.
fn divide(waiting: Vec<Batch>) -> (Vec<Batch>, Vec<Batch>) {
    let (mut rooms, mut wait) = (HashSet::new(), HashSet::new());
    let (mut count, mut bytes) = (0, 0);
    waiting.into_iter().partition(|batch| {
        let fits = count == 0 || (count < BATCH && bytes + batch.bytes <= BATCH_BYTES);
        let goes = fits && !wait.contains(&batch.room) && !(batch.roll.is_some() && rooms.contains(&batch.room));
        if goes {
            (count, bytes) = (count + 1, bytes + batch.bytes);
            rooms.insert(batch.room);
        } else {
            wait.insert(batch.room);
        }
        goes
    })
}
