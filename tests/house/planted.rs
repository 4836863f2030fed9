//! Plants breaches of the rules: each kind must be found, and code that only looks like a breach must not.

use super::path::named;
use super::source::Source;
use super::sql::{made, statements, tables};
use super::{clock, handed, rank, text, writer};

fn file(place: &str, text: &str) -> Source {
    Source { place: place.to_owned(), text: format!("//! A planted file.\n{text}") }
}

/// The breaches of the ranks in one file.
fn upward(place: &str, text: &str) -> Vec<String> {
    rank::breaches(&[file(place, text)])
}

/// The breaches of the owners in one store.
fn written(place: &str, statement: &str) -> Vec<String> {
    let store = file(place, &format!("fn f() {{ sqlx::query!(r#\"{statement}\"#); }}"));
    let all = writer::breaches(&[store], &[file("0001.sql", "")]);
    all.into_iter().filter(|breach| breach.starts_with("src/")).collect()
}

#[test]
fn a_path_that_points_upward_is_found_however_it_is_written() {
    let ways = [
        "use crate::gateway::Settings;",
        "use crate::{kit::error::Error, gateway::{self, Settings}};",
        "use crate::{kit::{error, page}, gateway as door};",
        "pub use crate::gateway::*;",
        "fn f() { crate::gateway::refused(); }",
        "fn f(_: &crate::gateway::Settings) {}",
        "fn f() { tokio::select! { _ = crate::gateway::ended() => {} } }",
        "fn f() { let _ = vec![crate::gateway::Settings::default()]; }",
        "#[serde(with = \"crate::gateway::rate\")] struct S;",
        "mod tests { use super::super::super::gateway::Settings; }",
        "impl crate::gateway::Ports for S {}",
        "macro_rules! m { () => { $crate::kit!(crate::gateway::X) } }",
    ];
    for way in ways {
        assert_ne!(upward("room/handle.rs", way), Vec::<String>::new(), "{way}");
    }
}

#[test]
fn what_lies_below_may_be_named() {
    let fine = [
        ("room/handle.rs", "use crate::{kit::error::Error, delivery::{self, Frame}, cluster, room::Request};"),
        ("room/handle.rs", "pub(in crate::gateway) fn f() {}"),
        (
            "room/handle.rs",
            "/// As crate::gateway::Settings says.\nfn f() { let _ = \"use crate::gateway::Settings\"; }",
        ),
        ("room/state/seats.rs", "use super::super::facts::Fact; use super::chat; use self::inner::X;"),
        ("economy/gift/mod.rs", "use super::ledger; use crate::economy::agency;"),
        ("room/routes.rs", "use crate::identity::CurrentUser;"),
        ("admin/service.rs", "use crate::{gateway, identity, room, economy::ledger};"),
    ];
    for (place, text) in fine {
        assert_eq!(upward(place, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_two_columns_do_not_know_each_other() {
    for (place, text) in [
        ("room/service.rs", "use crate::identity::CurrentUser;"),
        ("room/store.rs", "use crate::economy::ledger::Ledger;"),
        ("economy/ledger/handle.rs", "use crate::room::RoomHandle;"),
        ("identity/service.rs", "use crate::delivery::Frame;"),
        ("economy/ledger/mod.rs", "use super::gift::GiftCard;"),
        ("http/json.rs", "use crate::identity::Identity;"),
        ("kit/page.rs", "use crate::http::ValidQuery;"),
        ("media/routes.rs", "use crate::gateway::GatewayState;"),
        ("nowhere/mod.rs", "fn f() {}"),
        ("room/handle.rs", "use crate::nowhere::X;"),
    ] {
        assert_eq!(upward(place, text).len(), 1, "{place}: {text}");
    }
}

#[test]
fn a_crate_is_known_only_where_it_belongs() {
    let strangers = |place, text| rank::strangers(&[file(place, text)]).len();
    assert_eq!(strangers("identity/service.rs", "use axum::Json;"), 1);
    assert_eq!(strangers("kit/page.rs", "fn f() -> axum::Json<()> { todo!() }"), 1);
    assert_eq!(strangers("room/bus.rs", "use {tokio::time, fred::prelude::*};"), 1);
    assert_eq!(strangers("identity/code/routes.rs", "use axum::Json;"), 0);
    assert_eq!(strangers("cluster/bus.rs", "use fred::prelude::*;"), 0);
}

#[test]
fn the_state_of_a_room_is_caught_with_a_clock_a_task_and_chance() {
    let io = |text| rank::io(&file("room/state/seats.rs", text)).len();
    for text in [
        "use tokio::time::Instant;",
        "use {std::fmt, sqlx::PgPool};",
        "fn f() { rand::random::<u8>(); }",
        "fn f() { Timestamp::now(); }",
        "fn f() { let _ = vec![std::time::SystemTime::now()]; }",
    ] {
        assert_eq!(io(text), 1, "{text}");
    }
    assert_eq!(io("use crate::kit::clock::Timestamp; fn f(now: Timestamp) { now.plus_ms(1); }"), 0);
    assert_eq!(rank::runtime(&file("lib.rs", "use tokio::sync::mpsc;")).len(), 1);
}

#[test]
fn sql_is_found_where_no_store_is() {
    let elsewhere = |place, text| writer::sql_elsewhere(&[file(place, text)]).len();
    let query = "fn f() { sqlx::query_scalar!(\"select 1\"); }";
    assert_eq!(elsewhere("identity/service.rs", query), 1);
    assert_eq!(elsewhere("identity/service.rs", "use sqlx::query_as; fn f() { query_as!(\"select 1\") }"), 1);
    assert_eq!(elsewhere("identity/store.rs", query), 0);
    assert_eq!(elsewhere("db/mod.rs", query), 0);
}

#[test]
fn whoever_writes_a_table_of_another_is_found() {
    for statement in [
        "insert into rooms (id) values ($1)",
        "update rooms set name = $1",
        "update rooms r set name = n.name from names n",
        "delete from rooms where id = $1",
        "truncate rooms",
        "lock table rooms in exclusive mode",
        "select 1 from rooms where id = $1 for update",
        "select 1 from users u, rooms r where r.owner_id = u.id for no key update of r skip locked",
        "with gone as (delete from rooms returning id) select id from gone",
        "select * from (select id from rooms for update) locked",
        "insert into users (id) select 1 on conflict (id) do update set name = (select 'x' from rooms for update)",
    ] {
        let breaches = written("identity/store.rs", statement);
        assert!(breaches.iter().any(|breach| breach.contains("writes rooms")), "{statement}: {breaches:?}");
    }
}

#[test]
fn what_is_no_writing_is_none() {
    for statement in [
        "insert into users (id) values ($1) on conflict (id) do update set name = excluded.name",
        "select 1 from users for update",
        "update users set name = 'delete from rooms' where id = $1 -- update rooms",
        "with rooms as (select id from users) update users set name = '' from rooms",
        "select extract(epoch from created_at), x is distinct from y from users where id in (select user_id from sessions)",
        "delete from sessions s using users u where u.id = s.user_id",
        "select id from unnest($1::bigint[], $2::text[]) with ordinality as person (id, name), lateral unnest($3::int[]) as other",
        "select count(*) from pg_stat_activity",
    ] {
        assert_eq!(written("identity/store.rs", statement), Vec::<String>::new(), "{statement}");
    }
}

#[test]
fn reading_across_the_columns_takes_leave() {
    assert_eq!(written("identity/store.rs", "select name from rooms").len(), 1);
    assert_eq!(written("identity/store.rs", "select 1 from users u left join rooms r on r.owner_id = u.id").len(), 1);
    assert_eq!(written("identity/store.rs", "select 1 from users, rooms").len(), 1);
    assert_eq!(written("media/store.rs", "select name from users").len(), 0);
    assert_eq!(written("room/store.rs", "select name from users").len(), 0);
    assert_eq!(written("room/store.rs", "select name from sessions").len(), 1);
}

#[test]
fn a_table_that_no_migration_makes_is_found() {
    assert_eq!(written("identity/store.rs", "select 1 from userz").len(), 1);
    let own = file("identity/store.rs", "");
    let breaches = writer::breaches(&[own], &[file("0001.sql", "create table if not exists strays (id int);")]);
    assert!(breaches.contains(&"strays has no owner".to_owned()), "{breaches:?}");
    assert!(breaches.iter().any(|breach| breach.contains("users, which no migration makes")));
}

#[test]
fn statements_are_found_in_macros_calls_and_constants() {
    let store = file(
        "room/store.rs",
        "const A: &str = \"select 1 from a\";
         fn f() { sqlx::query_as!(Row, r#\"select 2 from b\"#, \"not sql\", x); sqlx::query(\"delete from c\"); }",
    );
    assert_eq!(statements(&store).len(), 3, "{:?}", statements(&store));
}

#[test]
fn the_tables_of_a_statement_are_told_by_what_is_done_with_them() {
    let found = tables(
        "with picked as (
             select j.id from jobs j join kinds k on k.id = j.kind
              where j.due < clock_timestamp() order by j.due limit $1 for update of j skip locked
         )
         update jobs set taken = true from picked where picked.id = jobs.id returning jobs.id",
    );
    assert_eq!(found.written, ["jobs".to_owned()].into());
    assert_eq!(found.read, ["jobs".to_owned(), "kinds".to_owned()].into());
    assert_eq!(
        made("create unlogged table a (b int); create or replace view c as select 1; -- create table d"),
        ["a".to_owned(), "c".to_owned()].into()
    );
}

#[test]
fn grouped_trees_are_read_whole() {
    let paths = named(&file("a/b.rs", "use crate::{x, y::{self, z::{W, V as U}}, q::*}; use super::c::D;"));
    let paths: Vec<_> = paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["crate::a::c::D", "crate::q::*", "crate::x", "crate::y", "crate::y::z::V", "crate::y::z::W"]);
}

#[test]
fn what_is_taken_instead_of_handed_down_is_found() {
    let opens = file("identity/role/service.rs", "let mut tx = pool.begin().await?; let pool: PgPool;");
    assert_eq!(handed::opened_below_the_edge(&opens).len(), 1);
    assert_eq!(handed::pool_of_a_slice(&opens).len(), 1);
    assert_eq!(handed::opened_below_the_edge(&file("identity/role/routes.rs", "Tx::begin(&pool)")).len(), 0);
    assert!(handed::taken_from_the_system(&file("room/actor.rs", "let now = Clock::system().now();")).is_some());
}

#[test]
fn what_the_lines_say_is_found() {
    assert_eq!(text::unregistered(&file("room/routes.rs", "fn f() { r.route(\"/v1/x\", get(g)) }")).len(), 1);
    assert_eq!(text::unregistered(&file("router.rs", "fn f() { r.route(\"/v1/x\", get(g)) }")).len(), 0);
    assert_eq!(text::misnamed_ids(&file("room/a.rs", "tracing::info!(room.id = %room, \"x\");")).len(), 1);
    assert_eq!(text::misnamed_ids(&file("room/a.rs", "tracing::info!(room.id = room.number(), %op, \"x\");")).len(), 0);
    let silent = Source { place: "room/a.rs".to_owned(), text: "use std::fmt;".to_owned() };
    assert!(text::silent(&silent).is_some() && text::silent(&file("room/a.rs", "")).is_none());
    let naps = "tokio::time::sleep(ms).await;\n use std::thread::sleep;\n sleep_until(then).await;\n clock.sleep(ms);\n a_room_that_sleeps();";
    assert_eq!(text::sleeping(&file("room/lease.rs", naps)).len(), 3);
    assert_eq!(text::sleeping(&file("support/time.rs", naps)).len(), 0);
}

#[test]
fn a_clock_that_is_read_and_not_listed_is_found_and_one_that_is_listed_and_not_read() {
    let document = "| place | clock |\n| `room/a.rs`, `room/b.rs` | wall | x |\n| `room/c.rs` | database | x |\n";
    let reads = [
        file("room/a.rs", "fn f(at: Timestamp) {}"),
        file("room/b.rs", "// A Timestamp in a comment is none.\nfn f() { PgTimestamp; }"),
        file("room/d.rs", "fn f() { sqlx::query!(\"select clock_timestamp()\"); Instant::now(); }"),
        file("0001_a.sql", "create table a (at timestamptz default clock_timestamp());"),
        file("0002_b.sql", "select clock_timestamp() - interval '1 day';"),
        file("room/e.rs", "fn f() {}\n#[cfg(test)]\nmod tests { fn g() { Instant::now(); } }"),
    ];
    let found = clock::breaches(&reads, document);
    let is_found = |place: &str, clock: &str| found.iter().any(|line| line.contains(place) && line.contains(clock));
    for (place, clock) in [("room/d.rs", "database"), ("room/d.rs", "monotonic"), ("0002_b.sql", "database")] {
        assert!(is_found(place, clock), "{place} {clock}: {found:?}");
    }
    assert!(is_found("room/b.rs", "no wall") && is_found("room/c.rs", "no database"), "{found:?}");
    assert_eq!(found.len(), 5, "{found:?}");
}
