//! A fake of Agora's API for bans, as its documents describe it: it checks the authorisation and the project, gives each rule
//! a number, counts how many calls come in a second, and removes a rule by its number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Answer = (StatusCode, axum::Json<Value>);

/// A rule that keeps somebody out of a channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rule {
    pub(super) channel: String,
    pub(super) uid: u64,
    pub(super) seconds: u64,
}

/// The state that the fake and its test share.
#[derive(Default)]
pub(super) struct Fake {
    rules: Mutex<BTreeMap<i64, Rule>>,
    /// When each call came, whatever became of it.
    came: Mutex<Vec<Instant>>,
    last: Mutex<i64>,
    pub(super) is_away: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fake {
    /// A fake at an address of its own.
    pub(super) async fn start() -> (Arc<Self>, String) {
        let fake = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let router =
            Router::new().route("/dev/v1/kicking-rule", post(create).delete(remove)).with_state(Arc::clone(&fake));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (fake, address)
    }

    /// The rules that are in force, oldest first.
    pub(super) fn rules(&self) -> Vec<Rule> {
        lock(&self.rules).values().cloned().collect()
    }

    /// The most calls that came within any second.
    pub(super) fn most_in_a_second(&self) -> usize {
        let came = lock(&self.came);
        let within = |from: Instant| came.iter().filter(move |at| **at >= from && (**at - from).as_millis() < 1_000);
        came.iter().map(|from| within(*from).count()).max().unwrap_or(0)
    }

    pub(super) fn calls(&self) -> usize {
        lock(&self.came).len()
    }

    fn check(&self, headers: &HeaderMap, body: &Value) -> Result<(), Answer> {
        lock(&self.came).push(Instant::now());
        if *lock(&self.is_away) {
            return Err(refused(StatusCode::BAD_GATEWAY));
        }
        // printf 'customer:secret' | base64
        if headers.get("authorization").is_none_or(|header| header != "Basic Y3VzdG9tZXI6c2VjcmV0") {
            return Err(refused(StatusCode::UNAUTHORIZED));
        }
        if body["appid"] != super::APP { Err(refused(StatusCode::BAD_REQUEST)) } else { Ok(()) }
    }
}

fn refused(status: StatusCode) -> Answer {
    (status, axum::Json(json!({"message": "17 is secret"})))
}

fn done(id: i64) -> Answer {
    (StatusCode::OK, axum::Json(json!({"status": "success", "id": id})))
}

async fn create(State(fake): State<Arc<Fake>>, headers: HeaderMap, body: String) -> Answer {
    let body: Value = serde_json::from_str(&body).expect("the body is JSON");
    if let Err(answer) = fake.check(&headers, &body) {
        return answer;
    }
    assert_eq!(body["privileges"], json!(["join_channel"]), "{body}");
    let seconds = body["time_in_seconds"].as_u64().expect("a number");
    assert!(seconds == 0 || (10..=86_430).contains(&seconds), "{body}");
    let channel = body["cname"].as_str().expect("a text").to_owned();
    let id = {
        let mut last = lock(&fake.last);
        *last += 1;
        *last
    };
    // With no time it puts out and keeps nobody out.
    if seconds > 0 {
        lock(&fake.rules).insert(id, Rule { channel, uid: body["uid"].as_u64().expect("a number"), seconds });
    }
    done(id)
}

async fn remove(State(fake): State<Arc<Fake>>, headers: HeaderMap, body: String) -> Answer {
    let body: Value = serde_json::from_str(&body).expect("the body is JSON");
    if let Err(answer) = fake.check(&headers, &body) {
        return answer;
    }
    let id = body["id"].as_i64().expect("a number");
    match lock(&fake.rules).remove(&id) {
        Some(_) => done(id),
        None => refused(StatusCode::NOT_FOUND),
    }
}
