//! Periodic jobs: one node does each period, even if nodes sleep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use parlor::kit::jobs::{self, Attempt, Failure, JobList, Jobs, Kind, Kinds, Retry, Running, Settings};
use parlor::kit::tx::Tx;
use serde_json::json;
use sqlx::AssertSqlSafe;
use tokio::sync::Semaphore;

use super::outside::{count, later, node};
use crate::support::postgres::Database;

const PERIOD_OVER: &str = "update job_periods set due_at = clock_timestamp() where kind = 'tests.tick'";

/// A kind that counts its runs.
#[derive(Clone)]
struct Tick {
    runs: Arc<AtomicUsize>,
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Tick {
    fn new(permits: usize) -> Self {
        Self { runs: Arc::default(), begun: Arc::new(Semaphore::new(0)), gate: Arc::new(Semaphore::new(permits)) }
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    async fn node(&self, database: &Database) -> Jobs {
        let kinds = Kinds::new().every(Duration::from_secs(3_600), self.clone());
        node(database, &Settings::default(), kinds).await
    }
}

impl Kind for Tick {
    const NAME: &'static str = "tests.tick";
    type Payload = ();

    async fn run(&self, _: &mut Running, (): ()) -> Result<(), Failure> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.begun.add_permits(1);
        self.gate.acquire().await.expect("it is never closed").forget();
        Ok(())
    }
}

#[tokio::test]
async fn each_period_is_done_once_however_many_nodes_look_for_it() {
    let (database, tick) = (Database::fresh().await, Tick::new(1_000));
    let nodes = join_all((0..4).map(|_| tick.node(&database))).await;
    let all_look = async || {
        let attempts = join_all(nodes.iter().map(|jobs| jobs.run_due())).await;
        attempts.into_iter().flat_map(|attempts| attempts.expect("the store answers")).count()
    };
    assert_eq!(all_look().await, 0, "the first is due when its time has gone by once");
    for period in 1..=20 {
        later(&database, PERIOD_OVER).await;
        assert_eq!((all_look().await, tick.runs()), (1, period));
    }
}

#[tokio::test]
async fn a_leader_that_sleeps_holds_no_period_and_begins_none_twice() {
    let (database, tick) = (Database::fresh().await, Tick::new(0));
    let (leader, other) = (tick.node(&database).await, tick.node(&database).await);
    later(&database, PERIOD_OVER).await;
    let asleep = tokio::spawn({
        let leader = leader.clone();
        async move { leader.run_due().await.expect("the store answers") }
    });
    // The leader has begun the period and its job, and sleeps in the middle of it.
    tick.begun.acquire().await.expect("it is never closed").forget();
    later(&database, PERIOD_OVER).await;
    assert_eq!(other.run_due().await.expect("the store answers"), [], "the period before is still under way");
    later(&database, "update jobs set due_at = clock_timestamp() where state = 'running'").await;
    let woken = tokio::spawn(async move { other.run_due().await.expect("the store answers") });
    tick.begun.acquire().await.expect("it is never closed").forget();
    tick.gate.add_permits(2);
    let attempts = [asleep.await.expect("it ends"), woken.await.expect("it ends")].concat();
    assert!(attempts.contains(&Attempt::Done) && attempts.contains(&Attempt::Lost), "{attempts:?}");
    assert_eq!(count(&database, "done").await, 1);
    assert_eq!(leader.run_due().await.expect("the store answers"), [], "no period is due");
}

/// Fails for good in one way or the other.
struct Fails(&'static str);

impl Kind for Fails {
    const NAME: &'static str = "tests.tick";
    type Payload = ();

    fn retry(&self) -> Retry {
        Retry { attempts: 1, ..Retry::default() }
    }

    async fn run(&self, _: &mut Running, (): ()) -> Result<(), Failure> {
        assert_ne!(self.0, "it panicked");
        Err(Failure::Passing(self.0.to_owned()))
    }
}

#[tokio::test]
async fn a_period_whose_job_has_failed_is_seen_by_staff_and_comes_again() {
    for why in ["the other side is away", "it panicked"] {
        let database = Database::fresh().await;
        let failing = Kinds::new().every(Duration::from_secs(3_600), Fails(why));
        let failing = node(&database, &Settings::default(), failing).await;
        for period in 1..=3 {
            later(&database, PERIOD_OVER).await;
            assert_eq!(failing.run_due().await.expect("the store answers"), [Attempt::Failed]);
            assert_eq!(count(&database, "failed").await, period);
        }
        let mut conn = database.app.acquire().await.expect("a connection");
        let window = serde_json::from_value::<JobList>(json!({})).expect("a list").window().expect("a window");
        let seen = jobs::page(&mut conn, Some(jobs::State::Failed), &window).await.expect("a page").items;
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|job| job.kind == "tests.tick" && job.last_error.as_deref() == Some(why)), "{seen:?}");

        // Mended, it is done in its next period; what staff has tried again then makes no second one of it.
        let tick = Tick::new(1_000);
        let mended = tick.node(&database).await;
        later(&database, PERIOD_OVER).await;
        let mut tx = Tx::begin(&database.app).await.expect("a transaction");
        assert_eq!(jobs::retry(&mut tx, seen[0].id).await.expect("again"), "tests.tick");
        tx.commit().await.expect("committed");
        assert_eq!(mended.run_due().await.expect("the store answers"), [Attempt::Done]);
        assert_eq!(tick.runs(), 1);
    }
}

#[tokio::test]
async fn a_period_that_was_moved_on_while_the_clock_was_ahead_comes_again() {
    let (database, tick) = (Database::fresh().await, Tick::new(1_000));
    let jobs = tick.node(&database).await;
    let ahead = "update job_periods set due_at = clock_timestamp() + interval '1 day' where kind = 'tests.tick'";
    later(&database, ahead).await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    assert_eq!(jobs.run_due().await.expect("the store answers"), [], "the next is due in its time");
}

#[tokio::test]
async fn jobs_that_were_dated_while_the_clock_was_ahead_are_done_and_none_that_was_put_off_is_done_early() {
    let (database, tick) = (Database::fresh().await, Tick::new(1_000));
    let jobs = tick.node(&database).await;
    let dated = async |set: &str| {
        later(&database, "delete from jobs").await;
        let job = "insert into jobs (kind, payload, state, attempts, taken, due_at, created_at) values ('tests.tick', 'null', ";
        let job = AssertSqlSafe(format!("{job} {set})"));
        sqlx::query(job).execute(&database.superuser).await.expect("a job");
        jobs.run_due().await.expect("the store answers")
    };
    // One that was enqueued, one that was to be tried again, and one whose worker died.
    let (day, now) = ("clock_timestamp() + interval '1 day'", "clock_timestamp()");
    assert_eq!(dated(&format!("'waiting', 0, 0, {day}, {day}")).await, [Attempt::Done]);
    assert_eq!(dated(&format!("'waiting', 2, 2, {day}, {now}")).await, [Attempt::Done]);
    assert_eq!(dated(&format!("'running', 1, 1, {day}, {now}")).await, [], "its worker may be alive");
    let lease = "select due_at < clock_timestamp() + interval '10 minutes' from jobs";
    let lease: bool = sqlx::query_scalar(lease).fetch_one(&database.superuser).await.expect("a row");
    assert!(lease, "its lease begins anew, and no period is held up for a day");
    later(&database, "update jobs set due_at = clock_timestamp()").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    // One that was put off for a day on purpose.
    assert_eq!(dated(&format!("'waiting', 0, 0, {day}, {now}")).await, []);
    assert_eq!(jobs.run_due().await.expect("the store answers"), []);
}

#[tokio::test]
async fn a_period_that_became_shorter_holds_from_the_next_start_on() {
    let (database, tick) = (Database::fresh().await, Tick::new(1_000));
    tick.node(&database).await;
    let kinds = Kinds::new().every(Duration::from_secs(1), tick.clone());
    node(&database, &Settings::default(), kinds).await;
    let due = "select due_at < clock_timestamp() + interval '2 s' from job_periods where kind = 'tests.tick'";
    assert!(sqlx::query_scalar::<_, bool>(due).fetch_one(&database.superuser).await.expect("a row"));
}

#[tokio::test]
async fn a_job_of_a_kind_that_was_removed_ends_after_a_while_and_is_emptied() {
    let database = Database::fresh().await;
    let jobs = node(&database, &Settings { keep_failed_days: 30, ..Settings::default() }, Kinds::new()).await;
    later(
        &database,
        "insert into jobs (kind, payload, sealed_with, due_at)
         select 'tests.removed', '{\"sealed\": \"x\"}', (select max(id) from job_keys), clock_timestamp() - age
           from unnest(array[interval '29 days', interval '31 days']) as age",
    )
    .await;
    later(&database, "update job_periods set due_at = clock_timestamp() where kind = 'jobs.clean_up'").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    let left: Vec<(String, String, bool)> = sqlx::query_as(
        "select state, payload::text, sealed_with is null from jobs where kind = 'tests.removed' order by due_at",
    )
    .fetch_all(&database.superuser)
    .await
    .expect("rows");
    let left: Vec<_> = left.iter().map(|(state, held, is_open)| (state.as_str(), held.as_str(), *is_open)).collect();
    let expected = [("failed", "{\"emptied\": true}", true), ("waiting", "{\"sealed\": \"x\"}", false)];
    assert_eq!(left, expected);
}

#[tokio::test]
async fn finished_jobs_go_after_a_while_and_others_stay() {
    let database = Database::fresh().await;
    let jobs =
        node(&database, &Settings { keep_done_hours: 24, keep_failed_days: 30, ..Settings::default() }, Kinds::new())
            .await;
    later(
        &database,
        "insert into jobs (kind, state, created_at, finished_at)
         select 'tests.old', state, clock_timestamp() - age,
                case when state in ('done', 'failed') then clock_timestamp() - age end
           from unnest(array['waiting', 'running', 'done', 'failed']) as state,
                unnest(array[interval '1 hour', interval '25 hours', interval '31 days']) as age",
    )
    .await;
    later(&database, "update job_periods set due_at = clock_timestamp() where kind = 'jobs.clean_up'").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    let left: Vec<(String, i64)> =
        sqlx::query_as("select state, count(*) from jobs where kind = 'tests.old' group by state order by state")
            .fetch_all(&database.superuser)
            .await
            .expect("rows");
    let left: Vec<_> = left.iter().map(|(state, count)| (state.as_str(), *count)).collect();
    assert_eq!(left, [("done", 1), ("failed", 2), ("running", 3), ("waiting", 3)]);
}
