//! The database's clock is set back and forward while the server serves, and over a restart.
//!
//! A step of that clock by a time is the same as a change of all stored times by as much the other way: nothing in the
//! database can tell the two apart. So a test needs no other clock for it.

use std::time::Duration;

use hyper::Method;
use parlor_protocol::CloseCode;
use serde_json::json;
use sqlx::AssertSqlSafe;
use tokio::task::block_in_place;

use crate::support::time::until;
use crate::support::world::{PASSWORD, World};

const DAY: i64 = 86_400;

/// How far the clock is set forward; less than 0 is back.
const STEPS: [i64; 6] = [60, -60, DAY, -DAY, -DAY, 2 * DAY];

/// Sets the database's clock forward by so many seconds.
async fn step(world: &World, seconds: i64) {
    let sql = format!(
        "do $$
         declare
             stored record;
         begin
             set local session_replication_role = replica;
             for stored in
                 select c.table_name,
                        string_agg(format('%1$I = %1$I - make_interval(secs => {seconds})', c.column_name), ', ') as earlier
                   from information_schema.columns c
                   join information_schema.tables t using (table_schema, table_name)
                  where c.table_schema = 'public' and t.table_type = 'BASE TABLE'
                    and c.data_type = 'timestamp with time zone' and c.table_name <> '_sqlx_migrations'
                  group by c.table_name
             loop
                 execute format('update %I set %s', stored.table_name, stored.earlier);
             end loop;
         end $$"
    );
    // The server works meanwhile, so the two may wait for each other once.
    let stepped = async || sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&world.database.superuser).await.ok();
    until("the clock is set", Duration::from_secs(10), stepped).await;
}

fn ready(world: &World) -> u16 {
    block_in_place(|| world.program.get("/readyz")).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_serves_on_and_ends_sessions_whatever_step_the_databases_clock_makes() {
    let world = World::serve().roomy().lease(1_000).await;
    let (_, staff) = world.entered("admin").await;
    for seconds in STEPS {
        let (user, _) = world.entered("user").await;
        let owner = world.person("user").await;
        let room = world.room(owner).await;
        let mut client = world.in_room(user, room).await;
        step(&world, seconds).await;
        client.chat(room, "still here").await.expect("said");
        assert_eq!(world.suspend(user, &staff).await, 200, "a step of {seconds} s");
        // The clock is set again, between the suspension and the next look for it.
        step(&world, -seconds).await;
        step(&world, seconds).await;
        assert_eq!(client.closed().await, Some(CloseCode::Suspended.number()), "a step of {seconds} s");
        assert_eq!(ready(&world), 200, "a step of {seconds} s");
    }
    assert!(!world.program.said().contains("ERROR"), "{}", world.program.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn periods_go_on_after_the_databases_clock_was_ahead() {
    let world = World::serve().roomy().lease(1_000).set("PARLOR__JOBS__POLL_MS", 100).await;
    let late = "select count(*) from job_periods
                 where due_at > clock_timestamp() + make_interval(secs => 2 * every_seconds)";
    for seconds in [-DAY, -3_600, DAY, -DAY] {
        step(&world, seconds).await;
        let mended = async || (world.count(late).await == 0).then_some(());
        until("no period is due later than it can be", Duration::from_secs(10), mended).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_locked_out_for_as_long_as_the_databases_clock_was_ahead() {
    let world = World::serve().roomy().lease(1_000).await;
    world.registered("locked").await;
    let login = async |password: &str| {
        let body = json!({"login": "locked@example.com", "password": password, "device": "phone"});
        world.call_as(None, Method::POST, "/v1/auth/login", "", Some(body)).await.0
    };
    let mut tries = 0;
    while login("of somebody else").await != 429 {
        tries += 1;
        assert!(tries < 100, "wrong passwords are made to wait for");
    }
    assert_eq!(login(PASSWORD).await, 429, "a wait holds");
    world.superuser("update sign_in_guesses set at = clock_timestamp() + interval '1 day'").await;
    assert_eq!(login(PASSWORD).await, 200, "no wait is as long as that: the clock was ahead when it was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_waits_for_no_more_than_a_lease_whatever_step_the_databases_clock_made() {
    let mut world = World::serve().roomy().lease(1_000).await;
    for (turn, seconds) in STEPS.into_iter().enumerate() {
        let begun = tokio::time::Instant::now();
        if turn % 2 == 0 {
            world.kill().await
        } else {
            world.stop().await
        }
        step(&world, seconds).await;
        world.start_again().await;
        assert_eq!(ready(&world), 200);
        assert!(begun.elapsed() < Duration::from_secs(20), "a step of {seconds} s: {:?}", begun.elapsed());
    }
}
