//! What a test starts from. There is one builder, and each area's tests take the parts that they need of it:
//!
//! - `Ground::fresh()` is a database of the test's own, with whatever people, sign-ins and rooms are put on it, and the
//!   supervisor of the parts of a server that a test runs in its own process.
//! - `World::dev()` and `World::serve()` are plans of a ground with the real program on it: what is set on a plan comes
//!   before the program starts, and awaiting the plan builds it.
//! - `Inside::start(&ground, …)` is the same server in this process, for faults that nothing brings over the network.
//!
//! People are put into the database and signed in without a password, which would take a core for each.

mod ground;
mod inside;
mod rest;

use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

use nix::sys::signal::Signal;
use parlor::identity::{self, Keys};
use parlor::kit::clock::Timestamp;
use parlor_protocol::{RoomId, UserId};
use uuid::Uuid;

pub use self::ground::{Ground, person};
pub use self::inside::Inside;
pub use self::rest::PASSWORD;
use super::client::Client;
use super::postgres::Database;
use super::program::{Program, complaint, parlor, run, with_files};
use crate::support::{edge, now};

/// Limits that no test meets by accident.
const ROOMY: &[(&str, &str)] = &[
    ("PARLOR__GATEWAY__CONNECT", "6000 in 60000 ms"),
    ("PARLOR__GATEWAY__JOIN", "6000 in 60000 ms"),
    ("PARLOR__GATEWAY__CHAT", "1000 in 1000 ms"),
    ("PARLOR__GATEWAY__SEAT", "1000 in 1000 ms"),
    ("PARLOR__GATEWAY__LIST", "1000 in 1000 ms"),
    ("PARLOR__GATEWAY__SIGNAL", "1000 in 1000 ms"),
    ("PARLOR__GATEWAY__FRAMES", "100000 in 1000 ms"),
    ("PARLOR__GATEWAY__BYTES", "100000000 in 1000 ms"),
    ("PARLOR__GATEWAY__USER_FRAMES", "100000 in 1000 ms"),
    ("PARLOR__GATEWAY__USER_BYTES", "100000000 in 1000 ms"),
    ("PARLOR__GATEWAY__REQUESTS", "100000 in 1000 ms"),
    ("PARLOR__MEDIA__UPLOADS_PER_MINUTE_USER", "1000"),
    ("PARLOR__IDENTITY__ATTEMPTS_PER_MINUTE_ACCOUNT", "1000"),
    ("PARLOR__IDENTITY__CODES_PER_MINUTE_ADDRESS", "1000"),
    ("PARLOR__IDENTITY__REQUESTS_PER_MINUTE_USER", "100000"),
    ("PARLOR__IDENTITY__REGISTRATIONS_PER_HOUR_ADDRESS", "0"),
    ("PARLOR__ROOM__ROOMS_PER_DAY_USER", "0"),
    ("PARLOR__ROOM__ROOMS_USER", "0"),
    ("PARLOR__LEDGER__REFUSALS_PER_HOUR_USER", "1000000"),
    ("PARLOR__IDENTITY__CHANGES_PER_MINUTE_USER", "1000"),
];

/// A server to be built: awaiting it builds it.
#[must_use]
pub struct Plan {
    subcommand: &'static str,
    settings: Vec<(String, String)>,
    database: Option<Database>,
    seeded: bool,
    address: Option<SocketAddr>,
    /// The soft and the hard limit of open files.
    files: Option<(u32, u32)>,
}

impl Plan {
    fn of(subcommand: &'static str) -> Self {
        Self { subcommand, settings: Vec::new(), database: None, seeded: false, address: None, files: None }
    }

    /// One setting, by the name of its environment variable.
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// Several.
    pub fn set_all<V: ToString>(self, settings: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        settings.into_iter().fold(self, |plan, (name, value)| plan.set(name, value))
    }

    /// Limits that no test meets by accident.
    pub fn roomy(self) -> Self {
        self.set_all(ROOMY.iter().copied())
    }

    /// A lease of so many milliseconds, renewed four times in it: a killed server's successor need not wait for six
    /// seconds.
    pub fn lease(self, ms: u32) -> Self {
        self.set("PARLOR__CLUSTER__LEASE_MS", ms).set("PARLOR__CLUSTER__RENEW_MS", ms / 4)
    }

    /// Metrics, at a port of their own.
    pub fn metrics(self) -> Self {
        self.set("PARLOR__TELEMETRY__METRICS_ADDRESS", "127.0.0.1:0")
    }

    /// On this database instead of a fresh one.
    pub fn on(mut self, database: Database) -> Self {
        self.database = Some(database);
        self
    }

    /// With what `parlor seed` puts into a database.
    pub fn seeded(mut self) -> Self {
        self.seeded = true;
        self
    }

    /// With this soft and this hard limit of open files.
    pub fn files(mut self, soft: u32, hard: u32) -> Self {
        self.files = Some((soft, hard));
        self
    }

    /// At one address, whenever it is started again: whoever watches comes back to it.
    pub fn at_one_address(mut self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        self.address = Some(listener.local_addr().expect("it is bound"));
        self
    }

    async fn built(mut self) -> World {
        let database = match self.database.take() {
            Some(database) => database,
            None => Database::fresh().await,
        };
        if self.seeded {
            let mut seed = parlor(&["seed"]);
            seed.env("DATABASE_URL", database.app_url());
            let seeded = waited(move || run(&mut seed)).await;
            assert!(seeded.status.success(), "{}", complaint(&seeded));
        }
        let program = self.start(&database).await;
        // The program has made the keys.
        let keys = Keys::load(&edge(&database.app), identity::Settings::default()).await.expect("the keys are there");
        let address = program.address;
        World { ground: Ground::on(database), program, address, plan: self, keys }
    }

    async fn start(&self, database: &Database) -> Program {
        let address = self.address.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let mut command = parlor(&[self.subcommand]);
        match self.subcommand {
            "dev" => command.args(["--port", "0"]).env("DATABASE_OWNER_URL", database.owner_url()),
            _ => command.env("PARLOR__SERVER__ADDRESS", address),
        };
        command.env("DATABASE_URL", database.app_url());
        if let Some((soft, hard)) = self.files {
            command = with_files(soft, hard, &command);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        waited(move || Program::start(&mut command)).await
    }
}

impl IntoFuture for Plan {
    type Output = World;
    type IntoFuture = Pin<Box<dyn Future<Output = World>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.built())
    }
}

/// A server on a ground of its own. Dropping it kills the server.
pub struct World {
    /// The server's process.
    pub program: Program,
    /// Where it serves.
    pub address: SocketAddr,
    ground: Ground,
    plan: Plan,
    keys: Keys,
}

impl Deref for World {
    type Target = Ground;

    fn deref(&self) -> &Ground {
        &self.ground
    }
}

impl World {
    /// `parlor dev` to be built: with demo users and rooms.
    pub fn dev() -> Plan {
        Plan::of("dev")
    }

    /// `parlor serve` to be built: an empty server.
    pub fn serve() -> Plan {
        Plan::of("serve")
    }

    /// The usual one: `parlor dev` with limits that no test meets, and a lease that its successor need not wait for.
    pub async fn new() -> Self {
        Self::dev().roomy().lease(1_000).await
    }

    /// Kills the server, as the system does when it has no memory.
    pub async fn kill(&mut self) {
        tokio::task::block_in_place(|| self.program.kill());
    }

    /// Stops it, as an operator does who deploys: with time to lay everything down.
    pub async fn stop(&mut self) {
        tokio::task::block_in_place(|| {
            self.program.signal(Signal::SIGTERM);
            let status = self.program.ended(Duration::from_secs(20));
            assert!(status.success(), "{}", self.program.said());
        });
    }

    /// Starts it again on the same database, after it was killed or stopped.
    pub async fn start_again(&mut self) {
        self.program = self.plan.start(&self.ground.database).await;
        self.address = self.program.address;
    }

    /// A new sign-in of somebody: the session and its token.
    pub async fn signed_in(&self, user: UserId) -> (Uuid, String) {
        let session = self.session(user).await;
        (session, self.keys.sign_access(user, session, now()).expect("a key signs").token)
    }

    /// The token of a new sign-in of somebody.
    pub async fn token(&self, user: UserId) -> String {
        self.signed_in(user).await.1
    }

    /// The same of a server whose clock shows this time.
    pub async fn token_as_of(&self, user: UserId, at: Timestamp) -> String {
        let session = self.session(user).await;
        self.keys.sign_access(user, session, at).expect("a key signs").token
    }

    /// Somebody of this role, signed in.
    pub async fn entered(&self, role: &str) -> (UserId, String) {
        let user = self.person(role).await;
        (user, self.token(user).await)
    }

    /// A token that lets somebody into a room.
    pub fn room_token(&self, user: UserId, room: RoomId) -> String {
        self.keys.sign_room(user, room, now()).expect("a key signs").token
    }

    /// The same of a server whose clock shows this time.
    pub fn room_token_as_of(&self, user: UserId, room: RoomId, at: Timestamp) -> String {
        self.keys.sign_room(user, room, at).expect("a key signs").token
    }

    /// A socket of somebody in this room.
    pub async fn in_room(&self, user: UserId, room: RoomId) -> Client {
        let mut client = Client::connected(self.address, &self.token(user).await, "device").await;
        client.join(room, &self.room_token(user, room)).await.expect("may come in");
        client
    }
}

/// Waits for what blocks, in a thread that may.
async fn waited<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
