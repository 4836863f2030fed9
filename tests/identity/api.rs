//! The routes of accounts and rooms over a fresh database, and a client that calls them.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRef};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use futures_util::future::BoxFuture;
use parlor::courier::{self, Courier, Failure, Message, Sender, Senders};
use parlor::http::{self, layers};
use parlor::identity::{self, Identity, Wallets};
use parlor::kit::edge::Edge;
use parlor::kit::error::{Error, Result};
use parlor::kit::jobs::{self, Jobs, Kinds};
use parlor::kit::tx::Tx;
use parlor::room::{Crowds, RoomAllowance};
use parlor_protocol::UserId;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::edge;
use crate::support::world::Ground;

pub use crate::support::world::PASSWORD;

/// What opens an account's wallet in a test.
pub type Open = for<'c> fn(&'c mut PgConnection, UserId) -> BoxFuture<'c, Result<()>>;

struct TestWallets(Open);

impl Wallets for TestWallets {
    fn open<'c>(&self, tx: &'c mut Tx, user: UserId) -> BoxFuture<'c, Result<()>> {
        (self.0)(tx, user)
    }

    fn open_all<'c>(&self, tx: &'c mut Tx, users: &'c [UserId]) -> BoxFuture<'c, Result<()>> {
        let open = self.0;
        Box::pin(async move {
            for user in users {
                open(tx, *user).await?;
            }
            Ok(())
        })
    }

    fn welcome(&self, _: UserId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// What would have been sent; as slow and as sure as a network that is well.
#[derive(Clone, Default)]
pub struct Outbox {
    sent: Arc<Mutex<Vec<Message>>>,
    more: Arc<tokio::sync::Notify>,
}

impl Sender for Outbox {
    fn send<'a>(&'a self, _: Uuid, message: &'a Message) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.sent.lock().expect("nobody panicked").push(message.clone());
            self.more.notify_waiters();
            Ok(())
        })
    }
}

impl Outbox {
    /// The code of the `count`th message that was sent to this address, which is waited for.
    pub async fn code(&self, to: &str, count: usize) -> String {
        let found = async {
            loop {
                let more = self.more.notified();
                if let Some(text) = self.texts(to).get(count - 1) {
                    return text[..6].to_owned();
                }
                more.await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), found).await.expect("a message is sent")
    }

    /// All that was sent to this address.
    pub fn texts(&self, to: &str) -> Vec<String> {
        let sent = self.sent.lock().expect("nobody panicked");
        sent.iter().filter(|message| message.to == to).map(|message| message.text.clone()).collect()
    }
}

#[derive(Clone)]
struct State {
    edge: Edge,
    identity: Identity,
}

impl FromRef<State> for Edge {
    fn from_ref(state: &State) -> Self {
        state.edge.clone()
    }
}

impl FromRef<State> for Crowds {
    fn from_ref(_: &State) -> Self {
        Self::none()
    }
}

impl FromRef<State> for RoomAllowance {
    fn from_ref(_: &State) -> Self {
        Self::default()
    }
}

impl FromRef<State> for Identity {
    fn from_ref(state: &State) -> Self {
        state.identity.clone()
    }
}

pub struct Api {
    router: Router,
    pub identity: Identity,
    pub outbox: Outbox,
    ground: Ground,
}

impl Deref for Api {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}

/// Limits that no test meets by accident.
pub fn roomy() -> identity::Settings {
    identity::Settings {
        attempts_per_minute_account: 1_000,
        sign_ins_per_minute_address: 10_000,
        registrations_per_minute_address: 10_000,
        registrations_per_hour_address: 0,
        requests_per_minute_user: 100_000,
        codes_per_minute_address: 10_000,
        ..identity::Settings::default()
    }
}

impl Api {
    pub async fn new() -> Self {
        Self::with(roomy(), |_, _| Box::pin(async { Ok(()) })).await
    }

    pub async fn with(settings: identity::Settings, open: Open) -> Self {
        let ground = Ground::fresh().await;
        let edge = edge(&ground.database.app);
        Self::over(ground, edge, settings, open).await
    }

    /// The same over this edge of the ground: with a clock that stands, or chance that repeats.
    pub async fn over(ground: Ground, edge: Edge, settings: identity::Settings, open: Open) -> Self {
        let outbox = Outbox::default();
        let senders = Senders { mail: Some(Arc::new(outbox.clone())), sms: Some(Arc::new(outbox.clone())) };
        let courier = Courier::new(senders, &courier::Settings::default());
        let kinds = Kinds::new().with(courier.mail_job()).with(courier.sms_job());
        let jobs = Jobs::open(ground.database.app.clone(), &jobs::Settings::default(), kinds, ())
            .await
            .expect("the store answers");
        jobs.start(&ground.supervisor);
        let wallets = TestWallets(open);
        let identity = Identity::start(&edge, &settings, wallets, courier, &ground.supervisor).await;
        let identity = identity.expect("identity starts");
        let routes = identity::routes::<State>()
            .merge(parlor::room::routes())
            .route("/test/panic", axum::routing::get(panics))
            .route("/test/fault", axum::routing::get(fails))
            .route("/test/forever", axum::routing::get(std::future::pending::<()>));
        let settings = http::Settings { timeout_ms: 5_000, ..http::Settings::default() };
        let router =
            layers::around(routes, &settings, edge.clone()).with_state(State { edge, identity: identity.clone() });
        Self { router, identity, outbox, ground }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::POST, path).body("application/json", body.to_string())
    }

    pub fn put(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::PUT, path).body("application/json", body.to_string())
    }

    pub fn patch(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::PATCH, path).body("application/json", body.to_string())
    }

    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        let peer: SocketAddr = "192.0.2.7:40000".parse().expect("an address");
        let request = Request::builder().method(method).uri(path).extension(ConnectInfo(peer));
        Call { api: self, request: request.body(Body::empty()).expect("a request") }
    }

    /// Registers under this e-mail address and gives the access token.
    pub async fn registered(&self, email: &str) -> String {
        let answer = self.post("/v1/auth/register", &registration(email)).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.body["access_token"].as_str().expect("a token").to_owned()
    }
}

pub fn registration(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "name": "Layla", "device": "test"})
}

async fn panics() {
    panic!("a secret of the server");
}

async fn fails() -> Result<(), Error> {
    Err(Error::internal("a secret of the server"))
}

pub struct Call<'a> {
    api: &'a Api,
    request: Request<Body>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Call<'_> {
    pub fn body(mut self, content_type: &str, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self.header(header::CONTENT_TYPE.as_str(), content_type)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: header::HeaderName = name.parse().expect("a header's name");
        self.request.headers_mut().insert(name, value.parse().expect("a header's value"));
        self
    }

    /// Sent from this network address.
    pub fn from(mut self, address: &str) -> Self {
        let address: std::net::IpAddr = address.parse().expect("an address");
        self.request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 40_000)));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The answer; every error is checked to be a problem in the one form.
    pub async fn send(self) -> Answer {
        let response = self.api.router.clone().oneshot(self.request).await.expect("a router always answers");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.expect("a body");
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).expect("JSON") };
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-request-id").is_some());
        if answer.status.as_u16() >= 400 {
            answer.assert_is_problem();
        }
        answer
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or("no code"))
    }

    /// The fields that did not fit.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["field"].as_str()).collect()
    }

    fn assert_is_problem(&self) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let code = parlor_protocol::ErrorCode::from_name(self.code().1).expect("a code of the protocol");
        assert_eq!(self.body["status"], self.status.as_u16());
        assert_eq!(self.body["type"], format!("urn:parlor:error:{}", code.name()));
        assert_eq!(self.body["retry"], serde_json::to_value(code.retry()).expect("JSON"));
        assert!(self.body["title"].as_str().is_some_and(|title| !title.is_empty()));
        assert_eq!(self.body["instance"].as_str(), self.header("x-request-id"));
        assert_eq!(self.body["retry_after_ms"].is_u64(), self.header("retry-after").is_some());
        assert_eq!(self.status == StatusCode::UNAUTHORIZED, self.header("www-authenticate").is_some());
        assert!(!self.body.to_string().contains("secret of the server"), "{}", self.body);
    }
}
