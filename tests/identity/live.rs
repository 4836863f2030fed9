//! Tokens and sessions of the whole server, over HTTP and sockets.

use std::ops::Deref;
use std::time::{Duration, Instant};

use hyper::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parlor_protocol::command::RefreshSession;
use parlor_protocol::event::Notice;
use parlor_protocol::reply::SessionRefreshed;
use parlor_protocol::{CloseCode, Command, ErrorCode, RoomId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::client::Client;
use crate::support::world::{PASSWORD, World};

/// The time within which the end of a session closes its sockets.
const AT_ONCE: Duration = Duration::from_secs(2);

struct Server(World);

impl Deref for Server {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0
    }
}

impl Server {
    async fn start(settings: &[(&'static str, &str)]) -> Self {
        Self(World::serve().set_all(settings.iter().copied()).await)
    }

    async fn ask(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> (u16, Value) {
        self.call_as(None, method, path, token.unwrap_or_default(), body).await
    }

    async fn sign_in(&self, name: &str, device: &str) -> Value {
        let body = json!({"login": format!("{name}@example.com"), "password": PASSWORD, "device": device});
        self.ask(Method::POST, "/v1/auth/login", None, Some(body)).await.1
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        self.ask(Method::POST, "/v1/auth/refresh", None, Some(json!({ "refresh_token": token }))).await
    }

    async fn connected(&self, grant: &Value, device: &str) -> Client {
        Client::connected(self.address, access(grant), device).await
    }

    async fn room(&self, grant: &Value) -> RoomId {
        self.made(access(grant), "Majlis").await
    }

    async fn room_token(&self, grant: &Value, room: RoomId) -> String {
        self.pass(access(grant), room).await
    }

    /// A token with any claims, correctly signed with the server's own key of this purpose.
    async fn forged(&self, purpose: &str, typ: &str, algorithm: Algorithm, claims: &Value) -> String {
        let key = "select id, secret from signing_keys where purpose = $1";
        let (id, secret): (Uuid, Vec<u8>) =
            sqlx::query_as(key).bind(purpose).fetch_one(&mut self.database.as_superuser().await).await.expect("a key");
        let mut header = Header::new(algorithm);
        (header.typ, header.kid) = (Some(typ.to_owned()), Some(id.to_string()));
        encode(&header, claims, &EncodingKey::from_secret(&secret)).expect("encoded")
    }
}

fn access(grant: &Value) -> &str {
    grant["access_token"].as_str().expect("a token")
}

fn refresh_of(grant: &Value) -> &str {
    grant["refresh_token"].as_str().expect("a token")
}

/// The claims of a token, as they are written in it.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("three parts");
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64");
    serde_json::from_slice(&json).expect("JSON")
}

/// Expects that the server sends the reason and closes with this code, soon after `since`.
async fn is_closed(client: &mut Client, code: CloseCode, since: Instant) {
    let closing = client.notice().await;
    let expected = Notice::Closing { code: code.number(), reason: code.reason().to_owned(), after_ms: None };
    assert_eq!((closing, client.closed().await), (expected, Some(code.number())));
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_session_loses_its_sockets_and_another_devices_keeps_its_own() {
    let server = Server::start(&[]).await;
    let phone = server.registered("layla").await;
    let (tablet, watch) = (server.sign_in("layla", "tablet").await, server.sign_in("layla", "watch").await);
    let stranger = server.registered("omar").await;
    let mut on_phone = server.connected(&phone, "phone").await;
    let mut on_tablet = server.connected(&tablet, "tablet").await;
    let mut on_watch = server.connected(&watch, "watch").await;
    let mut strangers = server.connected(&stranger, "phone").await;

    // Signing out.
    let since = Instant::now();
    assert_eq!(server.ask(Method::POST, "/v1/auth/logout", Some(access(&phone)), None).await.0, 204);
    is_closed(&mut on_phone, CloseCode::SignedOut, since).await;
    on_tablet.ping().await;
    on_watch.ping().await;
    let mut again = Client::open(server.address).await;
    let refused = again.connect(access(&phone), "phone").await.expect_err("the session has ended");
    assert_eq!((refused.code, again.closed().await), (ErrorCode::Unauthenticated, Some(4_501)));

    // Signing out everywhere else, from the tablet.
    let since = Instant::now();
    assert_eq!(server.ask(Method::DELETE, "/v1/me/sessions", Some(access(&tablet)), None).await.0, 204);
    is_closed(&mut on_watch, CloseCode::SignedOut, since).await;
    on_tablet.ping().await;

    // A refresh token is used that was exchanged long ago.
    let (_, second) = server.refresh(refresh_of(&tablet)).await;
    assert_eq!(server.refresh(refresh_of(&second)).await.0, 200);
    let since = Instant::now();
    assert_eq!(server.refresh(refresh_of(&tablet)).await.0, 401);
    is_closed(&mut on_tablet, CloseCode::TokenReused, since).await;
    strangers.ping().await;
    assert_eq!(strangers.inbox().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_socket_goes_on_with_a_new_token_of_its_session_alone() {
    let server = Server::start(&[]).await;
    let (layla, omar) = (server.registered("layla").await, server.registered("omar").await);
    let tablet = server.sign_in("layla", "tablet").await;
    let mut socket = Client::open(server.address).await;
    let connected = socket.connect(access(&layla), "phone").await.expect("a good token");
    assert_eq!(layla["expires_at"], connected.expires_at);

    let mut refresh = async |token: &str| {
        let command = Command::SessionRefresh(RefreshSession { token: token.to_owned() });
        socket.ask::<SessionRefreshed>(command).await
    };
    for (token, code) in [
        (access(&omar), ErrorCode::Forbidden),
        (access(&tablet), ErrorCode::Forbidden),
        (refresh_of(&layla), ErrorCode::Unauthenticated),
        ("", ErrorCode::Unauthenticated),
    ] {
        assert_eq!(refresh(token).await.expect_err("not this session's").code, code);
    }
    let (_, next) = server.refresh(refresh_of(&layla)).await;
    let refreshed = refresh(access(&next)).await.expect("the session's next token");
    assert_eq!(next["expires_at"], refreshed.expires_at);
    assert!(refreshed.expires_at >= connected.expires_at);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_expired_tokens_open_nothing() {
    let server = Server::start(&[]).await;
    let layla = server.registered("layla").await;
    let room = server.room(&layla).await;
    let room_token = server.room_token(&layla, room).await;
    let good = claims(access(&layla));
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let at = "at+jwt";
    let unsigned = {
        let parts: Vec<&str> = access(&layla).split('.').collect();
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", parts[1])
    };
    assert_eq!(
        server
            .ask(Method::GET, "/v1/me", Some(&server.forged("access", at, Algorithm::HS256, &good).await), None)
            .await
            .0,
        200,
        "the forgeries below differ from a good one in one thing"
    );
    let cases = [
        ("another algorithm", server.forged("access", at, Algorithm::HS512, &good).await, "unauthenticated"),
        ("no algorithm", unsigned, "unauthenticated"),
        (
            "another audience",
            server.forged("access", at, Algorithm::HS256, &changed("aud", json!("parlor-room"))).await,
            "unauthenticated",
        ),
        ("the room's key", server.forged("room", at, Algorithm::HS256, &good).await, "unauthenticated"),
        ("a room token", room_token, "unauthenticated"),
        ("a refresh token", refresh_of(&layla).to_owned(), "unauthenticated"),
        (
            "another session",
            server.forged("access", at, Algorithm::HS256, &changed("sid", json!(Uuid::nil()))).await,
            "unauthenticated",
        ),
        (
            "expired",
            server.forged("access", at, Algorithm::HS256, &changed("exp", json!(1_700_000_000))).await,
            "token_expired",
        ),
    ];
    for (what, token, code) in cases {
        let (status, problem) = server.ask(Method::GET, "/v1/me", Some(&token), None).await;
        assert_eq!((status, &problem["code"]), (401, &json!(code)), "{what}");
        let mut socket = Client::open(server.address).await;
        let refused = socket.connect(&token, "phone").await.expect_err(what);
        assert_eq!((json!(refused.code), socket.closed().await), (json!(code), Some(4_501)), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_opens_to_a_token_of_its_own_and_its_bearers_alone() {
    let server = Server::start(&[]).await;
    let (layla, omar) = (server.registered("layla").await, server.registered("omar").await);
    let (room, other) = (server.room(&layla).await, server.room(&layla).await);
    let good = server.room_token(&layla, room).await;
    let mut old = claims(&good);
    old["exp"] = json!(1_700_000_000);
    let cases = [
        ("another room's", server.room_token(&layla, other).await),
        ("another user's", server.room_token(&omar, room).await),
        ("an access token", access(&layla).to_owned()),
        ("expired", server.forged("room", "room+jwt", Algorithm::HS256, &old).await),
        ("another algorithm", server.forged("room", "room+jwt", Algorithm::HS384, &claims(&good)).await),
        ("nothing", String::new()),
    ];
    let mut socket = server.connected(&layla, "phone").await;
    for (what, token) in cases {
        assert_eq!(socket.join(room, &token).await.expect_err(what).code, ErrorCode::RoomTokenInvalid, "{what}");
    }
    socket.join(room, &good).await.expect("the room's own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_words_of_ended_sessions_reach_a_server_that_could_not_read_them() {
    let server = Server::start(&[]).await;
    let layla = server.registered("layla").await;
    let mut socket = server.connected(&layla, "phone").await;
    let mut superuser = server.database.as_superuser().await;
    // As in an outage, the server cannot read for a while.
    sqlx::query("revoke select on revocations from parlor_app").execute(&mut superuser).await.expect("revoked");
    let ended = "with ended as (update sessions set revoked_at = clock_timestamp() returning id, user_id)
                 insert into revocations (session_id, user_id, reason) select id, user_id, 'suspended' from ended";
    sqlx::query(ended).execute(&mut superuser).await.expect("ended");
    socket.ping().await;
    sqlx::query("grant select on revocations to parlor_app").execute(&mut superuser).await.expect("granted");
    is_closed(&mut socket, CloseCode::Suspended, Instant::now()).await;
}
