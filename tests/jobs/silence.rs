//! A store that neither answers nor goes away.

use std::time::Duration;

use parlor::kit::jobs::{Jobs, Kinds, Settings};
use sqlx::postgres::PgPoolOptions;

use super::outside::{Outside, Post, at_work, enqueue, post};
use crate::ledger::proxy::{Cut, Proxy};
use crate::support::postgres::Database;

/// A look that is never answered has a time of its own, and its connection is given up.
#[tokio::test]
async fn workers_that_were_asking_when_the_store_fell_silent_ask_again_when_it_answers() {
    let (database, outside, proxy) = (Database::fresh().await, Outside::open(), Proxy::start());
    let options = proxy.through(database.options("parlor_app"));
    // Connections are there and are trusted: so what is swallowed first is the pool's own word when it takes one back, or
    // a look, and what is swallowed second is a look.
    let pool = PgPoolOptions::new().min_connections(4).max_connections(4).test_before_acquire(false);
    let pool = pool.acquire_timeout(Duration::from_secs(1)).connect_with(options).await.expect("connected");
    let settings = Settings { poll_ms: 10, ..Settings::default() };
    let kinds = Kinds::new().with(Post(outside.clone()));
    let jobs = Jobs::open(pool, &settings, kinds, ()).await.expect("the periods are known");
    let (stop, work) = at_work(&jobs);
    enqueue(&database, post(1)).await;
    outside.had(1).await;

    proxy.cut(Cut::Silence);
    proxy.cuts_again().await;
    proxy.cuts_again().await;
    proxy.cut(Cut::Nothing);
    enqueue(&database, post(2)).await;
    outside.had(2).await;

    // A drain waits for no look that is never answered either.
    proxy.cut(Cut::Silence);
    proxy.cuts_again().await;
    jobs.drain().await;
    stop.cancel();
    work.await.expect("it ends");
}
