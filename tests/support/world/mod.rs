//! A server with people of every role. They are put into the database and signed in without a password,
//! which would take a core for each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use hyper::Method;
use parlor::economy::ledger;
use parlor::identity::{self, Keys};
use parlor_loadtests::rest;
use parlor_protocol::{RoomId, UserId};
use serde_json::{Value, json};
use tokio::task::block_in_place;
use uuid::Uuid;

use super::client::{Client, op};
use super::postgres::Database;
use super::program::{Program, parlor};
use crate::support::{edge, now};

/// Limits that no test meets by accident, and a lease that a killed server's successor need not wait for.
const SETTINGS: &[(&str, &str)] = &[
    ("PARLOR__CLUSTER__LEASE_MS", "1000"),
    ("PARLOR__CLUSTER__RENEW_MS", "250"),
    ("PARLOR__GATEWAY__CONNECT", "600 in 60000 ms"),
    ("PARLOR__GATEWAY__JOIN", "600 in 60000 ms"),
    ("PARLOR__GATEWAY__SEAT", "600 in 60000 ms"),
    ("PARLOR__MEDIA__UPLOADS_PER_MINUTE_USER", "1000"),
    ("PARLOR__GATEWAY__LIST", "600 in 60000 ms"),
    ("PARLOR__IDENTITY__ATTEMPTS_PER_MINUTE_ACCOUNT", "1000"),
    ("PARLOR__IDENTITY__CODES_PER_MINUTE_ADDRESS", "1000"),
    ("PARLOR__IDENTITY__REQUESTS_PER_MINUTE_USER", "100000"),
];

/// A hash in the right form, of no password.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub struct World {
    pub database: Database,
    pub program: Program,
    pub address: SocketAddr,
    keys: Keys,
    next: AtomicI64,
}

impl World {
    pub async fn new() -> Self {
        let database = Database::fresh().await;
        let program = start(&database);
        // It has made the keys.
        let keys = Keys::load(&edge(&database.app), identity::Settings::default()).await.expect("the keys are there");
        Self { address: program.address, database, program, keys, next: AtomicI64::new(500_000_001) }
    }

    /// The same server after a kill, on the same database.
    pub fn restart(&mut self) {
        block_in_place(|| self.program.kill());
        self.program = start(&self.database);
        self.address = self.program.address;
    }

    /// Somebody with an empty wallet; a name of a role gives them that, but `user` is everybody's.
    pub async fn person(&self, role: &str) -> UserId {
        let user = UserId::new(self.next.fetch_add(1, Ordering::Relaxed)).expect("in range");
        let mut conn = self.database.app.acquire().await.expect("a connection");
        sqlx::query("insert into users (id, email, password_hash, name, search_name, search_letters) values ($1, $2, $4, $3, $3, $3)")
            .bind(user.number())
            .bind(format!("{role}{user}@example.com"))
            .bind(role)
            .bind(NOBODYS)
            .execute(&mut *conn)
            .await
            .expect("a new user");
        sqlx::query("insert into signatures (signature, user_id, changed_at) values ($1, $2, '-infinity')")
            .bind(format!("{role}-{}-{}", user.number() / 1_000_000, user.number() % 1_000_000))
            .bind(user.number())
            .execute(&mut *conn)
            .await
            .expect("a new signature");
        ledger::create_wallet(&mut conn, user).await.expect("a wallet");
        if role != "user" {
            self.give(user, role).await;
        }
        user
    }

    /// Gives a role past every rule.
    pub async fn give(&self, user: UserId, role: &str) {
        sqlx::query("insert into user_roles (user_id, role) values ($1, $2)")
            .bind(user.number())
            .bind(role)
            .execute(&self.database.app)
            .await
            .expect("a role");
    }

    /// A new sign-in of somebody: the session and its token.
    pub async fn signed_in(&self, user: UserId) -> (Uuid, String) {
        let session = Uuid::now_v7();
        sqlx::query("insert into sessions (id, user_id, device) values ($1, $2, 'test')")
            .bind(session)
            .bind(user.number())
            .execute(&self.database.app)
            .await
            .expect("a session");
        (session, self.keys.sign_access(user, session, now()).expect("a key signs").token)
    }

    /// The token of a new sign-in of somebody.
    pub async fn token(&self, user: UserId) -> String {
        self.signed_in(user).await.1
    }

    /// Somebody of this role, signed in.
    pub async fn entered(&self, role: &str) -> (UserId, String) {
        let user = self.person(role).await;
        (user, self.token(user).await)
    }

    /// A room of somebody's.
    pub async fn room(&self, owner: UserId) -> RoomId {
        let room = RoomId::new(self.next.fetch_add(1, Ordering::Relaxed)).expect("in range");
        let mut conn = self.database.app.acquire().await.expect("a connection");
        sqlx::query("insert into rooms (id, owner_id, name) values ($1, $2, 'a room')")
            .bind(room.number())
            .bind(owner.number())
            .execute(&mut *conn)
            .await
            .expect("a new room");
        room
    }

    /// A job in this state, of no kind that the server knows.
    pub async fn job(&self, state: &str) -> i64 {
        let id = sqlx::query_scalar(
            "insert into jobs (kind, payload, state, finished_at)
             values ('tests.nothing', '{\"email\": \"layla@example.com\"}', $1,
                     case when $1 in ('done', 'failed') then clock_timestamp() end)
             returning id",
        );
        id.bind(state).fetch_one(&self.database.superuser).await.expect("a job")
    }

    /// A token that lets somebody into a room.
    pub fn room_token(&self, user: UserId, room: RoomId) -> String {
        self.keys.sign_room(user, room, now()).expect("a key signs").token
    }

    /// A socket of somebody in this room.
    pub async fn in_room(&self, user: UserId, room: RoomId) -> Client {
        let mut client = Client::connected(self.address, &self.token(user).await, "device").await;
        client.join(room, &self.room_token(user, room)).await.expect("may come in");
        client
    }

    pub async fn call(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
        let token = (!token.is_empty()).then_some(token);
        // Each call is a tap of its own.
        let op = (method == Method::POST).then(op);
        let call = rest::call_as(op, self.address, method, path, token, body.as_ref());
        let (status, answer) = call.await.expect("up");
        (status.as_u16(), answer)
    }

    pub async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.call(Method::GET, path, token, None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, token, Some(body)).await
    }

    /// The status of a PUT without a body.
    pub async fn put(&self, path: &str, token: &str) -> u16 {
        self.call(Method::PUT, path, token, None).await.0
    }

    /// The status of a DELETE.
    pub async fn delete(&self, path: &str, token: &str) -> u16 {
        self.call(Method::DELETE, path, token, None).await.0
    }

    /// The status of a suspension for good.
    pub async fn suspend(&self, user: UserId, token: &str) -> u16 {
        let path = format!("/v1/staff/users/{user}/suspension");
        self.call(Method::PUT, &path, token, Some(json!({"reason": "spam"}))).await.0
    }
}

fn start(database: &Database) -> Program {
    let mut command = parlor(&["dev", "--port", "0"]);
    command.env("DATABASE_URL", database.app_url()).env("DATABASE_OWNER_URL", database.owner_url());
    command.envs(SETTINGS.iter().copied());
    block_in_place(|| Program::start(&mut command))
}
