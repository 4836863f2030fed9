//! The workers of a node: they search for due jobs, run several at the same time, and mark the outcome of each.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{PgPool, Postgres};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::kinds::Erased;
use super::periodic::{CleanUp, SucceedKeys};
use super::slots::{Room, Slots};
use super::store::Taken;
use super::{Failure, Kinds, Running, Settings, short, store};
use crate::kit::error::{Error, Result};
use crate::kit::supervise::Supervisor;

/// The time for marking an attempt's outcome: the job's lease ends this long after the attempt's time limit.
pub(super) const MARK_WITHIN: Duration = Duration::from_secs(10);
/// The time for one look for due jobs, one try at a mark and one count: a silent store counts as one that is away. Jobs
/// that such a look has taken are taken again when their leases are over.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The wait before a mark that the store did not take is tried again; also the longest that giving back may take.
const MARK_AGAIN: Duration = Duration::from_millis(500);
/// The longest wait before another attempt, as a multiple of what the kind sets: it is varied by a quarter.
const LONGEST_WAIT: f64 = 1.25;
/// The most jobs that one look gives up.
const GIVE_UP: i64 = 5_000;
/// The wait between two counts for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// The period of [`CleanUp`].
const CLEAN_UP_EVERY: Duration = Duration::from_secs(600);
/// The period of [`SucceedKeys`].
const KEYS_EVERY: Duration = Duration::from_secs(3_600);
/// Jobs that are due again within this time are looked for together.
const AGAIN_TOGETHER: Duration = Duration::from_millis(50);
/// The channel of `pg_notify` on which new jobs are announced.
const CHANNEL: &str = "parlor_jobs";
/// The wait before the connection that listens for new jobs is opened again.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// The outcome of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// The job is done.
    Done,
    /// The attempt failed, and the job is tried again.
    Again,
    /// The job failed for good.
    Failed,
    /// Nothing was marked: another worker has taken the job, or the store took no mark.
    Lost,
}

/// How many jobs all nodes together have in each state.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Standing {
    /// Jobs that wait.
    pub waiting: u64,
    /// Jobs that a worker has.
    pub running: u64,
    /// Jobs that failed for good and are kept.
    pub failed: u64,
    /// For how long the oldest due job has been due; zero if none is.
    pub oldest: Duration,
}

/// What is told about the workers' doings: the metrics, outside of tests.
pub trait Watch: Send + Sync + 'static {
    /// An attempt has ended with this outcome, after this time.
    fn attempted(&self, attempt: Attempt, took: Duration);

    /// The counts of all nodes' jobs, every 15 seconds.
    fn stands(&self, standing: Standing);
}

/// Drops what it is told.
impl Watch for () {
    fn attempted(&self, _: Attempt, _: Duration) {}

    fn stands(&self, _: Standing) {}
}

/// The jobs of this node. Cheap to clone.
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    pool: PgPool,
    settings: Settings,
    kinds: Kinds,
    /// Of all kinds.
    names: Vec<String>,
    attempts: Vec<i32>,
    /// The seconds of a lease, and of the longest wait before another attempt.
    lease_seconds: Vec<f64>,
    wait_seconds: Vec<f64>,
    periods: Vec<String>,
    watch: Box<dyn Watch>,
    /// Notified when jobs may have been enqueued.
    news: Notify,
    /// When jobs that failed here are due again, if that is before a poll would find them.
    again: Mutex<BTreeSet<Instant>>,
    /// Cancelled when no more jobs are to be taken.
    draining: CancellationToken,
    /// Cancelled when the workers have ended.
    ended: CancellationToken,
}

impl Jobs {
    /// The jobs of these kinds, and of those that keep the jobs themselves in order. Registers the periods.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn open(pool: PgPool, settings: &Settings, kinds: Kinds, watch: impl Watch) -> Result<Self> {
        let kinds = kinds.every(CLEAN_UP_EVERY, CleanUp(settings.clone())).every(KEYS_EVERY, SucceedKeys);
        let names = kinds.all().map(|kind| kind.name().to_owned()).collect();
        let attempts = kinds.all().map(|kind| i32::try_from(kind.retry().attempts).unwrap_or(i32::MAX)).collect();
        let lease_seconds = kinds.all().map(|kind| (kind.time_limit() + MARK_WITHIN).as_secs_f64()).collect();
        let wait_seconds = kinds.all().map(|kind| kind.retry().longest.as_secs_f64() * LONGEST_WAIT).collect();
        let periods: Vec<String> = kinds.periods.iter().map(|period| period.kind.to_owned()).collect();
        let every: Vec<f64> = kinds.periods.iter().map(|period| period.every.as_secs_f64()).collect();
        store::put_periods(&mut *pool.acquire().await?, &periods, &every).await?;
        let (settings, watch) = (settings.clone(), Box::new(watch));
        let (draining, ended) = (CancellationToken::new(), CancellationToken::new());
        let (news, again) = (Notify::new(), Mutex::default());
        let inner = Inner {
            pool,
            settings,
            kinds,
            names,
            attempts,
            lease_seconds,
            wait_seconds,
            periods,
            watch,
            news,
            again,
            draining,
            ended,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Makes every running job due. To be called before the workers start, and only by a server that knows that no other
    /// one works on this database: what runs is then the rest of one that was killed.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn take_over(&self) -> Result<()> {
        let left = store::take_over(&mut *self.0.pool.acquire().await?).await?;
        if left > 0 {
            tracing::info!(jobs = left, "jobs go on that a server had begun which has ended");
        }
        Ok(())
    }

    /// Starts the workers as an engine task.
    pub fn start(&self, supervisor: &Supervisor) {
        let work = self.clone().work(supervisor.stop().clone());
        supervisor.engine("jobs", &self.0.draining, work);
    }

    /// Runs jobs until it is drained. At `stop` it ends at once, and the jobs that were running are due again.
    pub async fn work(self, stop: CancellationToken) {
        let _ended = self.0.ended.clone().drop_guard();
        let upkeep = async {
            join_all(self.0.kinds.upkeep.iter().map(|upkeep| upkeep.keep())).await;
            // Upkeep never ends, so this is reached only if there is none; the workers go on without it.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = self.take_and_run(&stop) => {}
            () = upkeep => {}
            () = self.listen() => {}
            () = self.count() => {}
        }
    }

    /// Takes no more jobs, and waits until the outcome of each running one is marked.
    pub async fn drain(&self) {
        self.0.draining.cancel();
        self.0.ended.cancelled().await;
    }

    /// Runs the due jobs, and those that these enqueue, until none is due: for tests and for commands of the program.
    /// Returns the outcome of each attempt.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn run_due(&self) -> Result<Vec<Attempt>> {
        let mut attempts = Vec::new();
        loop {
            let slots = Slots::new(&self.0.settings, &self.0.kinds);
            let taken = self.look(&slots.room(), true).await?;
            if taken.is_empty() {
                return Ok(attempts);
            }
            attempts.extend(join_all(taken.into_iter().map(|taken| self.attempt(taken))).await);
        }
    }

    async fn take_and_run(&self, stop: &CancellationToken) {
        let Inner { settings, draining, news, .. } = &*self.0;
        let mut running = Vec::<Begun>::new();
        let (mut under_way, mut slots) = (FuturesUnordered::new(), Slots::new(settings, &self.0.kinds));
        let mut ticks = interval_at(Instant::now() + settings.poll(), settings.poll());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first look is a sweep too: it begins periods and ends what is over, as each poll does.
        let (mut look, mut sweep, mut away) = (true, true, false);
        // More may wait than there was room for: each slot that is free again is worth a look.
        let mut more = true;
        loop {
            if look && !draining.is_cancelled() && !stop.is_cancelled() {
                look = false;
                let room = slots.room();
                let mut looking = pin!(self.look(&room, sweep));
                let found = loop {
                    tokio::select! {
                        biased;
                        found = &mut looking => break found,
                        // A look that is dropped may still take jobs in the store, which nobody would give back.
                        () = stop.cancelled() => {
                            break timeout(MARK_AGAIN, &mut looking).await.unwrap_or_else(|_| Ok(Vec::new()));
                        }
                        Some(id) = under_way.next(), if !under_way.is_empty() => {
                            ended(&mut running, &mut slots, id);
                            look = true;
                        }
                    }
                };
                sweep = false;
                if let (Err(error), false) = (&found, away) {
                    tracing::warn!(%error, "due jobs cannot be read; it is tried again");
                }
                away = found.is_err();
                if let Ok(taken) = &found {
                    more = room[1].is_used_up(taken.iter().map(|taken| taken.kind.as_str()));
                }
                look &= more;
                for taken in found.unwrap_or_default() {
                    slots.take(&taken.kind);
                    running.push(Begun { id: taken.id, taken: taken.taken, kind: taken.kind.clone() });
                    under_way.push(async move { (taken.id, self.attempt(taken).await).0 });
                }
                if look {
                    continue;
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = draining.cancelled(), if under_way.is_empty() => break,
                // At the first place, or else jobs that end fast would put off periods for ever.
                _ = ticks.tick(), if !draining.is_cancelled() => (look, sweep) = (true, true),
                Some(id) = under_way.next(), if !under_way.is_empty() => {
                    ended(&mut running, &mut slots, id);
                    look = more;
                }
                () = news.notified() => look = true,
                () = sleep_until(self.next_again().unwrap_or_else(Instant::now)), if self.next_again().is_some() => {
                    let now = Instant::now();
                    self.again().retain(|at| *at > now);
                    look = true;
                }
            }
        }
        drop(under_way);
        // The supervisor reads from this token that the task was asked to end.
        draining.cancel();
        self.give_back(&running).await;
    }

    fn again(&self) -> MutexGuard<'_, BTreeSet<Instant>> {
        self.0.again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_again(&self) -> Option<Instant> {
        self.again().first().copied()
    }

    /// Notes that a job is due again at the latest after this wait. A longer wait than that between two polls is left to
    /// them.
    fn note_again(&self, wait: Duration) {
        if wait >= self.0.settings.poll() {
            return;
        }
        let (at, mut again) = (Instant::now() + wait, self.again());
        if again.range(at..at + AGAIN_TOGETHER).next().is_none() {
            again.insert(at);
        }
    }

    /// Gives back the jobs that were cut off, so that others can take them at once. If that fails they are free when
    /// their leases are over.
    async fn give_back(&self, running: &[Begun]) {
        if running.is_empty() {
            return;
        }
        let (ids, taken): (Vec<i64>, Vec<i32>) = running.iter().map(|begun| (begun.id, begun.taken)).unzip();
        let given = async { store::give_back(&mut *self.0.pool.acquire().await?, &ids, &taken).await };
        if !matches!(timeout(MARK_AGAIN, given).await, Ok(Ok(()))) {
            tracing::warn!(jobs = ids.len(), "jobs were cut off; they are taken again when their leases are over");
        }
    }

    /// Takes due jobs of the kinds that have room. A sweep also enqueues the jobs of due periods, and gives up those that
    /// are past their deadline or attempts.
    async fn look(&self, room: &[Room; 2], sweep: bool) -> Result<Vec<Taken>> {
        let Inner { pool, names, attempts, periods, .. } = &*self.0;
        let is_free = |room: &Room| room.all > 0 && !room.kinds.is_empty();
        if !sweep && !room.iter().any(is_free) {
            return Ok(Vec::new());
        }
        let mut conn = pool.acquire().await?;
        let look = async {
            if sweep {
                let mended = store::mend_dates(&mut conn, names, &self.0.lease_seconds, &self.0.wait_seconds).await?;
                if mended > 0 {
                    tracing::warn!(jobs = mended, "jobs were due too late: the database's clock was set back");
                }
                store::begin_periods(&mut conn, periods).await?;
                for (id, kind) in store::give_up(&mut conn, names, attempts, GIVE_UP).await? {
                    tracing::warn!(
                        job.id = id,
                        job.kind = kind,
                        "a job failed for good: its deadline is over or its attempts are used up"
                    );
                    self.0.watch.attempted(Attempt::Failed, Duration::ZERO);
                }
            }
            let mut taken = Vec::new();
            for room in room.iter().filter(|room| is_free(room)) {
                taken.extend(store::take(&mut conn, room).await?);
            }
            Ok(taken)
        };
        let looked = timeout(ANSWER_WITHIN, look).await;
        looked.unwrap_or_else(|_| Err(given_up(conn)))
    }

    async fn attempt(&self, taken: Taken) -> Attempt {
        let began = Instant::now();
        let kind = self.0.kinds.get(&taken.kind).expect("only known kinds are taken");
        let attempt = self.run(kind, taken).await;
        self.0.watch.attempted(attempt, began.elapsed());
        attempt
    }

    async fn run(&self, kind: &dyn Erased, taken: Taken) -> Attempt {
        let Taken { id, key, payload, sealed_with, attempts, taken, .. } = taken;
        let (name, limit) = (kind.name(), kind.time_limit());
        let attempt = u32::try_from(attempts).unwrap_or(u32::MAX);
        let pool = self.0.pool.clone();
        let mut job = Running { pool, id, key, kind: name, attempt, taken, limit, settled: None };
        let ran = async {
            let payload = job.read_payload(payload, sealed_with).await?;
            kind.run(&mut job, payload).await
        };
        // What is logged meanwhile says in which job.
        let ran = ran.instrument(tracing::info_span!("job", job.id = id, job.kind = name));
        let ran = match timeout(limit, AssertUnwindSafe(ran).catch_unwind()).await {
            Ok(Ok(ran)) => ran,
            Ok(Err(_)) => Err(Failure::Passing("it panicked".to_owned())),
            Err(_) => Err(Failure::Passing(format!("it took longer than {} s", limit.as_secs_f64()))),
        };
        let ran = match (ran, job.settled.take()) {
            // Where nobody knows whether it was committed, the mark below knows: it finds the job done.
            (Ok(()), Some(tx)) => match timeout(MARK_WITHIN, tx.commit()).await {
                Ok(Ok(())) => return Attempt::Done,
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err(Error::away("the store is silent").into()),
            },
            (ran, _) => ran,
        };
        let outcome = match &ran {
            Ok(()) => Attempt::Done,
            Err(Failure::Passing(_)) if kind.retry().wait(attempt).is_some() => Attempt::Again,
            Err(Failure::Passing(_) | Failure::Final(_)) => Attempt::Failed,
            Err(Failure::Lost) => Attempt::Lost,
        };
        match &ran {
            Err(Failure::Passing(why)) if outcome == Attempt::Again => {
                tracing::debug!(job.id = id, job.kind = name, attempt, why, "a job failed and is tried again");
            }
            Err(Failure::Passing(why) | Failure::Final(why)) => {
                tracing::warn!(job.id = id, job.kind = name, attempt, why, "a job failed for good");
            }
            Ok(()) | Err(Failure::Lost) => {}
        }
        let marked = match &ran {
            Err(Failure::Lost) => false,
            _ => self.mark(kind, &job, &ran).await,
        };
        if !marked {
            tracing::warn!(
                job.id = id,
                job.kind = name,
                attempt,
                "a job's outcome was not marked: another worker has it"
            );
            return Attempt::Lost;
        }
        if let (Attempt::Again, Some(wait)) = (outcome, kind.retry().wait(attempt)) {
            self.note_again(wait.mul_f64(LONGEST_WAIT));
        }
        outcome
    }

    /// Marks the outcome of an attempt. During an outage of the store it is tried again for as long as the lease
    /// lasts, so that a job that was done is not repeated. `false` if it was not marked.
    async fn mark(&self, kind: &dyn Erased, job: &Running, ran: &Result<(), Failure>) -> bool {
        let (id, taken) = (job.id, job.taken);
        let until = Instant::now() + MARK_WITHIN;
        loop {
            let marked = async {
                let mut conn = self.0.pool.acquire().await?;
                let mark = async {
                    match ran {
                        Ok(()) => store::done(&mut conn, id, taken).await,
                        Err(Failure::Lost) => Ok(false),
                        Err(Failure::Passing(why)) => match kind.retry().wait(job.attempt) {
                            Some(wait) => store::again(&mut conn, id, taken, wait.as_secs_f64(), &short(why)).await,
                            None => store::failed(&mut conn, id, taken, &short(why)).await,
                        },
                        Err(Failure::Final(why)) => store::failed(&mut conn, id, taken, &short(why)).await,
                    }
                };
                let marked = timeout(ANSWER_WITHIN, mark).await;
                marked.unwrap_or_else(|_| Err(given_up(conn)))
            };
            match marked.await {
                Ok(marked) => return marked,
                Err(error) if Instant::now() >= until => {
                    tracing::warn!(job.id = id, job.kind = kind.name(), %error, "a job's outcome could not be marked");
                    return false;
                }
                Err(_) => sleep(MARK_AGAIN).await,
            }
        }
    }

    /// Listens for new jobs on a connection outside the pool. While there is none, jobs are found by polling.
    async fn listen(&self) {
        let options = (*self.0.pool.connect_options()).clone();
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        loop {
            let heard: sqlx::Result<()> = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.listen(CHANNEL).await?;
                loop {
                    // Also before the first notification: jobs enqueued before the connection was there were missed.
                    self.0.news.notify_one();
                    listener.recv().await?;
                }
            }
            .await;
            tracing::debug!(error = ?heard.err(), "the connection that listens for new jobs is lost; they are found by polling meanwhile");
            sleep(LISTEN_AGAIN).await;
        }
    }

    /// Tells the metrics the counts of all nodes' jobs, every [`COUNT_EVERY`].
    async fn count(&self) {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        loop {
            let counts = async {
                let mut conn = self.0.pool.acquire().await?;
                let counted = timeout(ANSWER_WITHIN, store::counts(&mut conn, &self.0.names)).await;
                counted.unwrap_or_else(|_| Err(given_up(conn)))
            };
            if let Ok(counts) = counts.await {
                self.0.watch.stands(Standing {
                    waiting: count(counts.waiting),
                    running: count(counts.running),
                    failed: count(counts.failed),
                    oldest: Duration::try_from_secs_f64(counts.oldest_seconds).unwrap_or_default(),
                });
            }
            sleep(COUNT_EVERY).await;
        }
    }
}

/// A connection that did not answer in time, and may be in the middle of an answer: no pool is to wait for it.
fn given_up(mut conn: PoolConnection<Postgres>) -> Error {
    conn.close_on_drop();
    Error::away("the store is silent")
}

/// A job under way.
struct Begun {
    id: i64,
    taken: i32,
    kind: String,
}

/// Frees the slot of a job that has ended.
fn ended(running: &mut Vec<Begun>, slots: &mut Slots, id: i64) {
    for begun in running.extract_if(.., |begun| begun.id == id) {
        slots.give_back(&begun.kind);
    }
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Jobs").field(&self.0.kinds).finish()
    }
}
