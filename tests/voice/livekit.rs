//! A fake of LiveKit that keeps what it was told. As LiveKit does, it verifies the token of a call and its room, replaces the
//! whole permission of a participant, and answers for strangers and wrong paths as Twirp does. A participant connects with
//! the rights of their token, whatever was said of them before; the token is looked at then and never again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::now;
use crate::support::time::moment;

type Answer = (StatusCode, axum::Json<Value>);
type Who = (String, String);

/// For so many seconds after its end LiveKit takes a token.
const LEEWAY: u64 = 60;

/// The state that the fake and its test share.
#[derive(Default)]
pub(super) struct Fake {
    /// The permission of each participant who is connected, by room and identity.
    pub(super) connected: Mutex<HashMap<Who, Value>>,
    /// Of those who were removed: tokens from before this time are refused.
    pub(super) revoked: Mutex<HashMap<Who, i64>>,
    /// If it is set, each call is answered this.
    pub(super) broken: Mutex<Option<StatusCode>>,
    /// It refuses revoked tokens. Servers from before May 2026 do not.
    pub(super) revokes: AtomicBool,
    /// It looks at the times of the tokens of calls.
    pub(super) has_a_clock: AtomicBool,
    /// It takes long to answer.
    pub(super) is_slow: AtomicBool,
    /// The calls about each participant that are under way, and how many calls came in all.
    under_way: Mutex<HashMap<Who, usize>>,
    pub(super) calls: AtomicUsize,
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
            Router::new().route("/twirp/livekit.RoomService/{method}", post(answer)).with_state(Arc::clone(&fake));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (fake, address)
    }

    /// Connects somebody with every right.
    pub(super) fn connect(&self, room: &str, identity: &str) {
        lock(&self.connected).insert((room.to_owned(), identity.to_owned()), permission(true));
    }

    /// Connects somebody with this token. Whoever was connected under the identity is so no longer.
    pub(super) fn join(&self, token: &str) -> Result<(), &'static str> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[super::KEY]);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        let key = DecodingKey::from_secret(super::SECRET.as_bytes());
        let claims = decode::<Value>(token, &key, &validation).map_err(|_| "invalid token")?.claims;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let who = (text(&claims["video"]["room"]), text(&claims["sub"]));
        let before = lock(&self.revoked).get(&who).copied().filter(|_| self.revokes.load(Ordering::Relaxed));
        if before.is_some_and(|before| claims["nbf"].as_i64().expect("a time") < before) {
            return Err("revoked");
        }
        assert_eq!(claims["video"]["roomJoin"], true);
        let speaks = claims["video"]["canPublish"].as_bool().expect("it is always there");
        lock(&self.connected).insert(who, permission(speaks));
        Ok(())
    }

    pub(super) fn permission(&self, room: &str, identity: &str) -> Option<Value> {
        lock(&self.connected).get(&(room.to_owned(), identity.to_owned())).cloned()
    }

    /// Whether somebody may publish; `None` if they are not connected.
    pub(super) fn speaks(&self, room: impl ToString, identity: impl ToString) -> Option<bool> {
        let permission = self.permission(&room.to_string(), &identity.to_string())?;
        Some(permission["canPublish"] == true)
    }

    /// Breaks it, or heals it.
    pub(super) fn set_away(&self, is_away: bool) {
        *lock(&self.broken) = is_away.then_some(StatusCode::SERVICE_UNAVAILABLE);
    }
}

fn permission(speaks: bool) -> Value {
    let sources: &[&str] = if speaks { &["MICROPHONE"] } else { &[] };
    json!({"canSubscribe": true, "canPublish": speaks, "canPublishSources": sources, "canPublishData": false})
}

fn twirp(status: StatusCode, code: &str) -> Answer {
    (status, axum::Json(json!({"code": code, "msg": "17 is secret"})))
}

async fn answer(State(fake): State<Arc<Fake>>, Path(method): Path<String>, headers: HeaderMap, body: String) -> Answer {
    fake.calls.fetch_add(1, Ordering::Relaxed);
    if let Some(status) = *lock(&fake.broken) {
        return twirp(status, "unavailable");
    }
    let Some(grant) = grant(&headers, fake.has_a_clock.load(Ordering::Relaxed)) else {
        return twirp(StatusCode::UNAUTHORIZED, "unauthenticated");
    };
    let body: Value = serde_json::from_str(&body).expect("the body is JSON");
    let text = |name: &str| body[name].as_str().expect("it is a text").to_owned();
    let who = (text("room"), text("identity"));
    if grant["roomAdmin"] != true || grant["room"] != who.0 {
        return twirp(StatusCode::FORBIDDEN, "permission_denied");
    }
    let others = {
        let mut under_way = lock(&fake.under_way);
        let here = under_way.entry(who.clone()).or_default();
        *here += 1;
        *here - 1
    };
    if fake.is_slow.load(Ordering::Relaxed) {
        moment(100..400).await;
    }
    let answered = act(&fake, &method, &who, &body);
    *lock(&fake.under_way).entry(who).or_default() -= 1;
    // Of two calls at once nobody knows which comes last.
    if others > 0 { twirp(StatusCode::INTERNAL_SERVER_ERROR, "two_calls_at_once") } else { answered }
}

fn act(fake: &Fake, method: &str, who: &Who, body: &Value) -> Answer {
    let mut connected = lock(&fake.connected);
    match method {
        "UpdateParticipant" => {
            let Some(permission) = connected.get_mut(who) else { return twirp(StatusCode::NOT_FOUND, "not_found") };
            *permission = body["permission"].clone();
        }
        "RemoveParticipant" => {
            let before = body["revokeTokenTs"].as_str().expect("it is a text").parse().expect("a number in a text");
            lock(&fake.revoked).insert(who.clone(), before);
            if connected.remove(who).is_none() {
                return twirp(StatusCode::NOT_FOUND, "not_found");
            }
        }
        _ => return twirp(StatusCode::NOT_FOUND, "bad_route"),
    }
    (StatusCode::OK, axum::Json(json!({})))
}

/// The grant of a call's token. The time is looked at only if that of the test goes on.
fn grant(headers: &HeaderMap, has_a_clock: bool) -> Option<Value> {
    let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = has_a_clock;
    validation.set_issuer(&[super::KEY]);
    let claims = decode::<Value>(token, &DecodingKey::from_secret(super::SECRET.as_bytes()), &validation).ok()?.claims;
    let lasts = claims["exp"].as_i64()? - now().0 / 1_000;
    (!has_a_clock || Duration::from_secs(u64::try_from(lasts).ok()?) < Duration::from_secs(600))
        .then(|| claims["video"].clone())
}
