//! What the staff may do in rooms from outside.

use hyper::Method;
use parlor_protocol::event::RemovalCause;
use parlor_protocol::{ErrorCode, UserFrame};
use serde_json::json;

use crate::support::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_that_are_awake_are_listed_in_pages() {
    let world = World::new().await;
    let (_, token) = world.entered("support").await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let (first, second) = (world.room(owner).await, world.room(owner).await);
    world.room(owner).await; // asleep
    let _owner = world.in_room(owner, first).await;
    let _guest = world.in_room(guest, second).await;
    let (_, page) = world.get("/v1/staff/rooms?limit=1", &token).await;
    assert_eq!((&page["items"][0]["room"]["id"], &page["items"][0]["people"]), (&json!(first), &json!(1)));
    let next = page["next"].as_str().expect("there is more");
    let (_, page) = world.get(&format!("/v1/staff/rooms?cursor={next}"), &token).await;
    assert_eq!((&page["items"][0]["room"]["id"], &page["next"]), (&json!(second), &json!(null)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_can_remove_one_user_or_everybody_from_a_room() {
    let world = World::new().await;
    let (_, token) = world.entered("moderator").await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let (mut host, mut listener) = (world.in_room(owner, room).await, world.in_room(guest, room).await);

    let kicks = format!("/v1/staff/rooms/{room}/kicks");
    assert_eq!(world.post(&kicks, &token, json!({"user": owner, "reason": "noise"})).await.0, 200);
    let UserFrame::RoomRemoved { cause, until, reason, .. } = host.user_frame().await else { panic!("removed") };
    assert_eq!((cause, until.is_some(), reason.as_str()), (RemovalCause::Kicked, true, "noise"));
    let kept_out = host.join(room, &world.room_token(owner, room)).await.expect_err("ten minutes");
    assert_eq!(kept_out.code, ErrorCode::Kicked);
    let (status, answer) = world.post(&kicks, &token, json!({"user": owner, "reason": "noise"})).await;
    assert_eq!((status, &answer["code"]), (404, &json!("user_not_found")), "not there any more");

    let closings = format!("/v1/staff/rooms/{room}/closings");
    assert_eq!(world.post(&closings, &token, json!({"reason": "a police matter"})).await.0, 200);
    let UserFrame::RoomRemoved { cause, reason, .. } = listener.user_frame().await else { panic!("removed") };
    assert_eq!((cause, reason.as_str()), (RemovalCause::Closed, "a police matter"));
    listener.join(room, &world.room_token(guest, room)).await.expect("may come in again");
    let nowhere = "/v1/staff/rooms/999999999/closings";
    assert_eq!(world.post(nowhere, &token, json!({"reason": "x"})).await.1["code"], "room_not_found");
    let facts = "select fact->>'type' from room_facts order by id";
    let facts: Vec<String> = sqlx::query_scalar(facts).fetch_all(&world.database.app).await.expect("they can be read");
    assert_eq!(facts, ["kicked", "closed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_sees_sets_and_lifts_bans_and_mutes_in_any_room_and_each_act_is_in_the_log() {
    let world = World::new().await;
    let (staff, token) = world.entered("moderator").await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let room = world.room(owner).await;
    let _host = world.in_room(owner, room).await;
    let mut listener = world.in_room(guest, room).await;
    let list = async |what: &str| world.get(&format!("/v1/staff/rooms/{room}/{what}"), &token).await.1["items"].clone();
    let put = async |what: &str, body| {
        world.call(Method::PUT, &format!("/v1/staff/rooms/{room}/{what}/{guest}"), &token, Some(body)).await
    };
    let lift = async |what: &str| world.delete(&format!("/v1/staff/rooms/{room}/{what}/{guest}"), &token).await;

    assert_eq!(put("bans", json!({"reason": "spam", "duration_ms": 999})).await.1["code"], "bad_request");
    assert_eq!(put("bans", json!({"reason": "spam"})).await.0, 200);
    let UserFrame::RoomRemoved { cause, reason, .. } = listener.user_frame().await else { panic!("removed") };
    assert_eq!((cause, reason.as_str()), (RemovalCause::Banned, "spam"));
    let bans = list("bans").await;
    let told = |row: &serde_json::Value| (row["user"]["id"].clone(), row["by"]["id"].clone());
    assert_eq!((told(&bans[0]), bans.as_array().map(Vec::len)), ((json!(guest), json!(staff)), Some(1)));
    assert_eq!(lift("bans").await, 200);
    assert_eq!(list("bans").await, json!([]));
    listener.join(room, &world.room_token(guest, room)).await.expect("not banned any more");

    assert_eq!(put("mutes", json!({})).await.0, 200);
    assert_eq!(listener.chat(room, "hello").await.expect_err("muted").code, ErrorCode::Muted);
    assert_eq!(told(&list("mutes").await[0]), (json!(guest), json!(staff)));
    assert_eq!(lift("mutes").await, 200);
    listener.chat(room, "hello").await.expect("may write again");

    let nowhere = world.get("/v1/staff/rooms/999999999/bans", &token).await;
    assert_eq!(nowhere.1["code"], "room_not_found");
    let rows = "select act from audit_log where actor_id = $1 and user_id = $2 and request_id <> '' order by id";
    let rows = sqlx::query_scalar(rows).bind(staff.number()).bind(guest.number());
    let acts: Vec<String> = rows.fetch_all(&world.database.app).await.expect("they can be read");
    assert_eq!(acts, ["room.banned", "room.unbanned", "room.muted", "room.unmuted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_finds_users_and_reads_one() {
    let world = World::new().await;
    let (staff, token) = world.entered("support").await;
    let (user, _) = world.entered("user").await;
    let found = async |query: String| {
        let (status, page) = world.get(&format!("/v1/staff/users?{query}"), &token).await;
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        (status, items.iter().filter_map(|item| item["id"].as_i64()).collect::<Vec<_>>())
    };
    let number = user.number();
    assert_eq!(found(format!("q={user}")).await, (200, vec![number]));
    assert_eq!(found(format!("q=USER{user}@example.com")).await, (200, vec![number]));
    assert_eq!(found("q=%2B14155550123".to_owned()).await, (200, vec![]));
    assert_eq!(found("role=support".to_owned()).await, (200, vec![staff.number()]));
    assert_eq!(found("q=Amira%20of%20Amman".to_owned()).await.0, 400);
    let (_, page) = world.get("/v1/staff/users?limit=1", &token).await;
    assert_eq!(page["items"][0]["id"], json!(user), "newest first");
    assert!(page["items"][0]["email"].is_null(), "a list shows nobody's address");
    let next = page["next"].as_str().expect("there is more").to_owned();
    assert_eq!(found(format!("limit=1&cursor={next}")).await.1, [staff.number()]);

    let (status, file) = world.get(&format!("/v1/staff/users/{user}"), &token).await;
    assert_eq!((status, &file["email"]), (200, &json!(format!("user{user}@example.com"))));
    assert_eq!((file["sessions"].as_array().map(Vec::len), &file["roles"]), (Some(1), &json!([])));
    assert_eq!((&file["balances"][0]["amount"], &file["suspension"]), (&json!(0), &json!(null)));
    assert_eq!(world.get("/v1/staff/users/999999999", &token).await.1["code"], "user_not_found");
    let (_, roles) = world.get("/v1/staff/roles", &token).await;
    let names: Vec<_> = roles.as_array().expect("roles").iter().filter_map(|role| role["name"].as_str()).collect();
    assert_eq!(names, ["admin", "manager", "moderator", "reseller", "support", "user"]);
}
