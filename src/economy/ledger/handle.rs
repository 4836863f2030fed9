//! The ledger as the rest of the house holds it: orders in, no waiting.

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

/// The node's one way to move money.
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
    /// Starts the writer with a connection of its own, outside every pool. `node` names the process in
    /// the chain; `kinds` are the postings that it can do. What a batch has changed goes to `on_commit`; where
    /// that is full it is dropped, the tables have it. When the supervisor stops, or at [`Ledger::drain`], what
    /// is queued is still done.
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
            drop(end); // also when the writer panics: nobody waits for a drain for ever
        });
        Self { queue, kinds, answer: settings.answer(), closing, ended, well }
    }

    /// Queues an order and returns at once; its answer comes when the commit is known. A full queue
    /// answers `busy` at once, and so does a ledger that is closing.
    pub fn submit(&self, order: Order) {
        let pending = Pending { order, deadline: Instant::now() + self.answer };
        if let Err(TrySendError::Full(refused) | TrySendError::Closed(refused)) = self.queue.try_send(pending) {
            (refused.order.reply)(Err(ErrorCode::Busy.into()));
        }
    }

    /// Does an order of a kind and waits for its answer.
    ///
    /// # Errors
    /// What the kind refuses; `insufficient_funds`, `amount_out_of_range`, `user_not_found` without a wallet,
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

    /// Takes no more orders and waits until every queued one has its answer: at most
    /// `settings.answer_ms` and one attempt longer.
    pub async fn drain(&self) {
        self.closing.cancel();
        self.ended.cancelled().await;
    }

    /// How many orders wait, and how many may.
    pub fn queue(&self) -> (usize, usize) {
        (self.queue.max_capacity() - self.queue.capacity(), self.queue.max_capacity())
    }

    /// Whether the writer lives, and its connection answered when it was last asked: by an order, or within
    /// the last seconds.
    pub fn is_well(&self) -> bool {
        *self.well.borrow() && !self.ended.is_cancelled()
    }

    /// Returns when the ledger is well, or has ended.
    pub async fn well(&self) {
        let _ = self.well.clone().wait_for(|well| *well).await;
    }

    /// Returns when the writer has ended: after a drain, or by a fault that the node must not outlive.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}
