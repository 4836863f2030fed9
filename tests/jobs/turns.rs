//! How often a job is done by the workers of several nodes, some of which sleep or end in the middle of it.

use std::collections::HashSet;

use parlor::kit::jobs::{self, Attempt, Job, Kinds, Settings};
use parlor::kit::tx::Tx;

use super::outside::{Outside, Post, Told, Write, at_work, count, deaf, enqueue, later, node, post, row};
use crate::support::postgres::Database;

const LEASE_OVER: &str = "update jobs set due_at = clock_timestamp() where state = 'running'";

#[tokio::test]
async fn a_thousand_jobs_are_done_once_each_by_the_workers_of_two_nodes() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let mut tx = Tx::begin(&database.app).await.expect("a transaction");
    for number in 0..1_000 {
        jobs::enqueue(&mut tx, post(number)).await.expect("it fits");
    }
    tx.commit().await.expect("committed");
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let jobs = node(&database, &deaf(), Kinds::new().with(Post(outside.clone()))).await;
        nodes.push((at_work(&jobs), jobs));
    }
    outside.had(1_000).await;
    for (_, jobs) in &nodes {
        jobs.drain().await;
    }
    let effects = outside.effects();
    let numbers: HashSet<_> = effects.iter().map(|(_, number)| number).collect();
    assert_eq!((effects.len(), numbers.len()), (1_000, 1_000));
    assert_eq!(count(&database, "done").await, 1_000);
}

#[tokio::test]
async fn a_job_is_there_with_the_commit_and_heard_of_at_once_by_every_node() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let jobs = node(&database, &deaf(), Kinds::new().with(Post(outside.clone()))).await;
    let _work = at_work(&jobs);
    // The first job may be found by polling; when it is done, the node surely listens.
    enqueue(&database, post(1)).await;
    outside.had(1).await;
    let mut tx = Tx::begin(&database.app).await.expect("a transaction");
    jobs::enqueue(&mut tx, post(2)).await.expect("it fits");
    drop(tx);
    let mut tx = Tx::begin(&database.app).await.expect("a transaction");
    jobs::enqueue(&mut tx, post(3)).await.expect("it fits");
    tx.commit().await.expect("committed");
    outside.had(2).await;
    let numbers: Vec<_> = outside.effects().into_iter().map(|(_, number)| number).collect();
    assert_eq!(numbers, [1, 3], "what was rolled back is nobody's");
}

#[tokio::test]
async fn a_worker_that_ends_between_effect_and_mark_has_its_job_done_again_under_the_same_key() {
    let (database, outside) = (Database::fresh().await, Outside::shut());
    let id = enqueue(&database, post(7)).await;
    let first = node(&database, &deaf(), Kinds::new().with(Post(outside.clone()))).await;
    let (_stop, work) = at_work(&first);
    outside.had(1).await;
    work.abort();
    let second = node(&database, &deaf(), Kinds::new().with(Post(outside.clone()))).await;
    assert_eq!(second.run_due().await.expect("the store answers"), [], "it is the first one's until its lease is over");
    later(&database, LEASE_OVER).await;
    outside.gate.add_permits(1);
    assert_eq!(second.run_due().await.expect("the store answers"), [Attempt::Done]);
    let effects = outside.effects();
    assert_eq!(effects.len(), 2, "at least once");
    assert_eq!(effects[0], effects[1], "who heeds the key sees one");
    let (state, attempts, ..) = row(&database, id).await;
    assert_eq!((state.as_str(), attempts), ("done", 2));
}

#[tokio::test]
async fn a_worker_that_slept_through_its_lease_marks_nothing() {
    let (database, outside) = (Database::fresh().await, Outside::shut());
    let id = enqueue(&database, post(7)).await;
    let kinds = || Kinds::new().with(Post(outside.clone()));
    let sleeper = node(&database, &deaf(), kinds()).await;
    let slept = tokio::spawn(async move { sleeper.run_due().await.expect("the store answers") });
    outside.had(1).await;
    later(&database, LEASE_OVER).await;
    let other = node(&database, &deaf(), kinds()).await;
    let done = tokio::spawn(async move { other.run_due().await.expect("the store answers") });
    outside.had(2).await;
    outside.gate.add_permits(1);
    // The gate is fair, so the worker that slept continues first and finds that the job is no longer its own.
    assert_eq!(slept.await.expect("it ends"), [Attempt::Lost]);
    assert_eq!(row(&database, id).await.0, "running", "it is the other's");
    outside.gate.add_permits(1);
    assert_eq!(done.await.expect("it ends"), [Attempt::Done]);
    assert_eq!(row(&database, id).await.0, "done");
}

#[tokio::test]
async fn what_is_written_with_the_mark_is_written_once_whoever_sleeps() {
    let (database, outside) = (Database::fresh().await, Outside::shut());
    later(&database, "create table notes (number bigint not null)").await;
    later(&database, "grant insert on notes to parlor_app").await;
    enqueue(&database, Job::new::<Write>(&Told { number: 7 })).await;
    let kinds = || Kinds::new().with(Write(outside.clone()));
    let sleeper = node(&database, &deaf(), kinds()).await;
    let slept = tokio::spawn(async move { sleeper.run_due().await.expect("the store answers") });
    outside.saw(1).await;
    later(&database, LEASE_OVER).await;
    let other = node(&database, &deaf(), kinds()).await;
    let done = tokio::spawn(async move { other.run_due().await.expect("the store answers") });
    outside.saw(2).await;
    outside.gate.add_permits(2);
    let mut attempts = [slept.await.expect("it ends"), done.await.expect("it ends")].concat();
    attempts.sort_by_key(|attempt| *attempt as u8);
    assert_eq!(attempts, [Attempt::Done, Attempt::Lost]);
    let notes: Vec<i64> =
        sqlx::query_scalar("select number from notes").fetch_all(&database.superuser).await.expect("rows");
    assert_eq!(notes, [7]);
}

#[tokio::test]
async fn of_jobs_with_one_word_only_one_waits_or_runs() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let jobs = node(&database, &Settings::default(), Kinds::new().with(Post(outside.clone()))).await;
    let mut tx = Tx::begin(&database.app).await.expect("a transaction");
    let first = jobs::enqueue(&mut tx, post(1).unique("layla")).await.expect("it fits");
    let second = jobs::enqueue(&mut tx, post(2).unique("layla")).await.expect("it fits");
    let other = jobs::enqueue(&mut tx, post(3).unique("omar")).await.expect("it fits");
    tx.commit().await.expect("committed");
    assert_eq!((first.is_some(), second, other.is_some()), (true, None, true));
    assert_eq!(jobs.run_due().await.expect("the store answers").len(), 2);
    enqueue(&database, post(4).unique("layla")).await;
}

#[tokio::test]
async fn a_job_of_an_unknown_kind_waits_for_a_program_that_knows_it() {
    let (database, outside) = (Database::fresh().await, Outside::open());
    let id = enqueue(&database, post(1)).await;
    let older = node(&database, &Settings::default(), Kinds::new()).await;
    assert_eq!(older.run_due().await.expect("the store answers"), []);
    assert_eq!(row(&database, id).await.0, "waiting");
    let newer = node(&database, &Settings::default(), Kinds::new().with(Post(outside))).await;
    assert_eq!(newer.run_due().await.expect("the store answers"), [Attempt::Done]);
}
