//! What must happen outside a transaction, or later, or again and again: a row of `jobs`, written in the
//! transaction that causes it.
//!
//! A rollback leaves no job, a commit loses none. Any node takes it, one at a time; a worker that dies or
//! sleeps loses it to another one when its time is over. So:
//! - what a kind writes in [`Running::settle`] happens **exactly once**: it is committed with the job's mark,
//! - what it does to the outside happens **at least once**; a second time only where the worker ended between
//!   the effect and the mark. The other side is given [`Running::key`], the same at each attempt: where it
//!   heeds that, the effect is once there too. Each kind says in its document which of them it is.

mod kinds;
mod periodic;
mod row;
mod seal;
mod settings;
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

/// Characters of a reason that is kept with a job.
const ERROR_CHARS: usize = 200;

/// A kind of job: its name, what it is told, how it is tried, and what it does. One file, and one line where
/// the program is composed.
pub trait Kind: Send + Sync + 'static {
    /// As it stands in the table, `slice.what`: it never changes.
    const NAME: &'static str;

    /// Whether the payload holds a code, an address or a token: then it is sealed in the table, and emptied
    /// when the job is done or has failed for good.
    const SEALED: bool = false;

    /// What it is told: 16 KiB at most, as JSON. A job of an older program must still be readable.
    type Payload: Serialize + DeserializeOwned + Send;

    /// How often and when it is tried.
    fn retry(&self) -> Retry {
        Retry::default()
    }

    /// Time for one attempt. When it is over the attempt has failed; 10 seconds later the job is taken from a
    /// worker that has not said so.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Does it. May have been done before: see the module.
    fn run(&self, job: &mut Running, payload: Self::Payload) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How often and when a kind is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retry {
    /// Attempts in all; the last one's failure is for good.
    pub attempts: u32,
    /// The wait before the second one; each further one waits twice as long, and up to a quarter more or less.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 10, first: Duration::from_secs(1), longest: Duration::from_secs(600) }
    }
}

impl Retry {
    /// The wait behind this attempt, before chance lengthens or shortens it; `None`: it was the last.
    fn wait(&self, attempt: u32) -> Option<Duration> {
        let doubled = || self.first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        (attempt < self.attempts).then(|| doubled().min(self.longest))
    }
}

/// Why an attempt failed. The words are kept for staff: nothing in them comes from another side, and no
/// address, code or token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The same may succeed later.
    Passing(String),
    /// It is of no use to try again.
    Final(String),
    /// Another worker has the job: this one slept through its time, and changes nothing any more.
    Lost,
}

/// A fault of this house passes: staff sees its code, the log has the rest.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        tracing::warn!(%error, "a job failed");
        Self::Passing(error.code().name().to_owned())
    }
}

/// A job, before it is written down.
#[derive(Clone, PartialEq, Debug)]
#[must_use = "a job is there when it is enqueued"]
pub struct Job {
    kind: &'static str,
    sealed: bool,
    payload: Value,
    delay: Duration,
    within: Option<Duration>,
    unique_by: Option<String>,
}

impl Job {
    /// One of this kind, due at once.
    pub fn new<K: Kind>(payload: &K::Payload) -> Self {
        let payload = serde_json::to_value(payload).expect("a payload has string keys and no failing serializer");
        Self { kind: K::NAME, sealed: K::SEALED, payload, delay: Duration::ZERO, within: None, unique_by: None }
    }

    /// The same, due so much later.
    pub fn later(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, of no use after this time: then it fails instead of being begun.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// The same, unless one of its kind and this word waits or runs already.
    pub fn unique(mut self, word: impl Into<String>) -> Self {
        self.unique_by = Some(word.into());
        self
    }
}

/// Writes a job down in the transaction that causes it; the workers hear of it with the commit. Gives its id;
/// `None` where one with the same [`Job::unique`] word is there.
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

/// An attempt under way, as its kind sees it.
#[derive(Debug)]
pub struct Running {
    pool: PgPool,
    /// The row.
    id: i64,
    key: Uuid,
    kind: &'static str,
    attempt: u32,
    taken: i32,
    limit: Duration,
    settled: Option<Tx>,
}

impl Running {
    /// The job's name for the other side, the same at each attempt: an idempotency key, a message's id.
    pub fn key(&self) -> Uuid {
        self.key
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The pool, to read with.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The transaction in which the job is done, for the kind to write in: all of it is committed when `run`
    /// returns `Ok`, and nothing of it otherwise. So what is written there is written exactly once.
    ///
    /// # Errors
    /// [`Failure::Lost`]: the job is another worker's by now. A fault or an outage of the store.
    pub async fn settle(&mut self) -> Result<&mut Tx, Failure> {
        if self.settled.is_none() {
            let mut tx = Tx::begin(&self.pool).await?;
            // A node that sleeps in here holds the row: PostgreSQL lets it go.
            store::end_when_idle(&mut tx, self.limit.as_secs_f64() * 1_000.0).await?;
            if !store::done(&mut tx, self.id, self.taken).await? {
                return Err(Failure::Lost);
            }
            self.settled = Some(tx);
        }
        Ok(self.settled.as_mut().expect("it was opened above"))
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
