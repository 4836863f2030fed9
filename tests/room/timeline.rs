//! The timeline on a real PostgreSQL: what is written behind a room, read, replayed, emptied and removed.

use std::time::Duration;

use parlor::cluster;
use parlor::kit::jobs::{Attempt, Jobs, Kinds, Settings as JobSettings};
use parlor::room::timeline::read::{self, TimelineEntry, TimelineList};
use parlor::room::timeline::{EmptyLine, ForgetTimeline, Sampled, empty_line, sample};
use parlor::room::{Answer, Request, RoomHandle, SceneNow, Settings};
use parlor_protocol::{ErrorBody, RoomId};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::directory::{Server, command, join, say, take};
use super::{open, room, user};
use crate::ledger::proxy::{Cut, Proxy};
use crate::support::client::op;
use crate::support::edge;
use crate::support::plan::plan;
use crate::support::time::until;
use crate::support::world::Ground;

const WITHIN: Duration = Duration::from_secs(20);

/// Settings by which everything is written at once.
fn prompt() -> Settings {
    Settings { timeline_gather_ms: 10, timeline_sample_ms: 0, ..Settings::default() }
}

async fn scene(handle: &RoomHandle) -> SceneNow {
    match handle.call(Request::Scene).await {
        Ok(Answer::Scene(scene)) => *scene,
        other => panic!("no scene: {other:?}"),
    }
}

/// Waits until the timeline has this event.
async fn written(pool: &PgPool, room: RoomId, epoch: i64, seq: u64) {
    let has = async || {
        let mut conn = pool.acquire().await.expect("a connection");
        let last: Option<i64> =
            sqlx::query_scalar("select max(last_seq) from room_timeline where room_id = $1 and epoch = $2")
                .bind(room.number())
                .bind(epoch)
                .fetch_one(&mut *conn)
                .await
                .expect("reads");
        (last.unwrap_or(0).unsigned_abs() >= seq).then_some(())
    };
    until("the timeline has the event", WITHIN, has).await;
}

/// All entries of a room's timeline, read in pages of so many.
async fn entries(pool: &PgPool, room: RoomId, from: Option<i64>, limit: u32) -> Vec<TimelineEntry> {
    let mut conn = pool.acquire().await.expect("a connection");
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let list = TimelineList { from, limit: Some(limit), cursor };
        let window = list.window().expect("a good query");
        let page = read::page(&mut conn, room, &list, &window).await.expect("reads");
        all.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return all,
        }
    }
}

/// The numbers of events and gaps: first and last.
fn numbers(entries: &[TimelineEntry]) -> Vec<(u64, Option<u64>)> {
    entries.iter().map(|entry| entry.gap.map_or((entry.seq, Some(entry.seq)), |gap| (gap.first, gap.last))).collect()
}

async fn chat(
    handle: &RoomHandle,
    number: i64,
    room: &parlor_protocol::room::RoomCard,
    text: &str,
) -> Result<(), ErrorBody> {
    command(handle, number, op().0.as_u128(), say(room, text)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_written_in_order_and_the_room_of_each_moment_is_made_again() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    let server = Server::start(pool, prompt()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    let mut scenes = Vec::new();
    for number in 1..=3 {
        join(&handle, number).await.expect("joined");
        command(&handle, number, op().0.as_u128(), take(&card, if number == 1 { 0 } else { number as u8 }))
            .await
            .expect("free");
        for line in 0..20 {
            chat(&handle, number, &card, &format!("line {line} of {number}")).await.expect("said");
            scenes.push(scene(&handle).await);
        }
        handle.call(Request::Leave { user: user(number) }).await.expect("never refused");
    }
    let last = scenes.last().expect("some");
    written(pool, card.id, last.epoch, last.seq).await;
    let mut conn = pool.acquire().await.expect("a connection");
    for then in &scenes {
        let moment = read::at_seq(&mut conn, card.id, then.epoch, then.seq).await.expect("reads").expect("kept");
        assert_eq!((moment.seq, &moment.scene, moment.missing.as_slice()), (then.seq, &then.scene, &[][..]));
        let by_time = read::at_time(&mut conn, card.id, moment.at).await.expect("reads").expect("kept");
        assert!(by_time.seq >= then.seq, "the last event of that millisecond");
    }
    assert!(read::at_time(&mut conn, card.id, 1).await.expect("reads").is_none(), "the timeline begins later");
    assert!(read::at_seq(&mut conn, card.id, last.epoch, 10_000).await.expect("reads").is_none());
    server.end().await;

    let told = entries(pool, card.id, None, 7).await;
    assert!(told.len() > 60 && told.iter().all(|entry| entry.gap.is_none()), "{:?}", numbers(&told));
    assert!(told.iter().zip(1..).all(|(entry, seq)| entry.seq == seq), "each event once, and none is missing");
    assert_eq!(told, entries(pool, card.id, None, 100).await);
    let middle = told[30].at.expect("an event");
    let later = entries(pool, card.id, Some(middle), 9).await;
    assert_eq!(later, told.iter().filter(|entry| entry.at >= Some(middle)).cloned().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_away_the_room_answers_and_what_does_not_fit_is_a_gap() {
    let (ground, card) = room().await;
    let proxy = Proxy::start();
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(1))
        .connect_lazy_with(proxy.through(ground.database.options("parlor_app")));
    // The lease lasts longer than the outage, so that the room is not paused.
    let lease = cluster::Settings { lease_ms: 60_000, ..Default::default() };
    let settings = Settings { timeline_queue_bytes: 64 * 1024, ..prompt() };
    let server = Server::start_on(&pool, settings, &lease).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    join(&handle, 2).await.expect("joined");
    chat(&handle, 2, &card, "before").await.expect("said");
    let before = scene(&handle).await;
    written(&ground.database.app, card.id, before.epoch, before.seq).await;

    proxy.cut(Cut::Everything);
    for line in 0..200 {
        chat(&handle, 2, &card, &format!("line {line}: {}", "x".repeat(500))).await.expect("the room goes on");
        if line % 10 == 0 {
            crate::support::time::moment(15..16).await;
        }
    }
    proxy.cut(Cut::Nothing);
    let gap = async || {
        chat(&handle, 2, &card, "after").await.expect("said");
        (ground.count("select count(*) from room_timeline where kind = 'gap'").await > 0).then_some(())
    };
    until("the gap is marked", WITHIN, gap).await;
    let after = scene(&handle).await;
    written(&ground.database.app, card.id, after.epoch, after.seq).await;

    let told = entries(&ground.database.app, card.id, None, 100).await;
    let mut next = 1;
    for (first, last) in numbers(&told) {
        assert_eq!(first, next, "every event is there, or in a gap");
        next = last.expect("it has an end") + 1;
    }
    assert!(next > after.seq);
    let lost: u64 =
        told.iter().filter_map(|entry| entry.gap).map(|gap| gap.last.expect("it has an end") - gap.first + 1).sum();
    assert!(lost > 50, "{lost} events did not fit");
    // Behind the gap a keyframe begins anew, so the present room is whole.
    let mut conn = ground.database.app.acquire().await.expect("a connection");
    let moment = read::at_seq(&mut conn, card.id, after.epoch, after.seq).await.expect("reads").expect("kept");
    assert_eq!((moment.scene, moment.missing.len()), (after.scene, 0));
    let within = told.iter().find_map(|entry| entry.gap).expect("a gap").first;
    let moment =
        read::at_seq(&mut conn, card.id, after.epoch, within).await.expect("reads").expect("the gap tells of it");
    assert!(!moment.missing.is_empty(), "it says what is missing");
    drop(conn);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_an_epoch_that_was_cut_off_is_told_and_that_of_one_that_ended_is_none() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    let server = Server::start(pool, prompt()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    join(&handle, 2).await.expect("joined");
    chat(&handle, 2, &card, "hello").await.expect("said");
    server.end().await;
    let told = entries(pool, card.id, None, 100).await;
    assert!(told.iter().all(|entry| entry.gap.is_none()), "it ended in order, and everything was written");
    // As if the server had been killed before it wrote the end.
    ground.superuser("delete from room_timeline where kind = 'end'").await;
    assert!(entries(pool, card.id, None, 100).await.iter().all(|entry| entry.gap.is_none()), "it was given back");

    let server = Server::start(pool, prompt()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    join(&handle, 2).await.expect("joined");
    chat(&handle, 2, &card, "again").await.expect("said");
    server.end().await;
    for limit in [1, 2, 100] {
        let entries = entries(pool, card.id, None, limit).await;
        let gaps: Vec<_> = entries.iter().filter_map(|entry| entry.gap).collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!((gaps[0].first, gaps[0].last), (told.len() as u64 + 1, None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sampled_room_is_the_one_that_its_timeline_gives_and_a_changed_timeline_is_noticed() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    let server = Server::start(pool, prompt()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    assert_eq!(sample(&edge(pool), &handle).await.expect("asked"), None, "nothing has happened yet");
    join(&handle, 2).await.expect("joined");
    command(&handle, 2, 1, take(&card, 4)).await.expect("free");
    chat(&handle, 2, &card, "hello").await.expect("said");
    assert_eq!(sample(&edge(pool), &handle).await.expect("asked"), Some(Sampled::Equal));
    // A keyframe of another room does not tell this one.
    let other = open(&ground, "another", 500_000_001).await;
    let elsewhere = server.directory.wake(other.id).await.expect("wakes");
    join(&elsewhere, 3).await.expect("joined");
    chat(&elsewhere, 3, &other, "hello").await.expect("said");
    let there = scene(&elsewhere).await;
    written(pool, other.id, there.epoch, there.seq).await;
    ground
        .superuser(
            "update room_timeline t set keyframe = o.keyframe from room_timeline o
              where t.keyframe is not null and o.keyframe is not null and t.room_id <> o.room_id",
        )
        .await;
    assert_eq!(sample(&edge(pool), &handle).await.expect("asked"), Some(Sampled::Different));
    server.end().await;
}

async fn jobs(pool: &PgPool) -> Jobs {
    let kinds = Kinds::new().with(EmptyLine).every(Duration::from_secs(3_600), ForgetTimeline::after(7));
    Jobs::open(pool.clone(), &JobSettings::default(), kinds, ()).await.expect("it opens")
}

async fn recall(pool: &PgPool, room: RoomId, epoch: i64, seq: u64) {
    let mut tx = edge(pool).begin().await.expect("begins");
    empty_line(&mut tx, room, epoch, seq).await.expect("enqueued");
    tx.commit().await.expect("commits");
}

/// Has the jobs of recalled lines tried; returns how many are done, and how many are tried again.
async fn run(ground: &Ground, jobs: &Jobs) -> (i64, i64) {
    ground.superuser("update jobs set due_at = clock_timestamp() where kind = 'room.empty_line'").await;
    jobs.run_due().await.expect("the store answers");
    let done = "select count(*) from jobs where kind = 'room.empty_line' and state = 'done'";
    let waiting = "select count(*) from jobs where kind = 'room.empty_line' and state = 'waiting'";
    (ground.count(done).await, ground.count(waiting).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recalled_line_is_nowhere_in_the_timeline_and_one_that_is_on_its_way_is_waited_for() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    let server = Server::start(pool, prompt()).await;
    let handle = server.directory.wake(card.id).await.expect("wakes");
    join(&handle, 2).await.expect("joined");
    chat(&handle, 2, &card, "the secret").await.expect("said");
    let then = scene(&handle).await;
    let jobs = jobs(pool).await;
    // More events than lie between two keyframes, so that a later one may show the line.
    for line in 0..1_020 {
        let seat = 1 + u8::try_from(line % 2).expect("small");
        let command_of = if line < 2 { say(&card, "another line") } else { take(&card, seat) };
        if line > 2 {
            let leave =
                parlor_protocol::Command::SeatLeave(parlor_protocol::command::OnMap { room: card.id, version: None });
            command(&handle, 2, op().0.as_u128(), leave).await.expect("seated");
        }
        command(&handle, 2, op().0.as_u128(), command_of).await.expect("done");
    }
    let last = scene(&handle).await;
    written(pool, card.id, last.epoch, last.seq).await;
    assert!(ground.count("select count(*) from room_timeline where keyframe is not null").await >= 2);

    recall(pool, card.id, then.epoch, then.seq).await;
    // A line that no stretch has yet: it may be on its way.
    recall(pool, card.id, last.epoch, last.seq + 1_000).await;
    assert_eq!(run(&ground, &jobs).await, (1, 2), "the other one is tried again, and the first looks a second time");
    let mut conn = pool.acquire().await.expect("a connection");
    let moment = read::at_seq(&mut conn, card.id, then.epoch, then.seq).await.expect("reads").expect("kept");
    assert_eq!(moment.scene.chat.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), [""]);
    let moment = read::at_seq(&mut conn, card.id, last.epoch, last.seq).await.expect("reads").expect("kept");
    let texts: Vec<_> = moment.scene.chat.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["", "another line", "another line"]);
    drop(conn);
    let told = serde_json::to_string(&entries(pool, card.id, None, 100).await).expect("JSON");
    assert!(!told.contains("the secret") && told.contains("another line"));

    // Once the epoch is over, the other line cannot come any more.
    server.end().await;
    let server = Server::start(pool, prompt()).await;
    server.directory.wake(card.id).await.expect("wakes");
    assert_eq!(run(&ground, &jobs).await, (3, 1), "that one, and the second look for the first");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_the_timeline_is_kept_is_removed() {
    let (ground, card) = room().await;
    let pool = &ground.database.app;
    let row = |seq: i64, days: i32| {
        sqlx::query(
            "insert into room_timeline (room_id, epoch, first_seq, last_seq, kind, began, ended, at)
             values ($1, 1, $2, $2, 'gap', $2, $2, clock_timestamp() - make_interval(days => $3))",
        )
        .bind(card.id.number())
        .bind(seq)
        .bind(days)
    };
    for (seq, days) in [(1, 30), (2, 8), (3, 6), (4, 0)] {
        row(seq, days).execute(pool).await.expect("a row");
    }
    let jobs = jobs(pool).await;
    ground.superuser("update job_periods set due_at = clock_timestamp()").await;
    let attempts = jobs.run_due().await.expect("the store answers");
    assert!(attempts.iter().all(|attempt| *attempt == Attempt::Done), "{attempts:?}");
    assert_eq!(numbers(&entries(pool, card.id, None, 100).await), [(3, Some(3)), (4, Some(4))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timelines_are_read_from_indexes() {
    let (ground, _) = room().await;
    let mut conn = ground.database.superuser.acquire().await.expect("a connection");
    sqlx::raw_sql(
        "insert into room_timeline (room_id, epoch, first_seq, last_seq, kind, began, ended, keyframe, events)
         select 500000000 + n % 200, 1, 1 + n / 200 * 10, 10 + n / 200 * 10, 'events', n, n + 1,
                case when n % 1000 = 0 then '\\x00'::bytea end, '\\x00'::bytea
           from generate_series(0, 40000) n;
         analyze room_timeline;",
    )
    .execute(&mut *conn)
    .await
    .expect("rows");
    for (phrase, values) in [
        ("and (epoch, first_seq) >=", "500000007, 1, 55, 32"),
        ("order by began desc", "500000007, 2000"),
        ("and first_seq <= $3 and keyframe is not null", "500000007, 1, 900"),
        ("and (epoch, first_seq) > ($2, $3)", "500000007, 1, 900"),
    ] {
        let plan = plan(&mut conn, phrase, values).await;
        assert!(!plan.contains("Seq Scan") && plan.contains("Index"), "{phrase}\n{plan}");
    }
}
