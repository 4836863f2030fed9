//! Every list that OpenAPI describes, walked as a client walks it: what its limits are, that no cursor of another list
//! works, and that all pages together bring each row once.

use hyper::Method;
use parlor_protocol::UserId;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::world::World;

/// Rows that each list has at least, so that a walk has something to lose.
const ROWS: usize = 3;

/// The address of each list and its query.
fn lists(room: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(&parlor::router::openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("there are paths");
    let mut lists = Vec::new();
    for (path, item) in paths {
        let parameters = || item["get"]["parameters"].as_array().into_iter().flatten();
        let named = |name: &str| parameters().find(|parameter| parameter["name"] == name);
        if named("cursor").is_none() {
            assert!(named("limit").is_none(), "{path} has a limit and no cursor");
            continue;
        }
        let limit = &named("limit").unwrap_or_else(|| panic!("{path} has no limit"))["schema"];
        assert_eq!(
            (&limit["minimum"], &limit["maximum"], &limit["default"]),
            (&json!(1), &json!(100), &json!(50)),
            "{path}"
        );
        let filter = match path.as_str() {
            "/v1/users" => "q=user&",
            // The server's own come and go.
            "/v1/staff/jobs" => "state=failed&",
            _ => "",
        };
        lists.push(format!("{}?{filter}", path.replace("{id}", room)));
    }
    lists
}

/// A member of staff of whom, and for whom, every list has rows; their token, the room, and who is in it.
async fn filled(world: &World) -> (String, String, Vec<Client>) {
    let mut token = String::new();
    let mut me = None;
    for device in 0..ROWS {
        let login =
            json!({"login": "demo1@parlor.example", "password": "parlor-demo", "device": format!("device {device}")});
        let (status, answer) = world.post("/v1/auth/login", "", login).await;
        assert_eq!(status, 200, "{answer}");
        token = answer["access_token"].as_str().expect("a token").to_owned();
        me = answer["user"]["id"].as_i64().and_then(UserId::new);
    }
    let me = me.expect("a user");
    world.give(me, "admin").await;
    let mut sockets = Vec::new();
    let mut rooms = Vec::new();
    for _ in 0..ROWS {
        let owner = world.person("user").await;
        let room = world.room(owner).await;
        sockets.push(world.in_room(owner, room).await);
        rooms.push(room);
        world.job("failed").await;
        // What staff does is in the log.
        assert_eq!(world.suspend(world.person("user").await, &token).await, 200);
    }
    let room = rooms[0];
    let receiver = world.person("user").await;
    sockets.push(world.in_room(me, room).await);
    sockets.push(world.in_room(receiver, room).await);
    for _ in 0..ROWS {
        let gift = json!({"gift": 1, "count": 1, "to": {"users": [receiver]}});
        let (status, answer) = world.post(&format!("/v1/rooms/{room}/gifts"), &token, gift).await;
        assert_eq!(status, 200, "{answer}");
    }
    sqlx::query(
        "insert into coin_requests (user_id, reseller_id, amount, expires_at, op)
         select $1, $2, 70, clock_timestamp() + interval '1 hour', gen_random_uuid() from generate_series(1, $3)",
    )
    .bind(me.number())
    .bind(receiver.number())
    .bind(i32::try_from(ROWS).expect("a few"))
    .execute(&world.database.app)
    .await
    .expect("coin requests");
    (token, room.to_string(), sockets)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_keeps_to_its_limits_takes_its_own_cursors_and_gives_every_row_once() {
    let world = World::new().await;
    let (token, room, _sockets) = filled(&world).await;
    let ask =
        async |address: &str, query: &str| world.call(Method::GET, &format!("{address}{query}"), &token, None).await;
    let refused = async |address: &str, query: &str, field: &str| {
        let (status, problem) = ask(address, query).await;
        assert_eq!((status, &problem["code"]), (400, &json!("bad_request")), "{address}{query}: {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{address}{query}: {problem}");
    };
    let lists = lists(&room);
    assert!(lists.len() >= 8, "{lists:?}");
    let mut cursors = Vec::new();
    for list in &lists {
        let (status, whole) = ask(list, "limit=100").await;
        assert_eq!(status, 200, "{list}: {whole}");
        let rows = whole["items"].as_array().expect("rows");
        assert!(rows.len() >= ROWS && whole["next"].is_null(), "`filled` fills every list: {list} has {whole}");

        let (mut walked, mut query) = (Vec::new(), "limit=1".to_owned());
        loop {
            let (status, page) = ask(list, &query).await;
            assert_eq!(status, 200, "{list}{query}: {page}");
            let items = page["items"].as_array().expect("rows");
            assert_eq!(items.len(), 1, "{list}{query}: a page is full or the last");
            walked.extend(items.iter().cloned());
            let Some(next) = page["next"].as_str() else { break };
            assert!(walked.len() < rows.len(), "{list} has no end");
            if walked.len() == 1 {
                cursors.push(next.to_owned());
            }
            query = format!("limit=1&cursor={next}");
        }
        assert_eq!(&walked, rows, "{list}");

        for limit in ["0", "101", "-1", "many"] {
            refused(list, &format!("limit={limit}"), "limit").await;
        }
        refused(list, "cursor=e30", "cursor").await;
        refused(list, "colour=red", "colour").await;
    }
    for (at, list) in lists.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate().filter(|(other, _)| *other != at) {
            let (status, problem) = ask(list, &format!("cursor={cursor}")).await;
            assert_eq!(status, 400, "{list} took a cursor of {}: {problem}", lists[other]);
            assert_eq!(problem["errors"][0]["field"], "cursor", "{problem}");
        }
    }
}
