//! Jobs: work that must happen outside a transaction, later, or periodically. A job is a row of `jobs`, written in
//! the transaction that causes it.
//!
//! A rollback leaves no job, and a commit loses none. Any node may take a job, one worker at a time. A worker that
//! dies or sleeps loses it to another one when the time of its attempt is over. So:
//! - what a kind writes in [`Running::settle`] happens **exactly once**: it is committed together with the mark that
//!   the job is done;
//! - what it does outside the database happens **at least once** unless the job fails: it is repeated only if the worker ended between the
//!   effect and the mark. The other side is given [`Running::key`], which is the same at each attempt; if it
//!   deduplicates by that key, the effect happens once there too.
//!
//! The documentation of each kind says which of the two it is.

mod kinds;
mod periodic;
mod row;
mod seal;
mod settings;
mod slots;
mod store;
mod upkeep;
mod worker;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

pub use kinds::Kinds;
pub use row::{JobList, Listed, State, page, retry};
pub use settings::Settings;
pub use worker::{Attempt, Jobs, Standing, Watch};

use super::error::{Error, Result};
use super::tx::Tx;

/// The most characters of a failure's reason that are kept with a job.
const ERROR_CHARS: usize = 200;

/// A kind of job: its name, its payload, how it is retried, and what it does. A kind is one file, and one line where
/// the program is composed.
pub trait Kind: Send + Sync + 'static {
    /// The name in the table, in the form `slice.what`. It never changes.
    const NAME: &'static str;

    /// Whether the payload holds a code, an address or a token: then it is sealed in the table, and emptied
    /// when the job is done or has failed for good.
    const SEALED: bool = false;

    /// What the job is told, at most 16 KiB as JSON. A newer program must still read the payload of a job that an
    /// older one enqueued.
    type Payload: Serialize + DeserializeOwned + Send;

    /// How often and when it is tried.
    fn retry(&self) -> Retry {
        Retry::default()
    }

    /// The time for one attempt. When it is over, the attempt has failed; a worker that has not marked the failure
    /// within a further 10 seconds loses the job to another one.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Does the job. An earlier attempt may have had its effect already: see the module.
    fn run(&self, job: &mut Running, payload: Self::Payload) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How often and when a kind is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retry {
    /// The number of attempts. When the last one fails, the job has failed for good.
    pub attempts: u32,
    /// The wait before the second attempt. Before each further one it doubles. Each wait is then lengthened or
    /// shortened at random, by up to a quarter.
    pub first: Duration,
    /// The longest wait, before that random change.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 10, first: Duration::from_secs(1), longest: Duration::from_secs(600) }
    }
}

impl Retry {
    /// The wait after this attempt, before the random change; `None` if it was the last.
    fn wait(&self, attempt: u32) -> Option<Duration> {
        let doubled = || self.first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        (attempt < self.attempts).then(|| doubled().min(self.longest))
    }
}

/// Why an attempt failed. Staff sees the words, so they hold no address, code or token, and nothing that another
/// system has said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// A further attempt may succeed.
    Passing(String),
    /// A further attempt is of no use.
    Final(String),
    /// Another worker has the job, because this one overran its time. This one must change nothing any more.
    Lost,
}

/// An error of this server counts as passing. Staff sees only its code; the log has the whole error.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        tracing::warn!(%error, "a job failed");
        Self::Passing(error.code().name().to_owned())
    }
}

/// A job that is not enqueued yet.
#[derive(Clone, PartialEq, Debug)]
#[must_use = "a job does nothing until it is enqueued"]
pub struct Job {
    kind: &'static str,
    sealed: bool,
    payload: Value,
    delay: Duration,
    within: Option<Duration>,
    unique_by: Option<String>,
}

impl Job {
    /// A job of this kind, due at once.
    pub fn new<K: Kind>(payload: &K::Payload) -> Self {
        let payload = serde_json::to_value(payload).expect("a payload has string keys and no failing serializer");
        Self { kind: K::NAME, sealed: K::SEALED, payload, delay: Duration::ZERO, within: None, unique_by: None }
    }

    /// Makes the job due this much later.
    pub fn later(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Gives the job a deadline, this long after it is enqueued. From then on it is no longer begun: it has failed.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Makes the job unique by this word: it is not enqueued while a job of its kind with the same word waits or runs.
    pub fn unique(mut self, word: impl Into<String>) -> Self {
        self.unique_by = Some(word.into());
        self
    }
}

/// Enqueues a job in the transaction that causes it; the workers are notified at the commit. Returns the job's id, or
/// `None` if a job of the same kind and [`Job::unique`] word already waits or runs.
///
/// # Errors
/// A payload that is too large; a fault or an outage of the store.
pub async fn enqueue(tx: &mut Tx, job: Job) -> Result<Option<i64>> {
    let (key, payload, sealed_with) = if job.sealed {
        let with = store::sealing_key(tx).await?;
        (Some(with.job), seal::sealed(&with.secret, with.job, job.kind, &job.payload), Some(with.id))
    } else {
        (None, job.payload, None)
    };
    let new = store::New {
        key,
        kind: job.kind,
        payload,
        sealed_with,
        delay_seconds: job.delay.as_secs_f64(),
        within_seconds: job.within.map(|time| time.as_secs_f64()),
        unique_by: job.unique_by.as_deref(),
    };
    store::insert(tx, new).await
}

/// Enqueues jobs of one kind in the transaction that causes them, each unique by its word, in one statement. If a job
/// with the word waits already, it is made due now; if one runs, nothing is added: it must look in [`Running::settle`]
/// whether there is anything new. Each word may be there once, and the kind must not be sealed.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn enqueue_unique<K: Kind>(tx: &mut Tx, jobs: &[(String, K::Payload)]) -> Result<()> {
    const { assert!(!K::SEALED, "a sealed job has a key of its own") };
    if jobs.is_empty() {
        return Ok(());
    }
    let json = |payload: &K::Payload| {
        serde_json::to_value(payload).expect("a payload has string keys and no failing serializer")
    };
    let (words, payloads): (Vec<String>, Vec<Value>) =
        jobs.iter().map(|(word, payload)| (word.clone(), json(payload))).unzip();
    store::insert_unique(tx, K::NAME, &words, &payloads).await
}

/// The attempt that is being made, as its kind sees it.
#[derive(Debug)]
pub struct Running {
    pool: PgPool,
    /// The key of the row in `jobs`.
    id: i64,
    key: Uuid,
    kind: &'static str,
    attempt: u32,
    taken: i32,
    limit: Duration,
    settled: Option<Tx>,
}

impl Running {
    /// The job's key for other systems, the same at each attempt: for an idempotency key or a message's id.
    pub fn key(&self) -> Uuid {
        self.key
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The pool, for reading, and for writing what may be written twice. What must be written exactly once is written in
    /// [`Running::settle`].
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The transaction that marks the job as done, for the kind to write in. It is committed when `run` returns `Ok`
    /// and rolled back otherwise, so what is written in it is written exactly once.
    ///
    /// # Errors
    /// [`Failure::Lost`] if another worker has the job by now; a fault or an outage of the store.
    pub async fn settle(&mut self) -> Result<&mut Tx, Failure> {
        if self.settled.is_none() {
            let mut tx = Tx::begin(&self.pool).await?;
            // A node that falls asleep in this transaction would keep the row locked, so PostgreSQL ends it.
            store::end_when_idle(&mut tx, self.limit.as_secs_f64() * 1_000.0).await?;
            if !store::done(&mut tx, self.id, self.taken).await? {
                return Err(Failure::Lost);
            }
            self.settled = Some(tx);
        }
        Ok(self.settled.as_mut().expect("it was opened above"))
    }

    /// Rolls back what was written in [`Running::settle`], the mark included, so that the job goes on.
    pub fn unsettle(&mut self) {
        self.settled = None;
    }

    async fn read_payload(&self, payload: Value, with: Option<i32>) -> Result<Value> {
        let Some(with) = with else { return Ok(payload) };
        let secret = store::secret(&mut *self.pool.acquire().await?, with).await?;
        let opened = seal::opened(&secret, self.key, self.kind, &payload);
        opened.ok_or_else(|| Error::internal("a job's payload does not open"))
    }
}

fn short(why: &str) -> String {
    why.chars().take(ERROR_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Retry;

    #[test]
    fn each_wait_is_twice_the_one_before_up_to_the_longest_and_the_last_attempt_has_none() {
        let retry = Retry { attempts: 5, first: Duration::from_secs(2), longest: Duration::from_secs(10) };
        let waits: Vec<_> = (1..=6).map(|attempt| retry.wait(attempt).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(2), Some(4), Some(8), Some(10), None, None]);
        let forever = Retry { attempts: u32::MAX, ..retry };
        assert_eq!(forever.wait(4_000_000_000), Some(Duration::from_secs(10)));
    }
}
