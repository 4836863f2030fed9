//! Rooms over REST: making, listing and finding them, and the token to join with.

use std::collections::HashSet;

use axum::http::{Method, StatusCode};
use parlor_protocol::{ErrorCode, RoomId, UserId};
use serde_json::{Value, json};

use super::api::Api;
use crate::support::now;
use crate::support::plan::plan;
use crate::support::world::World;

async fn make(api: &Api, token: &str, name: &str) -> i64 {
    let made = api.post("/v1/rooms", &json!({"name": name})).bearer(token).send().await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    made.body["id"].as_i64().expect("an id")
}

fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().expect("items").iter().filter_map(|room| room["id"].as_i64()).collect()
}

#[tokio::test]
async fn a_room_is_made_found_and_entered_by_a_token() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    let made = api.post("/v1/rooms", &json!({"name": " Majlis ", "seats": 12})).bearer(&token).send().await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!((&made.body["name"], &made.body["seats"]), (&json!("Majlis"), &json!(12)));
    assert_eq!(made.body["owner"]["name"], "Layla");
    let place = made.header("location").expect("says where").to_owned();
    let found = api.get(&place).bearer(&token).send().await.body;
    for (name, value) in made.body.as_object().expect("a room") {
        assert_eq!(&found[name], value, "{name}");
    }
    assert_eq!((&found["people"], &found["followers"], &found["coins"]), (&json!(0), &json!(0), &json!(0)));

    let room = RoomId::new(made.body["id"].as_i64().expect("an id")).expect("in range");
    let layla = UserId::new(made.body["owner"]["id"].as_i64().expect("an id")).expect("in range");
    let entry = api.post(&format!("{place}/token"), &json!({})).bearer(&token).send().await;
    let (entry, now) = (entry.body["token"].as_str().expect("a token"), now());
    let keys = api.identity.keys();
    assert!(keys.verify_room(entry, room, layla, now).await.is_ok());
    let other = RoomId::new(room.number() + 1).expect("in range");
    let refused = keys.verify_room(entry, other, layla, now).await.expect_err("another room");
    assert_eq!(refused.code(), ErrorCode::RoomTokenInvalid);
    assert_eq!(api.get("/v1/me").bearer(entry).send().await.code(), (401, "unauthenticated"));
    assert!(keys.verify_room(&token, room, layla, now).await.is_err());
}

#[tokio::test]
async fn an_unknown_room_is_answered_room_not_found() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    assert_eq!(api.get("/v1/rooms/999999999").bearer(&token).send().await.code(), (404, "room_not_found"));
    let entry = api.post("/v1/rooms/999999999/token", &json!({})).bearer(&token).send().await;
    assert_eq!(entry.code(), (404, "room_not_found"));
    for junk in ["x", "0", "-1", "1.5", "9007199254740992", "99999999999999999999", "%00", "%ff", "1%2f2"] {
        let answer = api.get(&format!("/v1/rooms/{junk}")).bearer(&token).send().await;
        assert_eq!(answer.code(), (404, "not_found"), "{junk}");
    }
}

#[tokio::test]
async fn rooms_are_not_shown_without_signing_in() {
    let api = Api::new().await;
    assert_eq!(api.get("/v1/rooms").send().await.code(), (401, "unauthenticated"));
    assert_eq!(api.post("/v1/rooms", &json!({"name": "Majlis"})).send().await.code(), (401, "unauthenticated"));
    assert_eq!(api.get("/v1/rooms/999999999").send().await.code(), (401, "unauthenticated"));
}

#[tokio::test]
async fn paging_shows_each_room_once_while_rooms_are_made() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    let mut there = Vec::new();
    for n in 0..23 {
        there.push(make(&api, &token, &format!("room {n}")).await);
    }
    // Of two rooms made in the same microsecond the id decides the order.
    let same = "update rooms set created_at = (select min(created_at) from rooms) where id = any($1)";
    sqlx::query(same).bind(&there[..6]).execute(&mut api.database.as_superuser().await).await.expect("updated");

    let mut seen = Vec::new();
    let mut path = "/v1/rooms?limit=5".to_owned();
    loop {
        let page = api.get(&path).bearer(&token).send().await;
        assert_eq!(page.status, StatusCode::OK);
        let items = ids(&page.body);
        assert!((1..=5).contains(&items.len()));
        seen.extend(items);
        make(&api, &token, "made meanwhile").await;
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/v1/rooms?limit=5&cursor={next}");
    }
    assert_eq!(seen.len(), 23);
    assert_eq!(seen.iter().collect::<HashSet<_>>(), there.iter().collect());
    assert_eq!(seen[..17], there[6..].iter().rev().copied().collect::<Vec<_>>(), "newest first");
}

#[tokio::test]
async fn a_search_finds_rooms_by_a_part_of_the_name_and_by_number() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    let evening = make(&api, &token, "Evening in Amman").await;
    let coffee = make(&api, &token, "ÉVENING_coffee 100%").await;
    let majlis = make(&api, &token, "مجلس المساء").await;
    let search = async |q: &str| {
        let q: String = q.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let page = api.get(&format!("/v1/rooms?q={q}")).bearer(&token).send().await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        ids(&page.body)
    };
    assert_eq!(search("AMMAN").await, [evening]);
    assert_eq!(search("vening").await, [coffee, evening], "newest first");
    assert_eq!(search("évening").await, [coffee, evening], "an accent makes no difference");
    assert_eq!(search("المساء").await, [majlis]);
    let ahmed = make(&api, &token, "ديوان أحمد").await;
    let isil = make(&api, &token, "Işıl's Café").await;
    for text in ["احمد", "ديوان احمد", "أحْمَد", "احمـــد"] {
        assert_eq!(search(text).await, [ahmed], "{text}");
    }
    for text in ["ışıl", "isil", "IŞIL’S", "cafe", "Cafe\u{301}"] {
        assert_eq!(search(text).await, [isil], "{text}");
    }
    let digits: String =
        evening.to_string().bytes().filter_map(|b| char::from_u32(0x660 + u32::from(b - b'0'))).collect();
    assert_eq!(search(&digits).await, [evening], "its number in other digits");
    assert_eq!(search(&evening.to_string()).await, [evening], "its number");
    assert_eq!((search("ev").await, search("am").await), (vec![coffee, evening], vec![]), "two letters begin it");
    for (sign, found) in [("%", vec![]), ("100%", vec![coffee]), ("g_c", vec![coffee]), ("g_i", vec![]), ("\\", vec![])]
    {
        assert_eq!(search(sign).await, found, "{sign} stands for itself");
    }

    let first = api.get("/v1/rooms?q=vening&limit=1").bearer(&token).send().await;
    let next = first.body["next"].as_str().expect("one more");
    let second = api.get(&format!("/v1/rooms?q=vening&limit=1&cursor={next}")).bearer(&token).send().await;
    assert_eq!((ids(&first.body), ids(&second.body)), (vec![coffee], vec![evening]));
}

#[tokio::test]
async fn a_search_among_many_rooms_reads_an_index() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    make(&api, &token, "Lanterns").await;
    let mut conn = api.database.as_superuser().await;
    let many = "insert into rooms (id, owner_id, name)
                select 200000000 + n, owner_id, 'room ' || md5(n::text) from rooms, generate_series(1, 20000) n";
    sqlx::query(many).execute(&mut conn).await.expect("inserted");
    sqlx::query("vacuum analyze rooms").execute(&mut conn).await.expect("analyzed");
    let values = "'9999-01-01', 9223372036854775807, 51, '%lantern%', 0, '%lantern%'";
    let plan = plan(&mut conn, "r.search_letters like $4", values).await;
    assert!(plan.contains("rooms_search_letters") && !plan.contains("Seq Scan on rooms"), "{plan}");
}

#[tokio::test]
async fn a_query_that_does_not_fit_names_its_parameter() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    let cases = [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=", "cursor"),
        ("cursor=AAAA", "cursor"),
        ("cursor=W251bGwsMV0", "cursor"),
        ("cursor=WyJwZW9wbGUiLG51bGwsWzEsMV1d", "cursor"),
        ("order=name", "order"),
        ("q=", "q"),
        ("q=%20%20", "q"),
        ("q=a%0ab", "q"),
    ];
    for (query, field) in cases {
        let answer = api.get(&format!("/v1/rooms?{query}")).bearer(&token).send().await;
        assert_eq!((answer.code(), answer.fields()), ((400, "bad_request"), vec![field]), "{query}: {}", answer.body);
    }
    // Cursors in the right form with times that no row can have, made by hand: ["rooms",null,[9223372036854775807,9223372036854775807]] and
    // ["rooms",null,[-9223372036854775808,-1]].
    for cursor in [
        "WyJyb29tcyIsbnVsbCxbOTIyMzM3MjAzNjg1NDc3NTgwNyw5MjIzMzcyMDM2ODU0Nzc1ODA3XV0",
        "WyJyb29tcyIsbnVsbCxbLTkyMjMzNzIwMzY4NTQ3NzU4MDgsLTFdXQ",
    ] {
        let answer = api.get(&format!("/v1/rooms?cursor={cursor}")).bearer(&token).send().await;
        assert_eq!((answer.code(), answer.fields()), ((400, "bad_request"), vec!["cursor"]), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_says_how_many_people_are_in_a_room_and_who_has_a_seat() {
    let world = World::new().await;
    let (owner, guest) = (world.person("user").await, world.person("user").await);
    let (live, _asleep) = (world.room(owner).await, world.room(owner).await);
    let _owner = world.in_room(owner, live).await;
    let guest_in = world.in_room(guest, live).await;
    let token = world.token(owner).await;
    let crowds = async || {
        let (_, page) = world.get("/v1/rooms", &token).await;
        let rooms = page["items"].as_array().expect("rooms").iter();
        let on_seats =
            |room: &Value| room["on_seats"].as_array().map(|all| all.iter().map(|user| user["id"].clone()).collect());
        rooms
            .map(|room| json!([room["people"], room["seated"], on_seats(room).unwrap_or_else(Vec::new)]))
            .collect::<Vec<_>>()
    };
    assert_eq!(crowds().await, [json!([0, 0, []]), json!([2, 0, []])]);
    let seat = format!("/v1/rooms/{live}/seat");
    assert_eq!(world.call(Method::PUT, &seat, &token, Some(json!({"seat": 0}))).await.0, 200);
    assert_eq!(crowds().await, [json!([0, 0, []]), json!([2, 1, [owner]])]);
    assert_eq!(world.call(Method::DELETE, &seat, &token, None).await.0, 200);
    drop(guest_in); // within the grace period the guest is still in the room
    assert_eq!(crowds().await, [json!([0, 0, []]), json!([2, 0, []])]);
}

#[tokio::test]
async fn a_user_opens_five_rooms_a_day_and_has_twenty() {
    let world = World::serve().await;
    let (_, token) = world.entered("user").await;
    let open = async || world.post("/v1/rooms", &token, json!({"name": "A room"})).await;
    let opened = futures_util::future::join_all((0..12).map(|_| open())).await;
    assert_eq!(opened.iter().filter(|(status, _)| *status == 201).count(), 5, "at once as one after the other");
    let (status, refused) = open().await;
    assert_eq!((status, refused["code"].as_str()), (429, Some("rate_limited")));
    assert!(refused["retry_after_ms"].as_i64().is_some_and(|ms| (86_000_000..=86_400_001).contains(&ms)), "{refused}");
    let (_, other) = world.entered("user").await;
    world.made(&other, "Somebody else's").await;

    for day in 1..4 {
        world.superuser("update rooms set created_at = created_at - interval '1 day'").await;
        let opened = futures_util::future::join_all((0..6).map(|_| open())).await;
        assert_eq!(opened.iter().filter(|(status, _)| *status == 201).count(), 5, "day {day}");
    }
    world.superuser("update rooms set created_at = created_at - interval '1 day'").await;
    let (status, refused) = open().await;
    assert_eq!((status, refused["code"].as_str()), (409, Some("too_many_rooms")), "{refused}");
    assert_eq!(world.count("select count(*) from rooms").await, 21);
}
