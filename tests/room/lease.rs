//! The lease of a single node: it is refused while another server lives, and taken over when that server is gone.

use std::time::Duration;

use parlor::cluster::{Node, Settings};
use parlor::kit::clock::BootClock;
use parlor::start::StartError;
use tokio::time::{Instant, timeout};

use super::node;
use crate::support::time::until;
use crate::support::world::Ground;

/// How many leases live.
const LIVE: &str = "select count(*) from nodes where lease_until > clock_timestamp()";

/// Until when the lease lasts, in milliseconds of the database's clock.
const LAST_MS: &str = "select (extract(epoch from max(lease_until)) * 1000)::bigint from nodes";

fn settings(lease_ms: u64) -> Settings {
    Settings { lease_ms, renew_ms: 100, ..Settings::default() }
}

async fn start(ground: &Ground, lease_ms: u64) -> Result<Node, StartError> {
    start_as("main", ground, lease_ms).await
}

async fn start_as(name: &str, ground: &Ground, lease_ms: u64) -> Result<Node, StartError> {
    let settings = Settings { node_id: name.into(), ..settings(lease_ms) };
    Node::start(ground.database.app.clone(), BootClock::system(), &settings, &ground.supervisor).await
}

async fn is_lost(node: &Node) -> bool {
    timeout(Duration::from_secs(5), node.lost().cancelled()).await.is_ok()
}

#[tokio::test]
async fn a_second_server_refuses_while_the_first_one_lives() {
    let ground = Ground::fresh().await;
    let first = start(&ground, 2_000).await.expect("the only one");
    let error = start(&ground, 2_000).await.expect_err("the first one lives");
    assert!(error.to_string().contains("another server (node `main`) is serving this database"), "{error}");
    assert!(!first.lost().is_cancelled());
    first.release().await.expect("released");
    let begun = Instant::now();
    start(&ground, 2_000).await.expect("the place is free");
    assert!(begun.elapsed() < Duration::from_secs(1), "a released lease is not waited for");
}

#[tokio::test]
async fn a_node_whose_machine_has_slept_serves_nothing_until_its_lease_is_renewed() {
    let (ground, clock) = (Ground::fresh().await, BootClock::of_runtime());
    let settings = settings(30_000);
    let started = Node::start(ground.database.app.clone(), clock.clone(), &settings, &ground.supervisor);
    let node = started.await.expect("the only one");
    assert!(node.serves());
    // Nothing else of this thread runs meanwhile: no renewal comes between.
    clock.sleep(Duration::from_secs(25));
    assert!(!node.serves() && node.lease().left().is_zero(), "five sixths of the lease are over");
    timeout(Duration::from_secs(10), node.lease().held()).await.expect("the database still has it as this node's");
    assert!(node.serves() && !node.lost().is_cancelled());
}

#[tokio::test]
async fn a_lease_that_nobody_renews_is_waited_for_and_taken_over() {
    let ground = Ground::fresh().await;
    let dead = node(&ground.database.app, "main", 0, 700.0).await;
    let begun = Instant::now();
    let next = start(&ground, 2_000).await.expect("the other one is gone");
    assert!(begun.elapsed() >= Duration::from_millis(700));
    assert!(next.identity().incarnation > dead.incarnation);
    assert_eq!(ground.count(LIVE).await, 1);
}

/// What makes the end of a lease one that was written when the database's clock was ahead or behind.
const DATES: [&str; 5] = [
    "update nodes set lease_until = clock_timestamp() + interval '1 day'",
    "update nodes set lease_until = clock_timestamp() + interval '10 minutes'",
    "update nodes set lease_until = clock_timestamp() - interval '1 minute'",
    "update nodes set lease_until = clock_timestamp() - interval '1 day'",
    "update nodes set lease_until = '2000-01-01'",
];

#[tokio::test]
async fn a_dead_servers_lease_is_waited_for_as_long_as_it_lasts_whatever_the_databases_clock_shows() {
    for date in DATES {
        let ground = Ground::fresh().await;
        let dead = node(&ground.database.app, "other", 0, 700.0).await;
        ground.superuser(date).await;
        let begun = Instant::now();
        let next = start(&ground, 600_000).await.expect("the other one is gone");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(700) && took < Duration::from_secs(5), "{date}: {took:?}");
        assert!(next.identity().incarnation > dead.incarnation);
        assert_eq!(ground.count(LIVE).await, 1, "{date}: the dead one's has ended");
    }
}

#[tokio::test]
async fn a_living_servers_lease_is_not_taken_whatever_the_databases_clock_shows() {
    for date in DATES {
        let ground = Ground::fresh().await;
        let first = start(&ground, 2_000).await.expect("the only one");
        // It is renewed ten times a second; the clock was set back or forward a moment ago.
        ground.superuser(date).await;
        let error = start(&ground, 2_000).await.expect_err("the first one lives");
        assert!(error.to_string().contains("another server (node `main`) is serving this database"), "{error}");
        assert!(first.serves() && !first.lost().is_cancelled(), "{date}");
    }
}

#[tokio::test]
async fn a_lease_that_was_given_back_has_ended_whatever_the_databases_clock_shows_later() {
    let ground = Ground::fresh().await;
    start(&ground, 2_000).await.expect("the only one").release().await.expect("released");
    assert_eq!(ground.count("select count(*) from nodes where lease_until = '-infinity'").await, 1);
}

#[tokio::test]
async fn a_lease_that_an_older_program_wrote_is_watched_by_the_watchers_own_setting() {
    let ground = Ground::fresh().await;
    node(&ground.database.app, "main", 0, 60_000.0).await;
    ground.superuser("update nodes set lease_ms = null").await;
    let begun = Instant::now();
    start(&ground, 1_000).await.expect("the other one is gone");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_server_that_is_replaced_hears_of_it() {
    let ground = Ground::fresh().await;
    let first = start(&ground, 2_000).await.expect("the only one");
    node(&ground.database.app, "main", 1_000, 2_000.0).await;
    timeout(Duration::from_secs(5), first.lost().cancelled()).await.expect("noticed at the next renewal");
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_it_is_renewed() {
    let ground = Ground::fresh().await;
    let node = start(&ground, 400).await.expect("the only one");
    let first = ground.count(LAST_MS).await;
    let lasts = async || {
        assert_eq!(ground.count(LIVE).await, 1);
        (ground.count(LAST_MS).await > first + 1_000).then_some(())
    };
    until("the lease lasts a second longer than it was made for", Duration::from_secs(10), lasts).await;
    assert!(!node.lost().is_cancelled());
}

#[tokio::test]
async fn regression_servers_of_different_names_do_not_serve_one_database_at_once() {
    let ground = Ground::fresh().await;
    let first = start_as("a", &ground, 2_000).await.expect("the only one");
    let error = start_as("b", &ground, 2_000).await.expect_err("the first one lives");
    assert!(error.to_string().starts_with("another server (node `a`) is serving this database"), "{error}");
    assert!(!first.lost().is_cancelled() && first.serves());
    // Replaced by one of another name, and that one is gone already.
    node(&ground.database.app, "b", 1_000, -1.0).await;
    assert!(is_lost(&first).await, "noticed at the next renewal");
    assert!(!first.serves());
    assert_eq!(ground.count(LIVE).await, 1, "its lease is not renewed any more");
}

#[tokio::test]
async fn regression_of_two_servers_that_start_at_once_one_serves() {
    let ground = Ground::fresh().await;
    for round in 0..4 {
        let names = [format!("a{round}"), format!("b{round}")];
        let (one, other) = tokio::join!(start_as(&names[0], &ground, 2_000), start_as(&names[1], &ground, 2_000));
        let (node, refused) = match (one, other) {
            (Ok(node), Err(refused)) | (Err(refused), Ok(node)) => (node, refused),
            (one, other) => panic!("exactly one: {one:?}, {other:?}"),
        };
        assert!(refused.to_string().contains("there can be only one"), "{refused}");
        assert_eq!(ground.count(LIVE).await, 1);
        assert!(!node.lost().is_cancelled());
        node.release().await.expect("released");
    }
}

#[tokio::test]
async fn regression_of_a_server_that_renews_late_and_its_successor_one_serves() {
    // Who of the two waits in front of the database's lock is left to chance.
    for waiting in [1, 2, 1, 2] {
        let ground = Ground::fresh().await;
        let old = start_as("old", &ground, 2_000).await.expect("the only one");
        let mut gate = ground.database.superuser.begin().await.expect("begins");
        for sql in ["select pg_advisory_xact_lock(7270, 1)", "update nodes set lease_until = '-infinity'"] {
            sqlx::query(sql).execute(&mut *gate).await.expect("the superuser may");
        }
        let (name, stopped) = (ground.database.name.clone(), ground.supervisor.clone());
        let pool = ground.database.app.clone();
        let starting = tokio::spawn(async move {
            let settings = Settings { node_id: "new".into(), ..settings(2_000) };
            Node::start(pool, BootClock::system(), &settings, &stopped).await
        });
        let held = "select count(*) from pg_locks join pg_database d on d.oid = database \
                    where locktype = 'advisory' and not granted and datname = current_database()";
        let since = Instant::now();
        while ground.count(held).await < waiting {
            assert!(since.elapsed() < Duration::from_secs(10), "{name}: both come to the lock");
            tokio::task::yield_now().await;
        }
        gate.commit().await.expect("commits");
        match starting.await.expect("no panic") {
            Ok(new) => {
                assert!(is_lost(&old).await, "the old one has been replaced and hears of it");
                assert!(!new.lost().is_cancelled() && new.serves());
            }
            Err(error) => {
                assert!(error.to_string().contains("node `old`"), "{error}");
                assert!(!old.lost().is_cancelled() && old.serves());
            }
        }
        assert_eq!(ground.count(LIVE).await, 1);
    }
}

#[tokio::test]
async fn a_released_lease_is_not_renewed_any_more() {
    let ground = Ground::fresh().await;
    let first = start(&ground, 2_000).await.expect("the only one");
    first.release().await.expect("released");
    assert!(!first.serves() && !first.lost().is_cancelled());
    let begun = Instant::now();
    start(&ground, 2_000).await.expect("the place is free");
    assert!(begun.elapsed() < Duration::from_secs(1), "nobody is waited for");
}
