//! The workers of a node: they look for due jobs, run some at once, and mark what became of each.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::kinds::Erased;
use super::periodic::{CleanUp, SucceedKeys};
use super::store::{Known, Taken};
use super::{Failure, Kinds, Running, Settings, short, store};
use crate::kit::error::Result;
use crate::kit::supervise::Supervisor;

/// Between the end of an attempt's time and the end of its lease: for its mark.
const MARK_WITHIN: Duration = Duration::from_secs(10);
/// Between two tries at a mark that the store did not take.
const MARK_AGAIN: Duration = Duration::from_millis(500);
/// Between two looks at how things stand.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// Between two removals of finished jobs.
const CLEAN_UP_EVERY: Duration = Duration::from_secs(600);
/// Between two looks whether a key is old.
const KEYS_EVERY: Duration = Duration::from_secs(3_600);
/// What new jobs are announced on.
const CHANNEL: &str = "parlor_jobs";
/// Between two tries at hearing of new jobs.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// What became of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// The job is done.
    Done,
    /// It failed, and is tried again.
    Again,
    /// It failed for good.
    Failed,
    /// Another worker had taken it: nothing was marked.
    Lost,
}

/// How the jobs of all nodes stand.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Standing {
    /// Jobs that wait.
    pub waiting: u64,
    /// Jobs that a worker has.
    pub running: u64,
    /// Jobs that failed for good and are kept.
    pub failed: u64,
    /// For how long the oldest that is due has been due.
    pub oldest: Duration,
}

/// Who is told what the workers do: the metrics.
pub trait Watch: Send + Sync + 'static {
    /// An attempt has ended so, after this time.
    fn attempted(&self, attempt: Attempt, took: Duration);

    /// So they stand now.
    fn stands(&self, standing: Standing);
}

/// Nobody.
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
    known: Known,
    periods: Vec<String>,
    watch: Box<dyn Watch>,
    /// Some may have been enqueued.
    news: Notify,
    /// Nothing more is taken.
    draining: CancellationToken,
    /// The workers have ended.
    ended: CancellationToken,
}

impl Jobs {
    /// The jobs of these kinds, and those that the jobs do for themselves. Makes the periods known.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn open(pool: PgPool, settings: &Settings, kinds: Kinds, watch: impl Watch) -> Result<Self> {
        let kinds = kinds.every(CLEAN_UP_EVERY, CleanUp(settings.clone())).every(KEYS_EVERY, SucceedKeys);
        let mut known = Known::default();
        for kind in kinds.all() {
            known.names.push(kind.name().to_owned());
            known.attempts.push(i32::try_from(kind.retry().attempts).unwrap_or(i32::MAX));
            known.lease_seconds.push((kind.time_limit() + MARK_WITHIN).as_secs_f64());
        }
        let periods: Vec<String> = kinds.periods.iter().map(|period| period.kind.to_owned()).collect();
        let every: Vec<f64> = kinds.periods.iter().map(|period| period.every.as_secs_f64()).collect();
        store::put_periods(&mut *pool.acquire().await?, &periods, &every).await?;
        let (settings, watch) = (settings.clone(), Box::new(watch));
        let (draining, ended) = (CancellationToken::new(), CancellationToken::new());
        Ok(Self(Arc::new(Inner { pool, settings, kinds, known, periods, watch, news: Notify::new(), draining, ended })))
    }

    /// Starts the workers as an engine task.
    pub fn start(&self, supervisor: &Supervisor) {
        let work = self.clone().work(supervisor.stop().clone());
        supervisor.engine("jobs", &self.0.draining, work);
    }

    /// Works until it is drained; at `stop` it ends at once, and what was under way is due again.
    pub async fn work(self, stop: CancellationToken) {
        let _ended = self.0.ended.clone().drop_guard();
        let upkeep = async {
            join_all(self.0.kinds.upkeep.iter().map(|upkeep| upkeep.keep())).await;
            // There is none.
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

    /// Takes nothing more, and waits until what is under way has its mark.
    pub async fn drain(&self) {
        self.0.draining.cancel();
        self.0.ended.cancelled().await;
    }

    /// Runs what is due, and what that brings, until nothing is: for tests and for work at the command line.
    /// Gives what became of each attempt.
    ///
    /// # Errors
    /// A fault or an outage of the store.
    pub async fn run_due(&self) -> Result<Vec<Attempt>> {
        let mut attempts = Vec::new();
        loop {
            let taken = self.look(self.0.settings.at_once).await?;
            if taken.is_empty() {
                return Ok(attempts);
            }
            attempts.extend(join_all(taken.into_iter().map(|taken| self.attempt(taken))).await);
        }
    }

    async fn take_and_run(&self, stop: &CancellationToken) {
        let Inner { settings, draining, news, .. } = &*self.0;
        let (mut under_way, mut ids) = (FuturesUnordered::new(), Vec::new());
        let (mut look, mut away) = (true, false);
        loop {
            let free = settings.at_once - under_way.len();
            if look && free > 0 && !draining.is_cancelled() {
                let mut looking = pin!(self.look(free));
                let found = loop {
                    tokio::select! {
                        biased;
                        found = &mut looking => break found,
                        () = stop.cancelled() => break Ok(Vec::new()),
                        Some((id, _)) = under_way.next(), if !under_way.is_empty() => forget(&mut ids, id),
                    }
                };
                look = matches!(&found, Ok(taken) if taken.len() == free);
                if let (Err(error), false) = (&found, away) {
                    tracing::warn!(%error, "jobs cannot be looked for; it is tried again");
                }
                away = found.is_err();
                let taken = found.unwrap_or_default();
                for taken in taken {
                    ids.push((taken.id, taken.taken));
                    under_way.push(async move { (taken.id, self.attempt(taken).await) });
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = draining.cancelled(), if under_way.is_empty() => break,
                Some((id, _)) = under_way.next(), if !under_way.is_empty() => forget(&mut ids, id),
                () = news.notified() => look = true,
                () = sleep(settings.poll()), if !draining.is_cancelled() => look = true,
            }
        }
        drop(under_way);
        // Whoever watches over this task knows by it that the end was asked for.
        draining.cancel();
        self.give_back(&ids).await;
    }

    /// Lets others have at once what was cut off; what cannot be told is theirs when its lease is over.
    async fn give_back(&self, ids: &[(i64, i32)]) {
        if ids.is_empty() {
            return;
        }
        let (ids, taken): (Vec<i64>, Vec<i32>) = ids.iter().copied().unzip();
        let given = async { store::give_back(&mut *self.0.pool.acquire().await?, &ids, &taken).await };
        if !matches!(timeout(MARK_AGAIN, given).await, Ok(Ok(()))) {
            tracing::warn!(jobs = ids.len(), "jobs were cut off; they are taken again when their leases are over");
        }
    }

    /// Begins due periods, ends what is over, and takes up to so many due jobs.
    async fn look(&self, limit: usize) -> Result<Vec<Taken>> {
        let Inner { pool, known, periods, .. } = &*self.0;
        let mut conn = pool.acquire().await?;
        store::begin_periods(&mut conn, periods).await?;
        for (id, kind) in store::give_up(&mut conn, known).await? {
            tracing::warn!(job.id = id, job.kind = kind, "a job failed for good: its time or its attempts are over");
            self.0.watch.attempted(Attempt::Failed, Duration::ZERO);
        }
        store::take(&mut conn, known, i64::try_from(limit).unwrap_or(i64::MAX)).await
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
        let ran = match timeout(limit, AssertUnwindSafe(ran).catch_unwind()).await {
            Ok(Ok(ran)) => ran,
            Ok(Err(_)) => Err(Failure::Passing("it panicked".to_owned())),
            Err(_) => Err(Failure::Passing(format!("it took longer than {} s", limit.as_secs_f64()))),
        };
        let ran = match (ran, job.settled.take()) {
            (Ok(()), Some(tx)) => match tx.commit().await {
                Ok(()) => return Attempt::Done,
                Err(error) => Err(error.into()),
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
            tracing::warn!(job.id = id, job.kind = name, attempt, "another worker has a job that this one had");
            return Attempt::Lost;
        }
        outcome
    }

    /// Writes down what became of it, more than once where the store is away: a job that was done should not
    /// be done again for that. `false` where another has it.
    async fn mark(&self, kind: &dyn Erased, job: &Running, ran: &Result<(), Failure>) -> bool {
        let (id, taken) = (job.id, job.taken);
        let until = Instant::now() + MARK_WITHIN;
        loop {
            let marked = async {
                let mut conn = self.0.pool.acquire().await?;
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
            match marked.await {
                Ok(marked) => return marked,
                Err(error) if Instant::now() >= until => {
                    tracing::warn!(job.id = id, job.kind = kind.name(), %error, "a job's end could not be marked");
                    return false;
                }
                Err(_) => sleep(MARK_AGAIN).await,
            }
        }
    }

    /// Hears of new jobs, by a connection outside the pool; without one they are found by looking.
    async fn listen(&self) {
        let options = (*self.0.pool.connect_options()).clone();
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        loop {
            let heard: sqlx::Result<()> = async {
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.listen(CHANNEL).await?;
                loop {
                    // At the beginning too: what came before was not heard.
                    self.0.news.notify_one();
                    listener.recv().await?;
                }
            }
            .await;
            tracing::debug!(error = ?heard.err(), "new jobs are not heard of; they are looked for meanwhile");
            sleep(LISTEN_AGAIN).await;
        }
    }

    /// Tells how things stand, every so often.
    async fn count(&self) {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        loop {
            let counts = async { store::counts(&mut *self.0.pool.acquire().await?).await };
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

fn forget(ids: &mut Vec<(i64, i32)>, id: i64) {
    ids.retain(|(other, _)| *other != id);
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Jobs").field(&self.0.kinds).finish()
    }
}
