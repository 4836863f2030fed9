//! The ends of jobs that do not succeed at once, and the end of the workers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use parlor::kit::jobs::{Attempt, Failure, Kind, Kinds, Running, Settings};

use super::outside::{Outside, Post, at_work, count, deaf, enqueue, later, node, post, row};
use crate::support::postgres::Database;

const DUE: &str = "update jobs set due_at = clock_timestamp() where state in ('waiting', 'running')";

/// Milliseconds until the one job is due.
async fn due_in_ms(database: &Database) -> f64 {
    let due = "select (extract(epoch from due_at - clock_timestamp()) * 1000)::float8 from jobs";
    sqlx::query_scalar(due).fetch_one(&database.superuser).await.expect("a job")
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_after_growing_waits_until_it_is_the_last() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let jobs = node(&database, &Settings::default(), Kinds::new().with(Post(outside.clone()))).await;
    outside.failures.store(3, Ordering::Relaxed);
    let id = enqueue(&database, post(1)).await;
    for (attempt, wait_seconds) in [(1, 100.0), (2, 200.0)] {
        assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Again]);
        let due = due_in_ms(&database).await / 1_000.0;
        assert!((wait_seconds * 0.7..=wait_seconds * 1.25).contains(&due), "{due} s after attempt {attempt}");
        assert_eq!(jobs.run_due().await.expect("the store answers"), [], "it waits");
        let (state, attempts, error, _) = row(&database, id).await;
        assert_eq!((state.as_str(), attempts, error.as_deref()), ("waiting", attempt, Some("busy")));
        later(&database, DUE).await;
    }
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Failed]);
    let (state, attempts, error, _) = row(&database, id).await;
    assert_eq!((state.as_str(), attempts, error.as_deref()), ("failed", 3, Some("busy")));
    assert!(outside.effects().is_empty());
}

#[tokio::test]
async fn a_final_failure_is_not_tried_again() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let jobs = node(&database, &Settings::default(), Kinds::new().with(Post(outside.clone()))).await;
    outside.failures.store(1, Ordering::Relaxed);
    *outside.failure.lock().expect("nobody panicked") = Failure::Final("no such mailbox".to_owned());
    let id = enqueue(&database, post(1)).await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Failed]);
    assert_eq!(row(&database, id).await.2.as_deref(), Some("no such mailbox"));
}

#[tokio::test]
async fn a_job_whose_workers_never_come_back_fails_when_it_was_taken_once_more_than_it_has_attempts() {
    let (database, outside) = (Database::fresh().await, Outside::shut());
    let id = enqueue(&database, post(1)).await;
    for attempt in 1..=4 {
        let jobs = node(&database, &deaf(), Kinds::new().with(Post(outside.clone()))).await;
        let (_stop, work) = at_work(&jobs);
        outside.had(attempt).await;
        work.abort();
        later(&database, DUE).await;
    }
    let jobs = node(&database, &deaf(), Kinds::new().with(Post(outside.clone()))).await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), []);
    let (state, attempts, error, _) = row(&database, id).await;
    assert_eq!((state.as_str(), attempts), ("failed", 4));
    assert_eq!(error.as_deref(), Some("the worker of the last attempt did not come back"));
}

#[tokio::test]
async fn a_job_whose_time_is_over_is_not_begun() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let jobs = node(&database, &Settings::default(), Kinds::new().with(Post(outside.clone()))).await;
    let id = enqueue(&database, post(1).within(Duration::from_secs(600))).await;
    later(&database, "update jobs set expires_at = clock_timestamp()").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), []);
    let (state, attempts, error, _) = row(&database, id).await;
    assert_eq!((state.as_str(), attempts, error.as_deref()), ("failed", 0, Some("its time was over")));
    assert!(outside.effects().is_empty());
}

#[tokio::test]
async fn a_job_of_one_attempt_whose_worker_ended_before_it_began_is_done_all_the_same() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let jobs = node(&database, &Settings::default(), Kinds::new().with(Post(outside.clone()))).await;
    let id = enqueue(&database, post(1)).await;
    // It was taken for its last attempt, and the worker was killed at once.
    later(&database, "update jobs set state = 'running', attempts = 3, taken = 3, due_at = clock_timestamp()").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
    assert_eq!(row(&database, id).await.0, "done");
    assert_eq!(outside.effects().len(), 1);
}

#[tokio::test]
async fn a_job_that_is_to_run_later_waits() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let jobs = node(&database, &Settings::default(), Kinds::new().with(Post(outside.clone()))).await;
    enqueue(&database, post(1).later(Duration::from_secs(60))).await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), []);
    later(&database, DUE).await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
}

/// A kind whose jobs panic or never end.
struct Bad(bool);

impl Kind for Bad {
    const NAME: &'static str = "tests.bad";
    type Payload = ();

    fn time_limit(&self) -> Duration {
        Duration::from_millis(50)
    }

    async fn run(&self, _: &mut Running, (): ()) -> Result<(), Failure> {
        assert!(!self.0, "it panics as it was told");
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_job_that_panics_or_hangs_has_failed_and_costs_the_others_nothing() {
    for (panics, words) in [(true, "it panicked"), (false, "it took longer than 0.05 s")] {
        let (database, outside) = (Database::fresh().await, Outside::open());
        let kinds = Kinds::new().with(Bad(panics)).with(Post(outside.clone()));
        let jobs = node(&database, &deaf(), kinds).await;
        let bad = enqueue(&database, parlor::kit::jobs::Job::new::<Bad>(&())).await;
        let _work = at_work(&jobs);
        enqueue(&database, post(1)).await;
        outside.had(1).await;
        jobs.drain().await;
        let (state, _, error, _) = row(&database, bad).await;
        assert_eq!((state.as_str(), error.as_deref()), ("waiting", Some(words)));
    }
}

#[tokio::test]
async fn a_drain_ends_what_is_under_way_and_takes_nothing_more() {
    let (database, outside) = (Database::fresh().await, Outside::shut());
    for number in 0..10 {
        enqueue(&database, post(number)).await;
    }
    let settings = Settings { at_once: 2, ..deaf() };
    let jobs = node(&database, &settings, Kinds::new().with(Post(outside.clone()))).await;
    let (_stop, work) = at_work(&jobs);
    outside.had(2).await;
    let draining = tokio::spawn(async move { jobs.drain().await });
    tokio::task::yield_now().await;
    assert!(!draining.is_finished(), "two are under way");
    outside.gate.add_permits(100);
    draining.await.expect("it ends");
    work.await.expect("it ends");
    assert_eq!(outside.effects().len() as i64, count(&database, "done").await);
    assert_eq!(count(&database, "running").await, 0);
    assert!(count(&database, "waiting").await >= 10 - 4, "what was not taken waits for others");
}

#[tokio::test]
async fn what_a_stop_cuts_off_is_due_at_once() {
    let (database, outside) = (Database::fresh().await, Outside::shut());
    let id = enqueue(&database, post(1)).await;
    let jobs = node(&database, &deaf(), Kinds::new().with(Post(outside.clone()))).await;
    let (stop, work) = at_work(&jobs);
    outside.had(1).await;
    stop.cancel();
    work.await.expect("it ends");
    let (state, attempts, ..) = row(&database, id).await;
    assert_eq!((state.as_str(), attempts), ("waiting", 0));
    outside.gate.add_permits(1);
    let other = node(&database, &deaf(), Kinds::new().with(Post(outside.clone()))).await;
    assert_eq!(other.run_due().await.expect("the store answers"), [Attempt::Done]);
}
