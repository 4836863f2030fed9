//! Nodes with jobs on one database, and a kind that does what the test tells it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use parlor::kit::jobs::{self, Failure, Job, Jobs, Kind, Kinds, Retry, Running, Settings};
use parlor::kit::tx::Tx;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::postgres::Database;

/// What a job of the tests is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    pub number: u32,
}

/// The outside world of the tests: it notes what was done to it, by which job.
pub struct Outside {
    effects: Mutex<Vec<(Uuid, u32)>>,
    count: watch::Sender<usize>,
    begun: watch::Sender<usize>,
    /// How many attempts still fail before one succeeds.
    pub failures: AtomicUsize,
    /// What they fail with.
    pub failure: Mutex<Failure>,
    /// Whoever has had an effect goes on by a permit of this.
    pub gate: Semaphore,
}

impl Outside {
    /// One that is always open.
    pub fn open() -> Arc<Self> {
        Self::with_gate(Semaphore::MAX_PERMITS)
    }

    /// One behind whose effects an attempt waits.
    pub fn shut() -> Arc<Self> {
        Self::with_gate(0)
    }

    fn with_gate(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            effects: Mutex::default(),
            count: watch::Sender::new(0),
            begun: watch::Sender::new(0),
            failures: AtomicUsize::new(0),
            failure: Mutex::new(Failure::Passing("busy".to_owned())),
            gate: Semaphore::new(permits),
        })
    }

    fn hit(&self, key: Uuid, number: u32) {
        self.effects.lock().expect("nobody panicked").push((key, number));
        self.count.send_modify(|count| *count += 1);
    }

    /// Every effect: of which job, and its number.
    pub fn effects(&self) -> Vec<(Uuid, u32)> {
        self.effects.lock().expect("nobody panicked").clone()
    }

    /// Waits until there were so many effects.
    pub async fn had(&self, effects: usize) {
        let mut count = self.count.subscribe();
        let enough = count.wait_for(|count| *count >= effects);
        tokio::time::timeout(Duration::from_secs(20), enough).await.expect("in time").expect("it lives");
    }

    /// Waits until so many attempts were begun.
    pub async fn saw(&self, attempts: usize) {
        let mut begun = self.begun.subscribe();
        let enough = begun.wait_for(|begun| *begun >= attempts);
        tokio::time::timeout(Duration::from_secs(20), enough).await.expect("in time").expect("it lives");
    }
}

/// Has an effect on the outside. At least once; the outside is told the job's key.
pub struct Post(pub Arc<Outside>);

impl Kind for Post {
    const NAME: &'static str = "tests.post";
    type Payload = Told;

    fn retry(&self) -> Retry {
        Retry { attempts: 3, first: Duration::from_secs(100), longest: Duration::from_secs(1_000) }
    }

    async fn run(&self, job: &mut Running, told: Told) -> Result<(), Failure> {
        let outside = &self.0;
        outside.begun.send_modify(|begun| *begun += 1);
        let fails = outside.failures.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if fails.is_ok() {
            return Err(outside.failure.lock().expect("nobody panicked").clone());
        }
        outside.hit(job.key(), told.number);
        outside.gate.acquire().await.expect("it is never closed").forget();
        Ok(())
    }
}

/// Writes into the database, and waits at the outside's gate before. Exactly once.
pub struct Write(pub Arc<Outside>);

impl Kind for Write {
    const NAME: &'static str = "tests.write";
    type Payload = Told;

    async fn run(&self, job: &mut Running, told: Told) -> Result<(), Failure> {
        self.0.begun.send_modify(|begun| *begun += 1);
        self.0.gate.acquire().await.expect("it is never closed").forget();
        let tx = job.settle().await?;
        sqlx::query("insert into notes (number) values ($1)")
            .bind(i64::from(told.number))
            .execute(&mut **tx)
            .await
            .map_err(parlor::kit::error::Error::from)?;
        Ok(())
    }
}

/// Looks so rarely that what is done sooner was heard of.
pub fn deaf() -> Settings {
    Settings { poll_ms: 60_000, ..Settings::default() }
}

/// A node of its own on this database: its own pool, the given kinds.
pub async fn node(database: &Database, settings: &Settings, kinds: Kinds) -> Jobs {
    let pool = PgPoolOptions::new().max_connections(4).connect_lazy_with(database.options("parlor_app"));
    Jobs::open(pool, settings, kinds, ()).await.expect("the periods are known")
}

/// A node that works until the token is cancelled.
pub fn at_work(jobs: &Jobs) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    (stop.clone(), tokio::spawn(jobs.clone().work(stop)))
}

/// Enqueues this job in a transaction of its own.
pub async fn enqueue(database: &Database, job: Job) -> i64 {
    let mut tx = Tx::begin(&database.app).await.expect("a transaction");
    let id = jobs::enqueue(&mut tx, job).await.expect("it fits").expect("there is none like it");
    tx.commit().await.expect("committed");
    id
}

/// The job with this number.
pub fn post(number: u32) -> Job {
    Job::new::<Post>(&Told { number })
}

/// As if that much time had passed, or as if somebody tampered.
pub async fn later(database: &Database, statement: &'static str) {
    sqlx::query(statement).execute(&database.superuser).await.expect("changed");
}

/// A job's state, attempts, last error and payload.
pub async fn row(database: &Database, id: i64) -> (String, i32, Option<String>, String) {
    let row = sqlx::query_as("select state, attempts, last_error, payload::text from jobs where id = $1");
    row.bind(id).fetch_one(&database.superuser).await.expect("a row")
}

/// How many jobs are in this state.
pub async fn count(database: &Database, state: &str) -> i64 {
    let count = sqlx::query_scalar("select count(*) from jobs where state = $1");
    count.bind(state).fetch_one(&database.superuser).await.expect("a count")
}
