//! The one task that writes the journal: takes what waits, at most a batch, and sees it through.
//!
//! A batch has one of three ends: committed and answered; answered `internal` order by order, where the
//! bisection finds the one that the store refuses or that its kind panics over; or `store_unavailable` for
//! those whose time ran out. Whatever is uncertain is sent again: operations make that safe.

mod answer;
mod batch;
mod columns;
mod store;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use parlor_protocol::ErrorCode;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::batch::{BatchError, Chain};
use super::order::{Committed, Order};
use super::posting::{Kinds, System};
use super::settings::Settings;
use crate::kit::clock::{Clock, Timestamp};
use crate::telemetry::metric;

/// How often a connection that nobody uses is asked whether it lives, and one that is missing is made.
const LOOK: Duration = Duration::from_secs(1);

/// An order in the queue.
#[derive(Debug)]
pub(super) struct Pending {
    pub order: Order,
    /// When who waits is told that the store is away.
    pub deadline: Instant,
}

/// The writer's own connection, with the chain that it writes.
struct Session {
    connection: PgConnection,
    system: System,
    chain: Chain,
}

/// What an attempt came to, where it did not commit for certain.
enum Fault {
    /// The store is away or asks to be asked again, or the answer was lost: send the whole batch again.
    Away(BatchError),
    /// The store will not have it, or a kind panicked over it: an order in it is to blame.
    Refused(BatchError),
}

/// The state of the task.
pub(super) struct Writer {
    options: PgConnectOptions,
    node: String,
    settings: Settings,
    kinds: Kinds,
    on_commit: mpsc::Sender<Committed>,
    session: Option<Session>,
    /// Whether the last use of the store succeeded.
    well: watch::Sender<bool>,
}

impl Writer {
    pub fn new(
        options: PgConnectOptions,
        node: String,
        settings: Settings,
        kinds: Kinds,
        on_commit: mpsc::Sender<Committed>,
        well: watch::Sender<bool>,
    ) -> Self {
        let options = options.disable_statement_logging().application_name("parlor-ledger");
        Self { options, node, settings, kinds, on_commit, session: None, well }
    }

    /// Works until `stop` is cancelled and everything that is queued then has its answer.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Pending>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(self.settings.batch_max);
        let mut look = Duration::ZERO;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled(), if !orders.is_closed() => orders.close(),
                taken = orders.recv_many(&mut batch, self.settings.batch_max) => {
                    if taken == 0 {
                        break; // closed and empty
                    }
                    self.see_through(std::mem::take(&mut batch)).await;
                }
                () = sleep(look) => {
                    // Cut short by a stop: then the connection is given up with it.
                    let _ = stop.run_until_cancelled(self.look()).await;
                    look = LOOK;
                }
            }
        }
        if let Some(session) = self.session.take()
            && let Err(error) = session.connection.close().await
        {
            info!(%error, "the ledger's connection did not close cleanly; everything was committed before");
        }
    }

    /// Brings every order of a batch to an answer.
    async fn see_through(&mut self, batch: Vec<Pending>) {
        // The part to do next is last. A part that the store refuses is halved until one order is left.
        let mut parts = vec![batch];
        let mut failed = 0;
        while let Some(part) = parts.pop() {
            let mut part = expire(part);
            if part.is_empty() {
                continue;
            }
            let began = Instant::now();
            match self.attempt(&part).await {
                Ok(settled) => {
                    metric::LEDGER_GROUP.record(part.len() as f64);
                    metric::LEDGER_GROUP_TIMES.record_time(began.elapsed());
                    failed = 0;
                    self.well.send_replace(true);
                    for (place, pending) in part.into_iter().enumerate() {
                        settled.answer(place, pending.order.reply);
                    }
                    self.announce(settled.committed);
                }
                Err(Fault::Away(error)) => {
                    // A new connection in any case: what is left of the old one is not to be trusted.
                    self.session = None;
                    self.well.send_replace(false);
                    metric::LEDGER_FAULTS.add_of("away", 1);
                    failed += 1;
                    warn!(%error, orders = part.len(), attempt = failed, "the ledger sends a batch again");
                    let pause = self.settings.backoff(failed);
                    let earliest = part.iter().map(|pending| pending.deadline).min();
                    sleep(earliest.map_or(pause, |at| pause.min(at.saturating_duration_since(Instant::now())))).await;
                    parts.push(part);
                }
                Err(Fault::Refused(error)) => {
                    metric::LEDGER_FAULTS.add_of(error.cause(), 1);
                    if part.len() > 1 {
                        warn!(%error, orders = part.len(), "the ledger halves a batch that cannot be done");
                        let right = part.split_off(part.len() / 2);
                        parts.extend([right, part]);
                    } else {
                        part.into_iter().for_each(|pending| self.give_up(pending, &error));
                    }
                }
            }
        }
    }

    /// Answers the one order that is to blame. Nothing of it is stored: the operation may be asked again.
    fn give_up(&self, pending: Pending, error: &BatchError) {
        let request = &pending.order.request;
        let kind = self.kinds.of(request.kind).map_or("unknown", |kind| kind.name());
        error!(%error, kind, op = %request.op, "an order that its kind or the store cannot do is answered internal");
        (pending.order.reply)(Err(ErrorCode::Internal.into()));
    }

    /// One transaction, within its time. A kind's panic ends the transaction and not the writer.
    async fn attempt(&mut self, part: &[Pending]) -> Result<answer::Settled, Fault> {
        let limit = self.settings.attempt();
        let work = async {
            if self.session.is_none() {
                // No order is to blame for a connection that is not to be had.
                self.session = Some(self.connect().await.map_err(|error| Fault::Away(error.into()))?);
            }
            let Session { connection, system, chain } = self.session.as_mut().expect("connected right above");
            batch::settle(connection, &self.kinds, system, chain, part, now()).await.map_err(Fault::of)
        };
        match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => {
                // It may have left a statement half read. The kinds keep nothing from one batch to the next.
                self.session = None;
                Err(Fault::Refused(BatchError::Panicked))
            }
            Err(_) => Err(Fault::Away(BatchError::Sql(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))),
        }
    }

    /// Makes sure, while nobody asks for anything, that the next order finds a connection; and that it is
    /// known if there is none.
    async fn look(&mut self) {
        let session = self.session.take();
        let work = async {
            match session {
                None => self.connect().await,
                Some(mut session) => session.connection.ping().await.map(|()| session),
            }
        };
        let looked = timeout(self.settings.attempt(), work).await;
        let looked = looked.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
        match looked {
            Ok(session) => {
                self.session = Some(session);
                self.well.send_replace(true);
            }
            Err(error) => {
                if self.well.send_replace(false) {
                    warn!(%error, "the ledger has lost its connection");
                }
            }
        }
    }

    async fn connect(&self) -> sqlx::Result<Session> {
        let mut connection = self.options.connect().await?;
        store::prepare(&mut connection, self.settings.attempt_ms).await?;
        let system = store::system(&mut connection).await?;
        let writer = store::insert_writer(&mut connection, &self.node).await?;
        info!(writer, "the ledger has a connection and starts a chain");
        Ok(Session { connection, system, chain: Chain::of_writer(writer) })
    }

    /// A hint: where nobody takes it, the tables have it.
    fn announce(&self, committed: Committed) {
        if committed != Committed::default() && self.on_commit.try_send(committed).is_err() {
            metric::ANNOUNCEMENTS_DROPPED.add(1);
            warn!("nobody takes what the ledger has committed; rooms will find it in the table");
        }
    }
}

impl Fault {
    fn of(error: BatchError) -> Self {
        match &error {
            BatchError::Sql(sql) if crate::kit::error::is_outage(sql) || asks_again(sql) => Self::Away(error),
            _ => Self::Refused(error),
        }
    }
}

/// A lock that was not to be had (55P03), or a server that turned read-only under us (25006).
fn asks_again(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["55P03", "25006"].contains(&code.as_ref()))
}

/// Answers those whose time has run out; the others are left.
fn expire(part: Vec<Pending>) -> Vec<Pending> {
    let now = Instant::now();
    let (live, dead): (Vec<_>, Vec<_>) = part.into_iter().partition(|pending| pending.deadline > now);
    for pending in dead {
        (pending.order.reply)(Err(ErrorCode::StoreUnavailable.into()));
    }
    live
}

/// The time of a batch, read once for all of it.
#[expect(clippy::disallowed_methods, reason = "the writer's loop is an edge")]
fn now() -> Timestamp {
    Clock::system().now()
}
