//! The lists of rooms: what each shows and in which order, that a walk misses and doubles nothing while the order moves, and that
//! each is read from an index.

use std::collections::HashSet;
use std::time::Duration;

use hyper::Method;
use parlor_protocol::{RoomId, UserId};
use serde_json::{Value, json};

use crate::support::plan::plan;
use crate::support::time::until;
use crate::support::world::World;

fn ids(page: &Value) -> Vec<i64> {
    page["items"].as_array().expect("items").iter().map(|room| room["id"].as_i64().expect("an id")).collect()
}

fn numbers(rooms: &[RoomId]) -> Vec<i64> {
    rooms.iter().map(|room| room.number()).collect()
}

async fn page(world: &World, token: &str, path: &str) -> Value {
    let (status, page) = world.get(path, token).await;
    assert_eq!(status, 200, "{path}: {page}");
    page
}

async fn list(world: &World, token: &str, path: &str) -> Vec<i64> {
    ids(&page(world, token, path).await)
}

/// Every room of a list, read by pages of `limit`, with something done before each further page.
async fn walk(world: &World, token: &str, path: &str, limit: usize, mut between: impl AsyncFnMut()) -> Vec<i64> {
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let page = page(world, token, &format!("{path}{sign}limit={limit}{cursor}")).await;
        walked.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { return walked };
        cursor = format!("&cursor={next}");
        between().await;
    }
}

/// Rooms of one owner, newest first.
async fn rooms(world: &World, owner: UserId, count: usize) -> Vec<RoomId> {
    let mut rooms = Vec::new();
    for _ in 0..count {
        rooms.push(world.room(owner).await);
    }
    rooms.reverse();
    rooms
}

async fn change(world: &World, token: &str, room: RoomId, body: Value) {
    let (status, answer) = world.call(Method::PATCH, &format!("/v1/rooms/{room}"), token, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pinned_rooms_come_first_and_a_walk_shows_each_room_once_whatever_is_pinned_meanwhile() {
    let world = World::serve().roomy().await;
    let (owner, token) = world.entered("user").await;
    let (_, manager) = world.entered("manager").await;
    let rooms = rooms(&world, owner, 9).await;
    let pin = |at: usize| format!("/v1/staff/rooms/{}/pin", rooms[at]);
    assert_eq!(world.put(&pin(7), &manager).await, 204);
    assert_eq!(world.put(&pin(4), &manager).await, 204);
    let all = numbers(&rooms);
    let expected: Vec<i64> = [4, 7, 0, 1, 2, 3, 5, 6, 8].map(|at: usize| all[at]).to_vec();
    assert_eq!(list(&world, &token, "/v1/rooms").await, expected);
    let first = &page(&world, &token, "/v1/rooms").await["items"][0];
    assert_eq!(first["pinned"], json!(true));
    // Another is pinned, one is unpinned and new ones are made while somebody walks.
    for limit in [1, 2, 4] {
        let mut turn = 0;
        let walked = walk(&world, &token, "/v1/rooms", limit, async || {
            turn += 1;
            match turn {
                1 => drop(world.put(&pin(8), &manager).await),
                2 => drop(world.delete(&pin(4), &manager).await),
                _ => {}
            }
        })
        .await;
        let unique: HashSet<_> = walked.iter().collect();
        assert_eq!((unique.len(), walked.len()), (9, 9), "{walked:?}");
        assert_eq!(world.delete(&pin(8), &manager).await, 204);
        world.delete(&pin(4), &manager).await;
        assert_eq!(world.put(&pin(4), &manager).await, 204);
    }
    assert_eq!(world.put("/v1/staff/rooms/999999999999/pin", &manager).await, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_listed_by_country_and_tag_and_hidden_and_closed_ones_are_in_no_list() {
    let world = World::serve().roomy().await;
    let (owner, token) = world.entered("user").await;
    let rooms = rooms(&world, owner, 5).await;
    let all = numbers(&rooms);
    change(&world, &token, rooms[0], json!({"version": 1, "country": "JO", "tags": ["Oud", "poetry"]})).await;
    change(&world, &token, rooms[1], json!({"version": 1, "country": "JO"})).await;
    change(&world, &token, rooms[2], json!({"version": 1, "country": "EG", "tags": ["oud"]})).await;
    assert_eq!(list(&world, &token, "/v1/rooms?country=JO").await, [all[0], all[1]]);
    assert_eq!(list(&world, &token, "/v1/rooms?tag=OUD").await, [all[0], all[2]]);
    assert_eq!(walk(&world, &token, "/v1/rooms?tag=oud", 1, async || {}).await, [all[0], all[2]]);
    change(&world, &token, rooms[0], json!({"version": 2, "tags": ["poetry"]})).await;
    assert_eq!(list(&world, &token, "/v1/rooms?tag=oud").await, [all[2]]);
    for query in ["country=J", "country=JOR", "tag=%20", "tag=a&country=JO", "q=room&tag=a", "sort=hot&tag=a"] {
        let (status, problem) = world.get(&format!("/v1/rooms?{query}"), &token).await;
        assert_eq!((status, &problem["code"]), (400, &json!("bad_request")), "{query}: {problem}");
    }
    let hide = json!({"version": 2, "privacy": "hidden"});
    assert_eq!(world.call(Method::PUT, &format!("/v1/rooms/{}/privacy", rooms[2]), &token, Some(hide)).await.0, 200);
    assert_eq!(
        world.call(Method::PUT, &format!("/v1/rooms/{}/closing", rooms[1]), &token, Some(json!({}))).await.0,
        200
    );
    assert_eq!(list(&world, &token, "/v1/rooms").await, [all[0], all[3], all[4]]);
    assert_eq!(list(&world, &token, "/v1/rooms?country=EG").await, [0; 0]);
    assert_eq!(list(&world, &token, "/v1/rooms?country=JO").await, [all[0]]);
    assert_eq!(list(&world, &token, "/v1/rooms?tag=oud").await, [0; 0]);
    assert_eq!(list(&world, &token, "/v1/me/rooms").await, all, "their owner sees them");
    assert_eq!(world.call(Method::DELETE, &format!("/v1/rooms/{}/closing", rooms[1]), &token, None).await.0, 200);
    assert_eq!(list(&world, &token, "/v1/rooms?country=JO").await, [all[0], all[1]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_followed_and_unfollowed_and_counted() {
    let world = World::serve().roomy().await;
    let (owner, _) = world.entered("user").await;
    let (layla, token) = world.entered("user").await;
    let rooms = rooms(&world, owner, 3).await;
    let follow = |room: RoomId| format!("/v1/rooms/{room}/follow");
    for room in [rooms[1], rooms[0], rooms[1], rooms[2]] {
        assert_eq!(world.put(&follow(room), &token).await, 204);
    }
    assert_eq!(list(&world, &token, "/v1/me/rooms/followed").await, numbers(&[rooms[2], rooms[0], rooms[1]]));
    let card = page(&world, &token, &format!("/v1/rooms/{}", rooms[1])).await;
    assert_eq!((&card["followers"], &card["coins"], &card["people"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!(world.delete(&follow(rooms[1]), &token).await, 204);
    assert_eq!(world.delete(&follow(rooms[1]), &token).await, 204);
    let card = page(&world, &token, &format!("/v1/rooms/{}", rooms[1])).await;
    assert_eq!(card["followers"], json!(0));
    assert_eq!(list(&world, &token, "/v1/me/rooms/followed").await, numbers(&[rooms[2], rooms[0]]));
    assert_eq!(world.put("/v1/rooms/999999999999/follow", &token).await, 404);
    let many = "insert into rooms (id, owner_id, name) select 300000000 + n, $1, 'room' from generate_series(1, 998) n";
    sqlx::query(many).bind(owner.number()).execute(&world.database.app).await.expect("rooms");
    let follows =
        "insert into room_follows (user_id, room_id) select $1, id from rooms where id between 300000000 and 300001000";
    sqlx::query(follows).bind(layla.number()).execute(&world.database.app).await.expect("follows");
    assert_eq!(world.put(&follow(rooms[1]), &token).await, 403, "as many as a user may");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rooms_of_late_are_listed_and_their_number_is_bounded() {
    let world = World::serve().roomy().await;
    let (owner, _) = world.entered("user").await;
    let (layla, token) = world.entered("user").await;
    let rooms = rooms(&world, owner, 4).await;
    let visit = async |room: RoomId, rows: i64| {
        assert_eq!(world.post(&format!("/v1/rooms/{room}/token"), &token, json!({})).await.0, 200);
        until("the visit is written", Duration::from_secs(10), async || {
            (world.count("select count(*) from room_visits").await == rows).then_some(())
        })
        .await;
    };
    for (at, rows) in [(0, 1), (1, 2), (0, 3), (2, 4)] {
        visit(rooms[at], rows).await;
    }
    assert_eq!(list(&world, &token, "/v1/me/rooms/recent").await, numbers(&[rooms[2], rooms[0], rooms[1]]));
    // The oldest is visited again while somebody walks: it is where it was.
    let mut rows = 4;
    let walked = walk(&world, &token, "/v1/me/rooms/recent", 1, async || {
        if rows == 4 {
            rows = 5;
            visit(rooms[1], rows).await;
        }
    })
    .await;
    assert_eq!(walked, numbers(&[rooms[2], rooms[0], rooms[1]]));
    assert_eq!(list(&world, &token, "/v1/me/rooms/recent").await, numbers(&[rooms[1], rooms[2], rooms[0]]));
    let many = "insert into room_visits (user_id, room_id, at)
                select $1, $2, clock_timestamp() - n * interval '1 minute' from generate_series(1, 300) n";
    sqlx::query(many).bind(layla.number()).bind(rooms[3].number()).execute(&world.database.app).await.expect("visits");
    visit(rooms[0], 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hot_rooms_are_those_with_people_and_coins_and_a_walk_keeps_the_order_it_began_with() {
    let world = World::dev().roomy().await;
    let people = [world.demo(1).await, world.demo(2).await, world.demo(3).await];
    let token = &people[0].0;
    let rooms = rooms(&world, people[0].1, 3).await;
    let hot = async |expected: &[RoomId]| {
        let expected = numbers(expected);
        until("the order of hot rooms", Duration::from_secs(10), async || {
            (list(&world, token, "/v1/rooms?sort=hot").await == expected).then_some(())
        })
        .await;
    };
    // Two people above one above none.
    let mut owner = world.in_room(people[0].1, rooms[1]).await;
    let _second = world.in_room(people[1].1, rooms[1]).await;
    let third = world.in_room(people[2].1, rooms[2]).await;
    hot(&[rooms[1], rooms[2]]).await;
    let first = page(&world, token, "/v1/rooms?sort=hot&limit=1").await;
    assert_eq!(ids(&first), [rooms[1].number()]);
    // Somebody else comes with coins: 666 of them count more than two people.
    drop(third);
    let _moved = world.in_room(people[2].1, rooms[0]).await;
    let gift = json!({"gift": 2, "count": 66, "to": {"users": [people[1].1]}});
    let (status, answer) = world.post(&format!("/v1/rooms/{}/gifts", rooms[1]), token, gift).await;
    assert_eq!(status, 200, "{answer}");
    owner.ping().await;
    hot(&[rooms[1], rooms[0]]).await;
    let next = first["next"].as_str().expect("one more");
    let rest = page(&world, token, &format!("/v1/rooms?sort=hot&limit=1&cursor={next}")).await;
    assert_eq!((ids(&rest), rest["next"].is_null()), (vec![rooms[2].number()], true), "the order of the first page");
    let (status, problem) = world.get(&format!("/v1/rooms?cursor={next}"), token).await;
    assert_eq!((status, &problem["code"]), (400, &json!("bad_request")), "a cursor of the other order: {problem}");
    // A hidden room leaves it at once, also from a walk that has begun.
    let begun = page(&world, token, "/v1/rooms?sort=hot&limit=1").await;
    let hide = json!({"version": 1, "privacy": "hidden"});
    assert_eq!(world.call(Method::PUT, &format!("/v1/rooms/{}/privacy", rooms[0]), token, Some(hide)).await.0, 200);
    let next = begun["next"].as_str().expect("one more");
    let rest = page(&world, token, &format!("/v1/rooms?sort=hot&limit=1&cursor={next}")).await;
    assert_eq!((ids(&rest), rest["next"].is_null()), (vec![], true));
    hot(&[rooms[1]]).await;
}

#[tokio::test]
async fn every_list_of_rooms_is_read_from_an_index() {
    let world = World::new().await;
    let owner = world.person("user").await;
    world.room(owner).await;
    let mut conn = world.database.as_superuser().await;
    for fill in [
        "insert into users (id, email, password_hash, name)
         select 600000000 + n, n || '@example.com', 'x', 'user' from generate_series(1, 500) n",
        "insert into rooms (id, owner_id, name, country, tags, created_at, pinned_at)
         select 200000000 + n, 600000000 + 1 + n % 500, 'room ' || md5(n::text), case n % 300 when 0 then 'JO' when 1 then 'EG' end,
                array['tag' || n % 50], clock_timestamp() - n * interval '1 minute',
                case when n % 3000 = 0 then clock_timestamp() end
           from generate_series(1, 20000) n",
        "insert into room_follows (user_id, room_id, at)
         select 600000000 + 1 + n % 500, 200000000 + n, clock_timestamp() - n * interval '1 minute' from generate_series(1, 20000) n",
        "insert into room_visits (user_id, room_id, at)
         select 600000000 + 1 + n % 500, 200000000 + n, clock_timestamp() - n * interval '1 minute' from generate_series(1, 20000) n",
        "insert into room_admins (room_id, user_id) select 200000000 + n, 600000000 + 1 + n % 500 from generate_series(1, 20000) n",
        "analyze",
    ] {
        sqlx::query(fill).execute(&mut conn).await.unwrap_or_else(|error| panic!("{fill}: {error}"));
    }
    // Of a user's few rows PostgreSQL sorts those that any index of the user has; each name is the beginning of an index's.
    let (last, id) = ("'9999-01-01'", i64::MAX);
    let lists = [
        ("r.listed and (r.created_at, r.id) < ($1, $2)", format!("{last}, {id}, '{{}}', 51"), "rooms_listed"),
        ("r.listed and r.country = $5", format!("{last}, {id}, '{{}}', 51, 'JO'"), "rooms_listed_country"),
        ("x.tag = $5", format!("{last}, {id}, '{{}}', 51, 'tag7'"), "room_tags_pkey"),
        ("pinned_at is not null\n", "null, null, 10".to_owned(), "rooms_pinned"),
        ("r.id = any($1) and r.listed", "array[200000001, 200000002]".to_owned(), "rooms_pkey"),
        ("where r.owner_id = $4", format!("{last}, {id}, 51, 600000007"), "rooms_own"),
        ("f.user_id = $4", format!("{last}, {id}, 51, 600000007"), "room_follows_"),
        ("v.user_id = $4", format!("{last}, {id}, 51, 600000007, {last}"), "room_visits_"),
        ("a.user_id = $1 and a.room_id < $2", format!("600000007, {id}, 51"), "room_admins_"),
    ];
    let mut wrong = Vec::new();
    for (phrase, values, index) in lists {
        let plan = plan(&mut conn, phrase, &values).await;
        let scans = ["rooms", "rooms r", "room_follows", "room_visits", "room_tags", "room_admins"];
        let is_whole = scans.iter().any(|table| plan.contains(&format!("Seq Scan on {table}")));
        if !plan.contains(index) || is_whole {
            wrong.push(format!("{phrase}: not by {index}:\n{plan}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
