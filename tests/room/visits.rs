//! Visits and stays on a real PostgreSQL: who was where, over a stop, a kill and a new owner.

use std::time::Duration;

use parlor::kit::jobs::{Attempt, Jobs, Kinds, Settings as JobSettings};
use parlor::room::visits::KeepVisits;
use parlor::room::{Request, Settings};
use parlor_protocol::Command;
use parlor_protocol::command::{MoveSeat, OnMap, TakeSeat};
use parlor_protocol::reply::Done;
use serde_json::Value;
use sqlx::PgPool;

use super::directory::{Server, command, join, take};
use super::{room, user};
use crate::support::plan::plan;
use crate::support::time::until;
use crate::support::world::{Ground, World};

const WITHIN: Duration = Duration::from_secs(20);

/// User, seat, and whether it has ended, in the order of the beginnings.
async fn spells(pool: &PgPool) -> Vec<(i64, Option<i16>, bool)> {
    sqlx::query_as("select user_id, seat, ended is not null from visits order by began, id")
        .fetch_all(pool)
        .await
        .expect("reads")
}

/// How many pairs of rows of one user in one room overlap.
const OVERLAPS: &str = "select count(*) from visits a join visits b
    on a.room_id = b.room_id and a.user_id = b.user_id and a.seated = b.seated and a.id < b.id
   and a.began < coalesce(b.ended, 9223372036854775807) and b.began < coalesce(a.ended, 9223372036854775807)";

fn prompt() -> Settings {
    Settings { timeline_gather_ms: 10, timeline_sample_ms: 0, ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visits_and_stays_begin_and_end_as_people_come_sit_move_and_go() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    let server = Server::start(pool, prompt()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    for number in [2, 3] {
        join(&handle, number).await.expect("joined");
    }
    command(&handle, 2, 1, take(&card, 4)).await.expect("free");
    let to = Command::SeatMove(MoveSeat { room: card.id, seat: 5, version: None });
    command(&handle, 2, 2, to).await.expect("free");
    // The same user on another device is the same visit.
    join(&handle, 3).await.expect("joined");
    let open = async || (ground.count("select count(*) from visits where ended is null").await == 3).then_some(());
    until("two visits and a stay go on", WITHIN, open).await;
    handle.call(Request::Leave { user: user(3) }).await.expect("never refused");
    let ended = async || (ground.count("select count(*) from visits where ended is null").await == 2).then_some(());
    until("one visit has ended", WITHIN, ended).await;
    server.end().await;
    let (two, three) = (user(2).number(), user(3).number());
    let mut found = spells(pool).await;
    // A stay that lasted less than a millisecond is none.
    found.retain(|spell| *spell != (two, Some(4), true));
    // What began in the same millisecond has no order.
    found.sort_unstable();
    assert_eq!(found, [(two, None, true), (two, Some(5), true), (three, None, true)], "a stop ends all");
    assert_eq!(ground.count(OVERLAPS).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_handed_over_is_told_by_a_roll() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    // The least queue does not take a keyframe with the events behind it.
    let server = Server::start(pool, Settings { timeline_queue_bytes: 4_096, ..prompt() }).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    for number in [2, 3] {
        join(&handle, number).await.expect("joined");
    }
    command(&handle, 2, 1, take(&card, 4)).await.expect("free");
    handle.call(Request::Leave { user: user(3) }).await.expect("never refused");
    let gone = async || {
        let open = spells(pool).await;
        (open.len() == 2).then_some(open)
    };
    let open = until("those who are there are written", WITHIN, gone).await;
    assert_eq!(open.iter().map(|spell| spell.0).collect::<Vec<_>>(), [user(2).number(); 2]);
    server.end().await;
}

async fn keep(ground: &Ground) {
    let kinds = Kinds::new().every(Duration::from_secs(3_600), KeepVisits::after(90));
    let jobs = Jobs::open(ground.database.app.clone(), &JobSettings::default(), kinds, ()).await.expect("it opens");
    ground.superuser("update job_periods set due_at = clock_timestamp() where kind = 'room.keep_visits'").await;
    assert_eq!(jobs.run_due().await.expect("the store answers"), [Attempt::Done]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_every_visit_is_closed_once_none_overlaps_and_the_hole_is_told() {
    let mut world = World::serve().roomy().set("PARLOR__ROOM__TIMELINE_GATHER_MS", 50).await;
    let (owner, token) = world.entered("admin").await;
    let room = world.room(owner).await;
    let mut first = world.in_room(owner, room).await;
    let guest = world.person("user").await;
    let mut second = world.in_room(guest, room).await;
    let seat = Command::SeatTake(TakeSeat { room, seat: Some(3), version: None });
    second.ask::<Done>(seat).await.expect("free");
    let open = async || (world.count("select count(*) from visits where ended is null").await == 3).then_some(());
    until("everybody's visit is written", WITHIN, open).await;
    for line in 0..40 {
        first.chat(room, &format!("line {line}")).await.expect("said");
    }
    world.kill().await;
    let left = world.count("select count(*) from visits where ended is null").await;
    assert_eq!(left, 3, "a kill closes nothing");
    world.start_again().await;

    // The next owner of the room closes what was open, when the killed server was last seen.
    let mut again = world.in_room(owner, room).await;
    again.chat(room, "there again").await.expect("said");
    let closed = async || {
        let closed = world
            .count("select count(*) from visits where epoch = (select min(epoch) from visits) and ended is not null");
        (closed.await == 3).then_some(())
    };
    until("those of the killed server are closed", WITHIN, closed).await;
    assert_eq!(
        world
            .count(
                "select count(*) from visits v join visit_writers w using (incarnation)
                      where v.epoch = (select min(epoch) from visits) and v.ended = greatest(v.began, w.seen)"
            )
            .await,
        3,
        "they ended when it was last seen"
    );
    assert_eq!(world.count(OVERLAPS).await, 0);
    assert!(world.count("select count(*) from visits where ended is null").await >= 1, "the new visit goes on");

    // What the killed server had gathered is a hole, and the timeline says so.
    let told = async || {
        let (status, page) = world.get(&format!("/v1/staff/rooms/{room}/timeline?limit=100"), &token).await;
        assert_eq!(status, 200, "{page}");
        let gaps: Vec<Value> = page["items"]
            .as_array()?
            .iter()
            .filter(|entry| !entry["gap"].is_null())
            .map(|entry| entry["gap"].clone())
            .collect();
        (!gaps.is_empty()).then_some(gaps)
    };
    let gaps = until("the hole is told", WITHIN, told).await;
    assert!(gaps.len() == 1 && gaps[0]["last"].is_null(), "{gaps:?}");
    assert!(world.count("select count(*) from audit_log where act = 'room.timeline_read'").await >= 1, "it is noted");
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visits_of_a_server_that_is_gone_are_closed_by_the_job_and_those_of_one_that_lives_are_not() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    let server = Server::start(pool, prompt()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    join(&handle, 2).await.expect("joined");
    let open = async || (ground.count("select count(*) from visits where ended is null").await == 1).then_some(());
    until("the visit is written", WITHIN, open).await;
    // Another one, of a server that nobody knows any more and that was seen last at 70.
    ground
        .superuser(
            "insert into visit_writers (incarnation, seen) values (-1, 70);
             insert into visits (room_id, user_id, epoch, incarnation, began) values (500000000, 1, 1, -1, 50);
             insert into visits (room_id, user_id, epoch, incarnation, began) values (500000000, 2, 1, -1, 90);",
        )
        .await;
    for _ in 0..2 {
        keep(&ground).await;
        let ends: Vec<(i64, Option<i64>)> =
            sqlx::query_as("select began, ended from visits where incarnation = -1 order by began")
                .fetch_all(pool)
                .await
                .expect("reads");
        assert_eq!(ends, [(50, Some(70)), (90, Some(90))]);
        assert_eq!(ground.count("select count(*) from visits where ended is null").await, 1);
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_visits_are_removed_and_open_ones_stay() {
    let (ground, _) = room().await;
    ground
        .superuser(
            "insert into nodes (id, incarnation, lease_until) values ('a', 7, clock_timestamp() + interval '1 hour');
             insert into visit_writers (incarnation, seen, at) values (7, 1, now() - interval '91 days'), (6, 1, now() - interval '91 days');
             insert into visits (room_id, user_id, epoch, incarnation, began, ended, at) values
                (500000000, 1, 1, 7, 1, 2, now() - interval '91 days'),
                (500000000, 1, 1, 7, 3, null, now() - interval '91 days'),
                (500000000, 2, 1, 7, 1, 2, now() - interval '89 days');",
        )
        .await;
    keep(&ground).await;
    assert_eq!(spells(&ground.database.app).await, [(2, None, true), (1, None, false)]);
    assert_eq!(ground.count("select count(*) from visit_writers").await, 1, "one has left something open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn visits_are_read_and_closed_by_indexes() {
    let (ground, _) = room().await;
    let mut conn = ground.database.superuser.acquire().await.expect("a connection");
    sqlx::raw_sql(
        "insert into visits (room_id, user_id, epoch, incarnation, began, ended)
         select 500000000 + n % 300, 1 + n % 7000, 1, 1, n, case when n % 500 > 0 then n + 10 end
           from generate_series(0, 40000) n
             on conflict do nothing;
         analyze visits;",
    )
    .execute(&mut *conn)
    .await
    .expect("rows");
    for (phrase, values) in [
        ("where room_id = $1 and id < $2", "500000007, 900000, null, null, 51"),
        ("where user_id = $1 and id < $2", "77, 900000, null, 51"),
        ("where room_id = $1 and user_id = any($2) and ended is null", "500000007, '{1,2,3}'"),
        (
            "where v.room_id = c.room_id and v.user_id = c.user_id",
            "'{500000007}', '{1}', '{3}', '{false}', '{9}', '{true}'",
        ),
    ] {
        let plan = plan(&mut conn, phrase, values).await;
        assert!(!plan.contains("Seq Scan on visits"), "{phrase}\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_sees_who_is_where_since_when_and_nobody_else_does() {
    let world = World::serve().roomy().set("PARLOR__ROOM__TIMELINE_GATHER_MS", 50).await;
    let (staff, token) = world.entered("moderator").await;
    let (owner, own) = world.entered("user").await;
    let room = world.room(owner).await;
    let mut client = world.in_room(owner, room).await;
    client.ask::<Done>(Command::SeatTake(TakeSeat { room, seat: Some(0), version: None })).await.expect("free");
    let open = async || (world.count("select count(*) from visits where ended is null").await == 2).then_some(());
    until("the visit and the stay are written", WITHIN, open).await;
    let (status, people) = world.get(&format!("/v1/staff/rooms/{room}/people"), &token).await;
    assert_eq!(status, 200, "{people}");
    let person = &people["items"][0];
    assert_eq!((person["user"]["id"].as_i64(), person["seat"].as_i64()), (Some(owner.number()), Some(0)), "{people}");
    assert!(person["since"].as_i64() <= person["seated_since"].as_i64() && person["since"].is_i64(), "{people}");
    assert_eq!(person["away"], false);
    client.ask::<Done>(Command::SeatLeave(OnMap { room, version: None })).await.expect("seated");
    let ended = async || (world.count("select count(*) from visits where ended is null").await == 1).then_some(());
    until("the stay has ended", WITHIN, ended).await;
    for (query, count) in [
        (format!("room={room}"), 2),
        (format!("user={owner}"), 2),
        (format!("room={room}&user={owner}&seated=true"), 1),
        (format!("user={staff}"), 0),
        (String::new(), 2),
    ] {
        let (status, page) = world.get(&format!("/v1/staff/visits?{query}"), &token).await;
        assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(count)), "{query}: {page}");
    }
    for path in [
        "/v1/staff/visits".to_owned(),
        format!("/v1/staff/rooms/{room}/people"),
        format!("/v1/staff/rooms/{room}/timeline"),
        format!("/v1/staff/rooms/{room}/timeline/at?at=1"),
        format!("/v1/staff/rooms/{room}/timeline/1/1"),
        format!("/v1/staff/rooms/{room}/days"),
    ] {
        let (status, answer) = world.get(&path, &own).await;
        assert_eq!((status, answer["code"].as_str()), (403, Some("forbidden")), "{path}");
    }
}
