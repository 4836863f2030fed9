//! A server in this process, with the demo users, whose tasks a test can make fail.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use parlor::app::{self, Mode, Parts, People};
use parlor::config::Settings;
use parlor::kit::supervise::Supervisor;
use parlor::lifecycle::Stop;
use parlor::start::StartError;
use parlor_protocol::RoomId;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Ground, rest};
use crate::support::client::Client;

/// A server in this process.
pub struct Inside {
    /// Where it serves.
    pub address: SocketAddr,
    /// Owns its tasks, and makes them fail.
    pub supervisor: Supervisor,
    /// Stops it.
    pub stop: Stop,
    running: JoinHandle<Result<(), StartError>>,
}

impl Inside {
    /// One on this ground, with its settings changed like this.
    pub async fn start(ground: &Ground, change: impl FnOnce(&mut Settings)) -> Self {
        let (supervisor, stop, mut settings) = (Supervisor::with_faults(), Stop::default(), Settings::default());
        // A test starts many servers on one ground, and opens a room in each.
        settings.room.rooms_per_day_user = 0;
        settings.room.rooms_user = 0;
        change(&mut settings);
        let database = &ground.database;
        app::seed(&settings, &database.writer(), &People::Demo, &|_| {}).await.expect("seeded");
        let bound = async || TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let parts = Parts {
            settings,
            mode: Mode::Dev,
            pool: database.app.clone(),
            database: database.writer(),
            media_folder: Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&database.name)),
            metrics: Some(bound().await),
            supervisor: supervisor.clone(),
        };
        let (told, ready) = oneshot::channel();
        let told = |address| told.send(address).expect("awaited");
        let running = tokio::spawn(app::run(parts, bound().await, stop.clone(), told));
        let address = timeout(Duration::from_secs(10), ready).await.expect("in time").expect("it starts");
        Self { address, supervisor, stop, running }
    }

    /// A room of its own for the demo user of this number, their socket in it and their pass into it.
    pub async fn owner_of_a_room(&self, number: u8) -> (Client, RoomId, String) {
        let (token, _) = rest::demo(self.address, number).await;
        let room = rest::made(self.address, &token, "A room").await;
        let (client, pass) = self.guest_of(number, room).await;
        (client, room, pass)
    }

    /// The socket of the demo user of this number in a room, and their pass into it.
    pub async fn guest_of(&self, number: u8, room: RoomId) -> (Client, String) {
        let (token, _) = rest::demo(self.address, number).await;
        let pass = rest::pass(self.address, &token, room).await;
        let mut client = Client::connected(self.address, &token, "phone").await;
        client.join(room, &pass).await.expect("may come in");
        (client, pass)
    }

    /// What the server came to, within the time for its stop.
    pub async fn ended(self) -> Result<(), StartError> {
        timeout(Duration::from_secs(8), self.running).await.expect("it stops in time").expect("no panic")
    }
}
