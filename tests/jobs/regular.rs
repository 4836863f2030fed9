//! The periodic jobs of the server: they replace old keys and remove expired rows.

use std::collections::BTreeSet;

use parlor::kit::jobs::{Attempt, Jobs, Kinds, Settings};
use serde_json::json;

use super::outside::later;
use crate::identity::api::{Api, registration};
use crate::support::edge;
use crate::support::postgres::Database;
use crate::support::world::World;

async fn rows(database: &Database, table: &'static str) -> i64 {
    let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    sqlx::query_scalar(count).fetch_one(&database.superuser).await.expect("a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_has_a_period_for_each_thing_that_it_does_again_and_again() {
    let world = World::dev().await;
    let kinds: Vec<String> =
        sqlx::query_scalar("select kind from job_periods").fetch_all(&world.database.superuser).await.expect("rows");
    let kinds: BTreeSet<&str> = kinds.iter().map(String::as_str).collect();
    for kind in ["identity.keys", "identity.sweep", "jobs.clean_up", "jobs.keys", "media.clean_up", "room.forget_facts"]
    {
        assert!(kinds.contains(kind), "{kind} is missing in {kinds:?}");
    }
}

#[tokio::test]
async fn old_keys_have_successors_and_what_counts_no_more_is_gone() {
    let api = Api::new().await;
    let database = &api.database;
    let asked = json!({"contact": "layla@example.com", "purpose": "register"});
    api.post("/v1/auth/codes", &asked).send().await;
    api.outbox.code("layla@example.com", 1).await;
    let mut wrong = registration("layla@example.com");
    wrong["code"] = json!("000000");
    api.post("/v1/auth/register", &wrong).send().await;
    let login = json!({"login": "layla@example.com", "password": "a guess at random", "device": "test"});
    api.post("/v1/auth/login", &login).send().await;
    let kinds = api.identity.kinds(Kinds::new(), &edge(&database.app));
    let jobs = Jobs::open(database.app.clone(), &Settings::default(), kinds, ()).await.expect("it opens");
    let tend = async || {
        later(database, "update job_periods set due_at = clock_timestamp() where kind like 'identity.%'").await;
        jobs.run_due().await.expect("the store answers")
    };
    let counts = async || {
        [
            rows(database, "signing_keys").await,
            rows(database, "one_time_codes").await,
            rows(database, "throttles").await,
            rows(database, "usages").await,
            rows(database, "sign_in_guesses").await,
            rows(database, "code_tries").await,
        ]
    };
    assert_eq!(tend().await, [Attempt::Done, Attempt::Done]);
    assert_eq!(counts().await, [2, 1, 1, 1, 1, 1], "nothing is old");
    later(database, "update signing_keys set created_at = created_at - interval '31 days'").await;
    later(database, "update usages set at = at - interval '1 day'").await;
    later(database, "update sign_in_guesses set at = at - interval '1 day'").await;
    later(database, "update one_time_codes set expires_at = clock_timestamp()").await;
    later(
        database,
        "update throttles set blocked_until = clock_timestamp(), counted_at = counted_at - interval '2 days'",
    )
    .await;
    assert_eq!(tend().await, [Attempt::Done, Attempt::Done]);
    assert_eq!(counts().await, [4, 0, 0, 0, 0, 0]);
}
