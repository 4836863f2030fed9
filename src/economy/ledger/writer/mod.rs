//! The writer: the only task of a node that writes the journal. It takes the orders that wait, at most a batch, and
//! works on them until each is answered.
//!
//! An order ends in one of three ways. It is committed or refused, and answered. It is answered `internal`, because the
//! database refuses it or its kind panics over it; batches are halved until that order is found. Or it is answered
//! `store_unavailable`, because its time has run out. A batch whose outcome is not known is sent again, which is safe
//! because operations are idempotent.

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
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::batch::{BatchError, Chain};
use super::order::{Committed, Order};
use super::posting::{Kinds, System};
use super::settings::Settings;
use crate::kit::clock::{Clock, Timestamp};
use crate::kit::limit::Limit;
use crate::telemetry::metric;

/// How often an idle connection is tried, and a missing one is made.
const LOOK: Duration = Duration::from_secs(1);

/// How often the accounts are forgotten whose refusals are long ago.
const SWEEP: Duration = Duration::from_secs(600);

/// An order in the queue.
#[derive(Debug)]
pub(super) struct Pending {
    pub order: Order,
    /// When the order is answered `store_unavailable`.
    pub deadline: Instant,
}

/// The writer's own connection, with the chain that it writes.
struct Session {
    connection: PgConnection,
    system: System,
    chain: Chain,
}

/// Why an attempt did not commit for certain.
enum Fault {
    /// The database cannot be reached, could not do it now, or its answer was lost: the whole batch is sent again.
    Away(BatchError),
    /// The database refuses the batch, or a kind panicked over it: an order of the batch is the cause.
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
    /// How many refusals of an account are stored.
    refusals: Limit<i64>,
    /// Whether the database was reached at the last attempt.
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
        let refusals = Limit::per_hour(settings.refusals_per_hour_user);
        Self { options, node, settings, kinds, on_commit, session: None, refusals, well }
    }

    /// Works until `stop` is cancelled and every order that is queued then has its answer.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Pending>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(self.settings.batch_max);
        let mut look = Duration::ZERO;
        let mut sweep = interval_at(Instant::now() + SWEEP, SWEEP);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled(), if !orders.is_closed() => orders.close(),
                _ = sweep.tick() => self.refusals.sweep(),
                taken = orders.recv_many(&mut batch, self.settings.batch_max) => {
                    if taken == 0 {
                        break; // closed and empty
                    }
                    self.see_through(std::mem::take(&mut batch)).await;
                }
                () = sleep(look) => {
                    // If a stop interrupts this, the connection is dropped with it.
                    let _ = stop.run_until_cancelled(self.look()).await;
                    look = LOOK;
                }
            }
        }
        if let Some(session) = self.session.take()
            && let Err(error) = session.connection.close().await
        {
            info!(%error, "the ledger's connection did not close cleanly; everything had been committed before");
        }
    }

    /// Works on a batch until every order has its answer.
    async fn see_through(&mut self, batch: Vec<Pending>) {
        // The last part is done next. A part that the database refuses is halved until one order is left.
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
                    // The state of the old connection is not known, so a new one is made in any case.
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
                        warn!(%error, orders = part.len(), "a batch cannot be done, and the ledger halves it");
                        let right = part.split_off(part.len() / 2);
                        parts.extend([right, part]);
                    } else {
                        part.into_iter().for_each(|pending| self.give_up(pending, &error));
                    }
                }
            }
        }
    }

    /// Answers the order that is the cause. Nothing of it is stored, so the operation may be asked again.
    fn give_up(&self, pending: Pending, error: &BatchError) {
        let request = &pending.order.request;
        let kind = self.kinds.of(request.kind).map_or("unknown", |kind| kind.name());
        error!(%error, kind, op = %request.op, "an order cannot be done by its kind or the database, and is answered internal");
        (pending.order.reply)(Err(ErrorCode::Internal.into()));
    }

    /// Tries a part in one transaction, within the time limit of an attempt. A kind's panic ends the transaction and
    /// not the writer.
    async fn attempt(&mut self, part: &[Pending]) -> Result<answer::Settled, Fault> {
        let limit = self.settings.attempt();
        let work = async {
            if self.session.is_none() {
                // If no connection can be made, no order is the cause, so this is never `Refused`.
                self.session = Some(self.connect().await.map_err(|error| Fault::Away(error.into()))?);
            }
            let Session { connection, system, chain } = self.session.as_mut().expect("a session was made just above");
            batch::settle(connection, &self.kinds, system, chain, part, (now(), &self.refusals))
                .await
                .map_err(Fault::of)
        };
        match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => {
                // The answer to a statement may be half read, so the connection cannot be used again. Kinds keep
                // nothing from one batch to the next, so they can be used.
                self.session = None;
                Err(Fault::Refused(BatchError::Panicked))
            }
            Err(_) => Err(Fault::Away(BatchError::Sql(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))),
        }
    }

    /// Tries the idle connection, or makes a missing one, so that the next order finds a connection, and so that it is
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

    /// Hands out what was committed. It is only a hint: if the channel is full it is dropped, because the tables have
    /// it.
    fn announce(&self, committed: Committed) {
        if committed != Committed::default() && self.on_commit.try_send(committed).is_err() {
            metric::ANNOUNCEMENTS_DROPPED.add(1);
            warn!("a hint about committed postings was dropped; rooms read them from the journal");
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

/// Whether the database could not do it now because a lock was not available (55P03).
fn asks_again(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03")
}

/// Answers the orders whose time has run out, and gives the others.
fn expire(part: Vec<Pending>) -> Vec<Pending> {
    let now = Instant::now();
    let (live, dead): (Vec<_>, Vec<_>) = part.into_iter().partition(|pending| pending.deadline > now);
    for pending in dead {
        (pending.order.reply)(Err(ErrorCode::StoreUnavailable.into()));
    }
    live
}

/// The time of a batch. It is read once for all of its postings.
#[expect(clippy::disallowed_methods, reason = "the writer's loop is an edge")]
fn now() -> Timestamp {
    Clock::system().now()
}
