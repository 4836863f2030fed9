//! The handle of the ledger, by which the rest of the program gives orders to the writer.

use parlor_protocol::{ErrorBody, ErrorCode};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::order::{By, Committed, Order};
use super::posting::{Kind, Kinds};
use super::settings::Settings;
use super::writer::{Pending, Writer};
use crate::kit::operation::Operation;
use crate::kit::supervise::Supervisor;

/// The handle of the node's ledger, which is the only way to move money. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    queue: mpsc::Sender<Pending>,
    kinds: Kinds,
    answer: std::time::Duration,
    closing: CancellationToken,
    ended: CancellationToken,
    well: watch::Receiver<bool>,
}

impl Ledger {
    /// Starts the writer, which has a connection of its own outside every pool. `node` names the process in the table
    /// of writers; `kinds` are the kinds of postings that it accepts. What a batch has changed is sent to `on_commit`;
    /// if that channel is full it is dropped, because the tables have it. When the supervisor stops, or after
    /// [`Ledger::drain`], queued orders are still done.
    pub fn start(
        writer: PgConnectOptions,
        node: impl Into<String>,
        settings: &Settings,
        kinds: Kinds,
        on_commit: mpsc::Sender<Committed>,
        supervisor: &Supervisor,
    ) -> Self {
        let (queue, orders) = mpsc::channel(settings.queue);
        let (closing, ended) = (supervisor.stop().child_token(), CancellationToken::new());
        let (told, well) = watch::channel(false);
        let writer = Writer::new(writer, node.into(), settings.clone(), kinds.clone(), on_commit, told);
        let (until, end) = (closing.clone(), ended.clone().drop_guard());
        supervisor.engine("ledger writer", &closing, async move {
            writer.run(orders, until).await;
            drop(end); // dropped by a panic too, so that nobody waits for the writer for ever
        });
        Self { queue, kinds, answer: settings.answer(), closing, ended, well }
    }

    /// Queues an order and returns at once. Its answer comes when the commit is known. If the queue is full or the
    /// ledger is closing, the answer is `busy` at once.
    pub fn submit(&self, order: Order) {
        let pending = Pending { order, deadline: Instant::now() + self.answer };
        if let Err(TrySendError::Full(refused) | TrySendError::Closed(refused)) = self.queue.try_send(pending) {
            (refused.order.reply)(Err(ErrorCode::Busy.into()));
        }
    }

    /// Submits an order of kind `K` and waits for its answer.
    ///
    /// # Errors
    /// The errors of the kind; `insufficient_funds`, `amount_out_of_range`, `user_not_found` without a wallet,
    /// `operation_conflict`, `busy`, `store_unavailable`.
    pub async fn post<K: Kind>(&self, operation: Operation, by: By, order: K::Order) -> Result<K::Receipt, ErrorBody> {
        let (reply, answer) = oneshot::channel();
        self.submit(Order::new::<K>(operation, by, order, reply));
        answer.await.unwrap_or_else(|_| Err(ErrorCode::StoreUnavailable.into()))
    }

    /// The kinds of postings that this ledger knows.
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Stops taking orders, and waits until every queued one has its answer. This takes at most `answer_ms` and one
    /// attempt.
    pub async fn drain(&self) {
        self.closing.cancel();
        self.ended.cancelled().await;
    }

    /// How many orders are queued, and how many may be.
    pub fn queue(&self) -> (usize, usize) {
        (self.queue.max_capacity() - self.queue.capacity(), self.queue.max_capacity())
    }

    /// Whether the writer runs, and its connection worked when it was last used. An idle connection is tried every
    /// second.
    pub fn is_well(&self) -> bool {
        *self.well.borrow() && !self.ended.is_cancelled()
    }

    /// Returns when the ledger is well, or has ended.
    pub async fn well(&self) {
        let _ = self.well.clone().wait_for(|well| *well).await;
    }

    /// Returns when the writer has ended: after a drain, or by a panic, after which the node must stop.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}
