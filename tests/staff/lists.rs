//! Every list that OpenAPI describes, read as a client does: its limits are kept, cursors of other lists are refused, and
//! all pages together have each row once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use parlor_protocol::UserId;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::world::World;

/// The least number of rows of each list, so that there are several pages.
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
        let owner = if rooms.is_empty() { me } else { world.person("user").await };
        let room = world.room(owner).await;
        sockets.push(world.in_room(owner, room).await);
        rooms.push(room);
        world.job("failed").await;
        // What staff does is in the log.
        assert_eq!(world.suspend(world.person("user").await, &token).await, 200);
    }
    let room = world.room(me).await;
    for guest in &rooms {
        let invite = "insert into room_guests (room_id, user_id, admitted) select $1, owner_id, 'owner' from rooms where id = $2";
        let invited = sqlx::query(invite).bind(room.number()).bind(guest.number()).execute(&world.database.app).await;
        invited.expect("a guest");
    }
    let receiver = world.person("user").await;
    for (at, of_late) in rooms.iter().enumerate() {
        assert_eq!(world.put(&format!("/v1/rooms/{of_late}/follow"), &token).await, 204);
        let fill = "with admin as (insert into room_admins (room_id, user_id) values ($1, $2))
                    insert into room_visits (user_id, room_id, at) values ($2, $1, clock_timestamp() - $3 * interval '1 hour')";
        let filled = sqlx::query(fill).bind(of_late.number()).bind(me.number()).bind(at as f64 + 1.0);
        filled.execute(&world.database.app).await.expect("a room of late");
        world.room(me).await;
    }
    sockets.push(world.in_room(me, room).await);
    sockets.push(world.in_room(world.person("user").await, room).await);
    sockets.push(world.in_room(receiver, room).await);
    sockets.push(world.in_room(world.person("user").await, room).await);
    for _ in 0..ROWS {
        let gift = json!({"gift": 1, "count": 1, "to": {"users": [receiver]}});
        let (status, answer) = world.post(&format!("/v1/rooms/{room}/gifts"), &token, gift).await;
        assert_eq!(status, 200, "{answer}");
    }
    sqlx::query(
        "insert into room_bans (room_id, user_id, fact_id, by_id, reason)
         select $1, id, row_number() over (), $2, 'spam' from (select id from users limit $3) u",
    )
    .bind(room.number())
    .bind(me.number())
    .bind(i64::try_from(ROWS).expect("a few"))
    .execute(&world.database.app)
    .await
    .expect("bans");
    sqlx::query(
        "insert into room_mutes (room_id, user_id, fact_id, by_id)
         select room_id, user_id, fact_id, by_id from room_bans",
    )
    .execute(&world.database.app)
    .await
    .expect("mutes");
    sqlx::query("insert into room_admins (room_id, user_id) select room_id, user_id from room_bans")
        .execute(&world.database.app)
        .await
        .expect("admins");
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
    for fill in [
        "insert into room_timeline (room_id, epoch, first_seq, last_seq, kind, began, ended)
         select $1, 1, n * 3, n * 3 + 2, 'gap', n, n from generate_series(1, $2) n",
        "insert into visits (room_id, user_id, epoch, incarnation, began, ended)
         select $1, n, 1, 1, n, n + 1 from generate_series(1, $2) n",
        "insert into room_days (room_id, day, visitors, peak, seat_ms, coins)
         select $1, date '2026-11-01' + n, n, 1, 60000, n from generate_series(1, $2) n",
    ] {
        let rows = i32::try_from(ROWS).expect("a few");
        sqlx::query(fill).bind(room.number()).bind(rows).execute(&world.database.app).await.expect("rows");
    }
    (token, room.to_string(), sockets)
}

/// A cursor of a list with another number or text in each place of its key.
fn forged(cursor: &str) -> Vec<String> {
    let whole: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).expect("a cursor")).expect("JSON");
    let numbers = [i64::MAX, i64::MIN, i64::MAX - 1, -1, 0, 1_000_000_000_000_000_000, 253_402_300_799_999_999];
    let numbers = numbers.map(Value::from).into_iter().chain([json!(1e38), json!(1e300), json!(-0.5)]);
    let others = ["", "a\0b", "\u{10ffff}", "00000000-0000-0000-0000-000000000000"].map(Value::from);
    let mut keys = Vec::new();
    for other in numbers.chain(others).chain([json!(null), json!([]), json!("x".repeat(300))]) {
        put_in_each_place(&whole[2], &other, &mut keys);
    }
    let cursor = |key| URL_SAFE_NO_PAD.encode(json!([whole[0], whole[1], key]).to_string());
    keys.into_iter().map(cursor).collect()
}

/// Every value that is this one with `other` in one of its places.
fn put_in_each_place(value: &Value, other: &Value, values: &mut Vec<Value>) {
    values.push(other.clone());
    let places: Vec<String> = match value {
        Value::Array(items) => (0..items.len()).map(|at| format!("/{at}")).collect(),
        Value::Object(items) => items.keys().map(|name| format!("/{name}")).collect(),
        _ => Vec::new(),
    };
    for place in places {
        let mut within = Vec::new();
        put_in_each_place(value.pointer(&place).expect("it is there"), other, &mut within);
        values.extend(within.into_iter().map(|inner| {
            let mut changed = value.clone();
            *changed.pointer_mut(&place).expect("it is there") = inner;
            changed
        }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_keeps_to_its_limits_takes_its_own_cursors_and_gives_every_row_once() {
    // What is written behind rooms would come while the lists are read.
    let world = World::dev().roomy().lease(1_000).set("PARLOR__ROOM__TIMELINE", false).await;
    let (token, room, _sockets) = filled(&world).await;
    let ask =
        async |address: &str, query: &str| world.call(Method::GET, &format!("{address}{query}"), &token, None).await;
    let refused = async |address: &str, query: &str, field: &str| {
        let (status, problem) = ask(address, query).await;
        assert_eq!((status, &problem["code"]), (400, &json!("bad_request")), "{address}{query}: {problem}");
        assert_eq!(problem["fields"][0]["field"], field, "{address}{query}: {problem}");
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
    for (list, cursor) in lists.iter().zip(&cursors) {
        for forged in forged(cursor) {
            let (status, answer) = ask(list, &format!("cursor={forged}")).await;
            let key = String::from_utf8(URL_SAFE_NO_PAD.decode(&forged).expect("a cursor")).expect("JSON");
            assert!([200, 400].contains(&status), "{list} with {key}: {status} {answer}");
        }
        for filter in ["q", "role", "state", "side", "currency", "sort", "act", "actor"] {
            let (status, answer) = ask(list, &format!("{filter}=a%00b")).await;
            assert_eq!(status, 400, "{list}{filter} with a NUL: {answer}");
        }
    }
    for (at, list) in lists.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate().filter(|(other, _)| *other != at) {
            let (status, problem) = ask(list, &format!("cursor={cursor}")).await;
            assert_eq!(status, 400, "{list} took a cursor of {}: {problem}", lists[other]);
            assert_eq!(problem["fields"][0]["field"], "cursor", "{problem}");
        }
    }
}
