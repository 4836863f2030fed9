//! The nasty texts through every field of REST that takes text.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use parlor_protocol::text::Rule;
use parlor_protocol::{RoomId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::exchange::{Answer, Exchange};
use super::field::{Field, Place, followed, texts, with_literal};
use super::strings::{Nasty, all};
use crate::support::client::Client;
use crate::support::world::World;

/// Limits beyond what this test sends.
const ROOMY: &[(&str, &str)] = &[
    ("PARLOR__IDENTITY__ATTEMPTS_PER_MINUTE_ACCOUNT", "10000"),
    ("PARLOR__IDENTITY__CODES_PER_MINUTE_ADDRESS", "1000000"),
    ("PARLOR__IDENTITY__REQUESTS_PER_MINUTE_USER", "1000000"),
    ("PARLOR__IDENTITY__REGISTRATIONS_PER_MINUTE_ADDRESS", "1000000"),
    ("PARLOR__IDENTITY__SIGN_INS_PER_MINUTE_ADDRESS", "1000000"),
    ("PARLOR__IDENTITY__REFRESHES_PER_MINUTE_ADDRESS", "1000000"),
    ("PARLOR__IDENTITY__FAILURES_ADDRESS", "1000000"),
    ("PARLOR__IDENTITY__SIGNATURE_DAYS", "0"),
    ("PARLOR__IDENTITY__CHANGES_PER_MINUTE_USER", "1000"),
    ("PARLOR__HTTP__ANONYMOUS_PER_MINUTE_ADDRESS", "10000000"),
];

/// Operations that hash a password, and a field that makes a request to them wrong, so that it ends before that. Only each
/// tenth text goes through to the hash; of the others the verdict on the text itself is asked for.
const DEAR: &[(&str, &str, &str)] = &[
    ("register", "email", "x"),
    ("login", "login", "x"),
    ("reset_password", "code", "x"),
    ("confirm_contact", "code", "x"),
    ("change_password", "password", "x"),
];

/// Of how many texts one is sent to a thing that had to be made for it.
const FRESH: usize = 10;

struct Operation {
    id: String,
    method: String,
    path: String,
    example: Value,
}

/// Every operation, and every field of one that takes text.
fn operations(document: &Value) -> (Vec<Operation>, Vec<Field>) {
    let (mut operations, mut fields) = (Vec::new(), Vec::new());
    for (path, item) in document["paths"].as_object().expect("there are paths") {
        for (method, operation) in item.as_object().expect("a path has methods") {
            let id = operation["operationId"].as_str().expect("an operationId").to_owned();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let mut found = Vec::new();
                texts(document, &parameter["schema"], &[], &mut found);
                let place = match parameter["in"].as_str() {
                    Some("query") => "query",
                    Some("path") => "path",
                    _ => "header",
                };
                let name = parameter["name"].as_str().expect("a name").to_owned();
                fields.extend(found.first().map(|(_, is_closed)| Field {
                    of: id.clone(),
                    place: Place::Parameter(place, name),
                    // A cursor is made by the server; its bytes are tested beside it.
                    is_closed: *is_closed || followed(document, &parameter["schema"]).get("pattern").is_some(),
                }));
            }
            let body = &operation["requestBody"]["content"]["application/json"];
            let mut found = Vec::new();
            texts(document, &body["schema"], &[], &mut found);
            fields.extend(found.into_iter().map(|(path, is_closed)| Field {
                of: id.clone(),
                place: Place::Body(path),
                is_closed,
            }));
            operations.push(Operation {
                id,
                method: method.to_uppercase(),
                path: path.clone(),
                example: body["example"].clone(),
            });
        }
    }
    (operations, fields)
}

struct Scene {
    world: World,
    admin: UserId,
    token: String,
    room: RoomId,
    /// The room that is closed, again and again.
    closed: RoomId,
    user: UserId,
    count: AtomicUsize,
}

impl Scene {
    async fn set() -> Self {
        let world = World::dev().roomy().set_all(ROOMY.iter().copied()).await;
        let (admin, token) = world.entered("admin").await;
        world.give(admin, "reseller").await;
        let (room, closed) = (world.room(admin).await, world.room(admin).await);
        let user = world.person("user").await;
        // The admin stays in the room by a socket that reads what it is told, and so answers the server's pings.
        tokio::spawn(world.in_room(admin, room).await.stay());
        Self { world, admin, token, room, closed, user, count: AtomicUsize::new(0) }
    }

    /// The id in the operation's address, and its body before the text is put in. `deep` asks for things of its own that
    /// a request uses up.
    async fn base(&self, operation: &Operation, deep: bool) -> (String, Value, Option<Client>) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let (mut body, mut guest, mut id) = (operation.example.clone(), None, "1".to_owned());
        match operation.id.as_str() {
            "register" => body["email"] = format!("nasty{number}@example.com").into(),
            "kick_participant" | "kick_from_room" | "ban_user" if deep => {
                let user = self.world.person("user").await;
                guest = Some(self.world.in_room(user, self.room).await);
                body["user"] = user.number().into();
            }
            "reject_coin_request" if deep => {
                let made: i64 = sqlx::query_scalar(
                    "insert into coin_requests (user_id, reseller_id, amount, expires_at, op)
                     values ($1, $2, 70, clock_timestamp() + interval '1 hour', gen_random_uuid())
                     returning id",
                )
                .bind(self.user.number())
                .bind(self.admin.number())
                .fetch_one(&self.world.database.app)
                .await
                .expect("a request");
                id = made.to_string();
            }
            _ => {}
        }
        let is_about_users = operation.path.starts_with("/v1/users") || operation.path.starts_with("/v1/staff/users");
        if ["close_room", "suspend_room"].contains(&operation.id.as_str()) {
            id = self.closed.to_string();
        } else if is_about_users {
            id = self.user.to_string();
        } else if operation.path.contains("/rooms/") && operation.id != "close_live_room" {
            id = self.room.to_string();
        } else if operation.path.contains("/sessions/") || operation.path.contains("/uploads/") {
            id = Uuid::nil().to_string();
        }
        (id, body, guest)
    }
}

/// Whether what came back is the text that was sent, as the rules of texts leave it.
fn is_back(sent: &str, back: &str) -> bool {
    let line = Rule::line(usize::MAX).or_nothing().apply(sent);
    let lines = Rule::lines(usize::MAX).apply(sent);
    // Countries, languages and signatures have one spelling.
    back == sent
        || [line, lines].into_iter().flatten().any(|tidy| tidy == back)
        || (sent.is_ascii() && sent.trim().eq_ignore_ascii_case(back))
}

/// What is wrong with an answer; `None` if it is typed, and any text in it is the one that was sent.
fn problem(field: &Field, nasty: &Nasty, answer: &Answer) -> Option<String> {
    let code = answer.body["code"].as_str().unwrap_or_default();
    if answer.status >= 500 || code == "internal" {
        return Some(format!("{} {code}", answer.status));
    }
    if answer.status >= 400 {
        return code.is_empty().then(|| format!("{} without a code: {}", answer.status, answer.body));
    }
    // Whoever signs in gets another token of the device than the one that was sent.
    if field.name() == "device_token" {
        return None;
    }
    let (Some(sent), Some(back)) = (&nasty.text, answer.body[field.name()].as_str()) else { return None };
    (!is_back(sent, back)).then(|| format!("{back:?} came back"))
}

/// Sends each text through one field, and tells what was wrong, and how many texts were taken.
async fn through(scene: &Scene, operation: &Operation, field: &Field, texts: &[Nasty]) -> (Vec<String>, usize) {
    let mut exchange = Exchange::with(scene.world.address);
    let authorization = format!("Bearer {}", scene.token);
    let (mut wrong, mut taken) = (Vec::new(), 0);
    let dear = DEAR.iter().find(|(id, ..)| *id == operation.id);
    // A closed form takes no text of people: a part of the texts shows it.
    for (at, nasty) in texts.iter().enumerate().filter(|(at, _)| !field.is_closed || at % 7 == 0) {
        let is_deep = at % FRESH == 0;
        let (id, mut body, guest) = scene.base(operation, is_deep).await;
        let mut path = operation.path.clone();
        if let Some((_, spoilt, value)) = dear
            && !is_deep
            && *spoilt != field.name()
        {
            body[*spoilt] = (*value).into();
        }
        let key = Uuid::now_v7().to_string();
        let mut headers = vec![("authorization", authorization.as_str()), ("idempotency-key", key.as_str())];
        let mut text = (!body.is_null()).then(|| body.to_string());
        match &field.place {
            Place::Body(at) => text = Some(with_literal(&body, at, &nasty.json)),
            Place::Parameter("query", name) => {
                path = format!("{path}?{name}={}", nasty.percent());
            }
            Place::Parameter("path", name) => path = path.replace(&format!("{{{name}}}"), &nasty.percent()),
            Place::Parameter(_, name) => {
                // A head has no controls, and HTTP answers one that has.
                let fits = |text: &&str| !text.is_empty() && text.len() < 4_000 && !text.chars().any(char::is_control);
                let Some(text) = nasty.text.as_deref().filter(fits) else { continue };
                headers.retain(|(header, _)| !header.eq_ignore_ascii_case(name));
                headers.push((name.as_str(), text));
            }
        }
        let path = path
            .replace("{id}", &id)
            .replace("{no}", "1")
            .replace("{role}", "support")
            .replace("{session}", &Uuid::nil().to_string());
        // A head of more than 16 KiB is refused by HTTP itself.
        if path.len() > 12_000 {
            continue;
        }
        let mut answer = exchange.ask(&operation.method, &path, &headers, text.as_deref()).await;
        if answer.status == 414 || answer.status == 431 {
            continue;
        }
        let mut why = problem(field, nasty, &answer);
        if let Some(location) = answer.location.take().filter(|_| answer.status == 201 && why.is_none()) {
            let read = exchange.ask("GET", &location, &headers[..1], None).await;
            why = problem(field, nasty, &read)
                .or_else(|| (read.status != 200).then(|| format!("{location}: {}", read.status)));
        }
        // Who has registered with a password signs in with it.
        if operation.id == "register" && field.name() == "password" && answer.status == 201 {
            let login = json!({"login": body["email"], "device": "x"});
            let login = with_literal(&login, &["password".to_owned()], &nasty.json);
            let signed_in = exchange.ask("POST", "/v1/auth/login", &[], Some(&login)).await;
            why = why.or_else(|| (signed_in.status != 200).then(|| format!("signed in: {}", signed_in.body)));
        }
        taken += usize::from(answer.status < 300);
        wrong.extend(why.map(|why| {
            format!("{} {:?} {}: {why}", field.of, field.place, nasty.json.chars().take(60).collect::<String>())
        }));
        drop(guest);
    }
    (wrong, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_rest_answers_each_text_typed_or_gives_it_back() {
    let document: Value = serde_json::from_str(&parlor::router::openapi()).expect("JSON");
    let (operations, fields) = operations(&document);
    let open = fields.iter().filter(|field| !field.is_closed).count();
    assert!(open >= 30, "the document has lost fields: {open}");
    let (scene, texts) = (Scene::set().await, all());
    let outcomes: Vec<_> = futures_util::stream::iter(&fields)
        .map(async |field| {
            let operation = operations.iter().find(|operation| operation.id == field.of).expect("it has the field");
            (field, through(&scene, operation, field, &texts).await)
        })
        .buffer_unordered(4)
        .collect()
        .await;
    let wrong: Vec<_> = outcomes.iter().flat_map(|(_, (wrong, _))| wrong).collect();
    assert!(
        wrong.is_empty(),
        "{} of them:\n{}",
        wrong.len(),
        wrong.iter().take(60).map(|line| line.as_str()).collect::<Vec<_>>().join("\n")
    );
    // Texts of people are taken in great numbers by the fields that are for them, so the test reaches what stores them.
    for (operation, name) in [
        ("create_room", "name"),
        ("change_me", "name"),
        ("change_me", "bio"),
        ("send_message", "text"),
        ("suspend_user", "reason"),
        ("list_rooms", "q"),
        ("find_users", "q"),
    ] {
        let taken =
            outcomes.iter().find(|(field, _)| field.of == operation && field.name() == name).expect("such a field").1.1;
        assert!(taken >= 200, "{operation} {name}: {taken}");
    }
    // What was stored is listed and shown in turn.
    let mut exchange = Exchange::with(scene.world.address);
    let authorization = format!("Bearer {}", scene.token);
    for path in ["/v1/rooms", "/v1/staff/audit", "/v1/staff/users", "/v1/staff/rooms", "/v1/me/sessions", "/v1/me"] {
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = exchange.ask("GET", &path, &[("authorization", &authorization)], None).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            let path = path.split('?').next().unwrap_or_default();
            next = page.body["next"].as_str().map(|cursor| format!("{path}?limit=100&cursor={cursor}"));
        }
    }
}
