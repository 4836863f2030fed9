//! The lease of a sole node: refused while another server lives, taken over when it is gone.

use std::time::Duration;

use parlor::cluster::{Node, Settings};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{count, node};
use crate::support::postgres::Database;

fn settings(lease_ms: u64) -> Settings {
    Settings { lease_ms, renew_ms: 100, ..Settings::default() }
}

async fn start(database: &Database, lease_ms: u64, stop: &CancellationToken) -> parlor::error::Result<Node> {
    Node::start(database.app.clone(), &settings(lease_ms), stop.clone(), &TaskTracker::new()).await
}

#[tokio::test]
async fn a_second_server_refuses_while_the_first_one_lives() {
    let database = Database::fresh().await;
    let stop = CancellationToken::new();
    let first = start(&database, 2_000, &stop).await.expect("the only one");
    let error = start(&database, 2_000, &stop).await.expect_err("the first one lives");
    assert!(error.to_string().contains("another server (node `main`) is serving this database"), "{error}");
    assert!(!first.lost().is_cancelled());
    stop.cancel();
    first.release().await.expect("released");
    let begun = Instant::now();
    start(&database, 2_000, &CancellationToken::new()).await.expect("the place is free");
    assert!(begun.elapsed() < Duration::from_secs(1), "a released lease is not waited for");
}

#[tokio::test]
async fn a_lease_that_nobody_renews_is_waited_for_and_taken_over() {
    let database = Database::fresh().await;
    let dead = node(&database.app, "main", 0, 700.0).await;
    let begun = Instant::now();
    let next = start(&database, 2_000, &CancellationToken::new()).await.expect("the other one is gone");
    assert!(begun.elapsed() >= Duration::from_millis(500));
    assert!(next.identity().incarnation > dead.incarnation);
    assert_eq!(count(&database.app, "select count(*) from nodes where lease_until > clock_timestamp()").await, 1);
}

#[tokio::test]
async fn a_server_that_is_replaced_hears_of_it() {
    let database = Database::fresh().await;
    let stop = CancellationToken::new();
    let first = start(&database, 2_000, &stop).await.expect("the only one");
    node(&database.app, "main", 1_000, 2_000.0).await;
    timeout(Duration::from_secs(5), first.lost().cancelled()).await.expect("noticed at the next renewal");
    stop.cancel();
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_it_is_renewed() {
    let database = Database::fresh().await;
    let stop = CancellationToken::new();
    let node = start(&database, 400, &stop).await.expect("the only one");
    let live = "select count(*) from nodes where lease_until > clock_timestamp()";
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1_000) {
        assert_eq!(count(&database.app, live).await, 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!node.lost().is_cancelled());
    stop.cancel();
}
