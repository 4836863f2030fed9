//! Secret payloads of jobs: sealed while the job waits, removed when it has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parlor::kit::jobs::{Attempt, Failure, Job, Kind, Kinds, Retry, Running, Settings};

use super::outside::{enqueue, later, node, row};
use crate::support::postgres::Database;

/// A kind with a secret payload. It takes effect at least once.
#[derive(Clone, Default)]
struct Whisper {
    fails: Arc<AtomicBool>,
}

impl Kind for Whisper {
    const NAME: &'static str = "tests.whisper";
    const SEALED: bool = true;
    type Payload = String;

    fn retry(&self) -> Retry {
        Retry { attempts: 2, first: Duration::ZERO, longest: Duration::ZERO }
    }

    async fn run(&self, _: &mut Running, word: String) -> Result<(), Failure> {
        assert_eq!(word, "layla@example.com 428193", "it was opened as it was sealed");
        if self.fails.load(Ordering::Relaxed) { Err(Failure::Passing("nobody hears".to_owned())) } else { Ok(()) }
    }
}

async fn whisper(database: &Database) -> i64 {
    let id = enqueue(database, Job::new::<Whisper>(&"layla@example.com 428193".to_owned())).await;
    let (.., payload) = row(database, id).await;
    assert!(payload.contains("sealed") && !payload.contains("layla") && !payload.contains("428193"), "{payload}");
    id
}

#[tokio::test]
async fn a_sealed_job_shows_nothing_while_it_waits_and_is_empty_when_it_is_done() {
    let (database, kind) = (Database::fresh().await, Whisper::default());
    let jobs = node(&database, &Settings::default(), Kinds::new().with(kind)).await;
    let id = whisper(&database).await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    let (state, _, _, payload) = row(&database, id).await;
    assert_eq!((state.as_str(), payload.as_str()), ("done", "{}"));
}

#[tokio::test]
async fn a_sealed_job_that_failed_for_good_is_empty() {
    let (database, kind) = (Database::fresh().await, Whisper::default());
    kind.fails.store(true, Ordering::Relaxed);
    let jobs = node(&database, &Settings::default(), Kinds::new().with(kind)).await;
    let failed = whisper(&database).await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Again, Attempt::Failed]);
    let late = whisper(&database).await;
    later(&database, "update jobs set expires_at = clock_timestamp()").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), []);
    for id in [failed, late] {
        let (state, _, _, payload) = row(&database, id).await;
        assert_eq!((state.as_str(), payload.as_str()), ("failed", "{\"emptied\": true}"));
    }
}

#[tokio::test]
async fn a_key_is_followed_by_another_and_kept_while_a_job_needs_it() {
    let (database, kind) = (Database::fresh().await, Whisper::default());
    let jobs = node(&database, &Settings::default(), Kinds::new().with(kind)).await;
    let keys = async || {
        let ids = sqlx::query_scalar("select id from job_keys order by id");
        ids.fetch_all(&database.superuser).await.expect("rows") as Vec<i32>
    };
    let tend = async || {
        later(&database, "update job_periods set due_at = clock_timestamp() where kind = 'jobs.keys'").await;
        jobs.run_due().await.expect("the store answers")
    };
    assert_eq!((tend().await.len(), keys().await.len()), (1, 1), "it is new");
    let id = whisper(&database).await;
    later(&database, "update jobs set due_at = clock_timestamp() + interval '1 hour'").await;
    later(&database, "update job_keys set created_at = created_at - interval '31 days'").await;
    tend().await;
    later(&database, "update job_keys set created_at = created_at - interval '2 days'").await;
    tend().await;
    assert_eq!(keys().await.len(), 2, "the job needs the first");
    later(&database, "update jobs set due_at = clock_timestamp() where state = 'waiting'").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    assert_eq!(row(&database, id).await.0, "done");
    tend().await;
    assert_eq!(keys().await.len(), 1);
}

#[tokio::test]
async fn who_audits_reads_no_key_and_who_serves_makes_no_kind_of_its_own_past() {
    let database = Database::fresh().await;
    let read = sqlx::query("select secret from job_keys").fetch_all(&database.audit).await;
    assert!(read.expect_err("not for the audit").to_string().contains("permission denied"));
    let changed = sqlx::query("update jobs set kind = 'tests.other'").execute(&database.app).await;
    assert!(changed.expect_err("a job's kind is what it was made as").to_string().contains("permission denied"));
}
