//! The audit log: it has a row for each act of the staff, and no row can be changed.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::world::World;

async fn acts(world: &World, query: &str, token: &str) -> Vec<Value> {
    let (status, page) = world.get(&format!("/v1/staff/audit{query}"), token).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().expect("items").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_act_is_in_the_log_with_who_did_it_and_why() {
    let world = World::new().await;
    let (admin, token) = world.entered("admin").await;
    let user = world.person("user").await;
    let (session, _) = world.signed_in(user).await;
    let room = world.room(user).await;
    let _inside = world.in_room(user, room).await;
    let base = format!("/v1/staff/users/{user}");
    assert_eq!(world.get(&base, &token).await.0, 200);
    let kick = json!({"user": user, "reason": "noise"});
    assert_eq!(world.post(&format!("/v1/staff/rooms/{room}/kicks"), &token, kick).await.0, 200);
    assert_eq!(world.post(&format!("/v1/staff/rooms/{room}/closings"), &token, json!({"reason": "over"})).await.0, 200);
    assert_eq!(world.delete(&format!("{base}/sessions/{session}"), &token).await, 204);
    assert_eq!(world.delete(&format!("{base}/sessions"), &token).await, 204);
    assert_eq!(world.put(&format!("{base}/roles/support"), &token).await, 204);
    assert_eq!(world.delete(&format!("{base}/roles/support"), &token).await, 204);
    assert_eq!(world.suspend(user, &token).await, 200);
    assert_eq!(world.delete(&format!("{base}/suspension"), &token).await, 204);

    let log = acts(&world, "", &token).await;
    let told: Vec<_> = log.iter().rev().map(|act| (act["act"].as_str().expect("an act"), &act["reason"])).collect();
    let (none, noise, over, spam) = (json!(""), json!("noise"), json!("over"), json!("spam"));
    let expected = [
        ("user.read", &none),
        ("room.kicked", &noise),
        ("room.closed", &over),
        ("sessions.revoked", &none),
        ("sessions.revoked", &none),
        ("role.granted", &none),
        ("role.taken", &none),
        ("user.suspended", &spam),
        ("user.suspension_lifted", &none),
    ];
    assert_eq!(told, expected);
    assert!(log.iter().all(|act| act["actor"] == json!(admin) && act["request_id"] != json!("") && act["at"].is_i64()));
    assert!(log.iter().all(|act| act["act"] == "room.closed" || act["user"] == json!(user)));
    assert_eq!((&log[6]["room"], &log[5]["detail"]["session"]), (&json!(room), &json!(session)));
    assert_eq!(log[3]["detail"], json!({"role": "support"}));

    assert_eq!(acts(&world, &format!("?actor={user}"), &token).await, Vec::<Value>::new());
    assert_eq!(acts(&world, &format!("?user={user}"), &token).await.len(), 8);
    let (_, page) = world.get("/v1/staff/audit?limit=4", &token).await;
    let next = page["next"].as_str().expect("there is more");
    assert_eq!(acts(&world, &format!("?limit=100&cursor={next}"), &token).await, log[4..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_an_act_in_a_room_is_logged_even_if_the_caller_hangs_up() {
    let world = World::new().await;
    let (_, token) = world.entered("admin").await;
    let owner = world.person("user").await;
    let body = json!({"reason": "over"}).to_string();
    for wait_ms in 0..12 {
        let room = world.room(owner).await;
        let _inside = world.in_room(owner, room).await;
        let mut stream = TcpStream::connect(world.address).await.expect("it listens");
        let request = format!(
            "POST /v1/staff/rooms/{room}/closings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("it reads");
        // The connection ends at any point between the request and its answer.
        let _ = timeout(Duration::from_millis(wait_ms), stream.read(&mut [0; 64])).await;
    }
    let count = |query: &'static str| {
        let pool = world.database.superuser.clone();
        async move { sqlx::query_scalar::<_, i64>(query).fetch_one(&pool).await.expect("it can be counted") }
    };
    let wait = async {
        let facts = || count("select count(*) from room_facts");
        while facts().await == 0
            || facts().await != count("select count(*) from audit_log where act = 'room.closed'").await
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.expect("as many lines as acts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_in_a_room_that_cannot_be_logged_is_not_done() {
    let world = World::new().await;
    let (_, token) = world.entered("admin").await;
    let owner = world.person("user").await;
    let room = world.room(owner).await;
    let mut host = world.in_room(owner, room).await;
    let closings = format!("/v1/staff/rooms/{room}/closings");
    world.superuser("alter table audit_log add constraint no_closings check (act <> 'room.closed')").await;
    assert_eq!(world.post(&closings, &token, json!({"reason": "over"})).await.0, 500);
    assert_eq!(world.count("select count(*) from room_facts").await, 0);
    host.chat(room, "still here").await.expect("nobody was put out");
    world.superuser("alter table audit_log drop constraint no_closings").await;
    assert_eq!(world.post(&closings, &token, json!({"reason": "over"})).await.0, 200);
    assert_eq!(world.count("select count(*) from room_facts").await, 1);
    assert_eq!(world.count("select count(*) from audit_log where act = 'room.closed'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_can_neither_change_nor_forge_the_log_nor_give_itself_rights() {
    let world = World::new().await;
    let (_, token) = world.entered("admin").await;
    let user = world.person("user").await;
    assert_eq!(world.suspend(user, &token).await, 200);
    let forbidden = [
        "update audit_log set reason = ''",
        "delete from audit_log",
        "truncate audit_log",
        "insert into audit_log (act, at) values ('user.suspended', '2020-01-01')",
        "insert into audit_log (id, act) overriding system value values (1, 'user.suspended')",
        "alter table audit_log drop constraint audit_log_act_form",
        "drop table audit_log",
        "insert into role_permissions values ('support', 'audit.read')",
        "delete from role_permissions",
        "insert into roles values ('root', 'x')",
        "update user_roles set role = 'admin'",
        "delete from permissions",
    ];
    for statement in forbidden {
        let error = sqlx::raw_sql(statement).execute(&world.database.app).await.expect_err(statement);
        let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
    }
    sqlx::query("select * from audit_log").fetch_all(&world.database.audit).await.expect("the auditor reads");
    sqlx::query("delete from audit_log").execute(&world.database.audit).await.expect_err("the auditor only reads");
}
