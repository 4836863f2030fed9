//! The ledger as the rest of the house holds it: orders in, no waiting.

use parlor_protocol::{Coins, ErrorBody, ErrorCode, Op, UserId};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::order::{Committed, Grant, Order, TransferReceipt};
use super::settings::Settings;
use super::writer::{Pending, Writer};
use crate::kit::operation::Operation;
use crate::kit::supervise::Supervisor;

/// Coins that a new database's promotion account starts with.
const PROMOTION_STOCK: Coins = Coins(1_000_000_000_000);
/// The operation that issues them.
const STOCK: Op = Op(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001));
/// The operation of every user's welcome: operations are scoped to the user.
const WELCOME: Op = Op(Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0002));

/// The node's one way to move money.
#[derive(Clone, Debug)]
pub struct Ledger {
    queue: mpsc::Sender<Pending>,
    answer: std::time::Duration,
    closing: CancellationToken,
    ended: CancellationToken,
    well: watch::Receiver<bool>,
}

impl Ledger {
    /// Starts the writer with a connection of its own, outside every pool. `node` names the process in
    /// the chain. What a batch has changed goes to `on_commit`; where that is full it is dropped, the
    /// tables have it. When the supervisor stops, or at [`Ledger::drain`], what is queued is still done.
    pub fn start(
        writer: PgConnectOptions,
        node: impl Into<String>,
        settings: &Settings,
        on_commit: mpsc::Sender<Committed>,
        supervisor: &Supervisor,
    ) -> Self {
        let (queue, orders) = mpsc::channel(settings.queue);
        let (closing, ended) = (supervisor.stop().child_token(), CancellationToken::new());
        let (told, well) = watch::channel(false);
        let writer = Writer::new(writer, node.into(), settings.clone(), on_commit, told);
        let (until, end) = (closing.clone(), ended.clone().drop_guard());
        supervisor.engine("ledger writer", &closing, async move {
            writer.run(orders, until).await;
            drop(end); // also when the writer panics: nobody waits for a drain for ever
        });
        Self { queue, answer: settings.answer(), closing, ended, well }
    }

    /// Queues an order and returns at once; its answer comes when the commit is known. A full queue
    /// answers `busy` at once, and so does a ledger that is closing.
    pub fn submit(&self, order: Order) {
        let pending = Pending { order, deadline: Instant::now() + self.answer };
        if let Err(TrySendError::Full(refused) | TrySendError::Closed(refused)) = self.queue.try_send(pending) {
            refused.order.reply.send(Err(ErrorCode::Busy.into()));
        }
    }

    /// Grants coins from the promotion account, once however often the operation is repeated.
    ///
    /// # Errors
    /// As the ledger answers: `user_not_found`, `insufficient_funds` of the promotion account,
    /// `operation_conflict`, `busy`, `store_unavailable`.
    pub async fn grant(&self, operation: Operation, grant: Grant) -> Result<TransferReceipt, ErrorBody> {
        let (reply, answer) = oneshot::channel();
        self.submit(Order::grant(operation, grant, reply));
        answer.await.unwrap_or_else(|_| Err(ErrorCode::StoreUnavailable.into()))
    }

    /// Issues coins into the promotion account, once however often the operation is repeated.
    ///
    /// # Errors
    /// As [`Ledger::grant`].
    pub async fn issue(&self, op: Op, amount: Coins) -> Result<TransferReceipt, ErrorBody> {
        let (reply, answer) = oneshot::channel();
        let hash = crate::kit::operation::hash(format!("issue {}", amount.0).as_bytes());
        self.submit(Order::issuance(op, hash, amount, reply));
        answer.await.unwrap_or_else(|_| Err(ErrorCode::StoreUnavailable.into()))
    }

    /// Fills the promotion account of a new database, once in its life.
    ///
    /// # Errors
    /// As [`Ledger::grant`].
    pub async fn stock_promotion(&self) -> Result<TransferReceipt, ErrorBody> {
        self.issue(STOCK, PROMOTION_STOCK).await
    }

    /// Gives a new user coins from the promotion account, once in the user's life whatever the amount.
    ///
    /// # Errors
    /// As [`Ledger::grant`].
    pub async fn welcome(&self, user: UserId, amount: Coins) -> Result<TransferReceipt, ErrorBody> {
        self.grant(Operation::of_system(WELCOME, user, "welcome"), Grant { to: user, amount }).await
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
