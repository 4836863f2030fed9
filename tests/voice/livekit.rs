//! A fake of LiveKit's server API that keeps what it was told. As LiveKit does, it verifies the token of a call and its
//! room, replaces the whole permission of a participant, and answers for strangers and wrong paths as Twirp does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Answer = (StatusCode, axum::Json<Value>);

/// The state that the fake and its test share.
#[derive(Default)]
pub(super) struct Fake {
    /// The permission of each participant who is connected, by room and identity.
    pub(super) connected: Mutex<HashMap<(String, String), Value>>,
    /// Of those who were removed: tokens from before this time are refused.
    pub(super) revoked: Mutex<HashMap<(String, String), i64>>,
    /// If it is set, each call is answered this.
    pub(super) broken: Mutex<Option<StatusCode>>,
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

    pub(super) fn connect(&self, room: &str, identity: &str) {
        let all = json!({"canSubscribe": true, "canPublish": true, "canPublishSources": ["MICROPHONE"], "canPublishData": false});
        self.connected.lock().expect("nobody panicked").insert((room.to_owned(), identity.to_owned()), all);
    }

    pub(super) fn permission(&self, room: &str, identity: &str) -> Option<Value> {
        self.connected.lock().expect("nobody panicked").get(&(room.to_owned(), identity.to_owned())).cloned()
    }
}

fn twirp(status: StatusCode, code: &str) -> Answer {
    (status, axum::Json(json!({"code": code, "msg": "17 is secret"})))
}

async fn answer(State(fake): State<Arc<Fake>>, Path(method): Path<String>, headers: HeaderMap, body: String) -> Answer {
    if let Some(status) = *fake.broken.lock().expect("nobody panicked") {
        return twirp(status, "unavailable");
    }
    let Some(grant) = grant(&headers) else { return twirp(StatusCode::UNAUTHORIZED, "unauthenticated") };
    let body: Value = serde_json::from_str(&body).expect("the body is JSON");
    let text = |name: &str| body[name].as_str().expect("it is a text").to_owned();
    let who = (text("room"), text("identity"));
    if grant["roomAdmin"] != true || grant["room"] != who.0 {
        return twirp(StatusCode::FORBIDDEN, "permission_denied");
    }
    let mut connected = fake.connected.lock().expect("nobody panicked");
    match method.as_str() {
        "UpdateParticipant" => {
            let Some(permission) = connected.get_mut(&who) else { return twirp(StatusCode::NOT_FOUND, "not_found") };
            *permission = body["permission"].clone();
        }
        "RemoveParticipant" => {
            let before = text("revokeTokenTs").parse().expect("a number in a text");
            fake.revoked.lock().expect("nobody panicked").insert(who.clone(), before);
            if connected.remove(&who).is_none() {
                return twirp(StatusCode::NOT_FOUND, "not_found");
            }
        }
        _ => return twirp(StatusCode::NOT_FOUND, "bad_route"),
    }
    (StatusCode::OK, axum::Json(json!({})))
}

/// The grant of a call's token. The time is not looked at, because the test's stands still.
fn grant(headers: &HeaderMap) -> Option<Value> {
    let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.set_issuer(&[super::KEY]);
    let claims = decode::<Value>(token, &DecodingKey::from_secret(super::SECRET.as_bytes()), &validation).ok()?.claims;
    Some(claims["video"].clone())
}
