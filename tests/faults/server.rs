//! The server at one address, which is killed, stopped and started again.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use nix::sys::signal::Signal;
use parlor_protocol::Op;
use tokio::task::block_in_place;

use crate::support::postgres::Database;
use crate::support::program::{Program, complaint, parlor, run};

/// A lease of a second, so that a killed server's successor need not wait for six; coins for newcomers;
/// and more of everything a minute than people ask for.
const SETTINGS: &[(&str, &str)] = &[
    ("PARLOR__CLUSTER__LEASE_MS", "1000"),
    ("PARLOR__CLUSTER__RENEW_MS", "250"),
    ("PARLOR__LEDGER__WELCOME_COINS", "1000000"),
    // Newcomers may send coins at once, and as often as they like.
    ("PARLOR__TRANSFER__ACCOUNT_DAY", "1"),
    ("PARLOR__TRANSFER__WEALTH_LEVEL", "0"),
    ("PARLOR__GATEWAY__CONNECT", "6000 in 60000 ms"),
    ("PARLOR__GATEWAY__JOIN", "6000 in 60000 ms"),
    ("PARLOR__GATEWAY__CHAT", "1000 in 1000 ms"),
    ("PARLOR__GATEWAY__SEAT", "1000 in 1000 ms"),
    ("PARLOR__GATEWAY__LIST", "1000 in 1000 ms"),
    ("PARLOR__IDENTITY__REQUESTS_PER_MINUTE_USER", "100000"),
];

/// Coins that newcomers have.
pub(super) const WELCOME: i64 = 1_000_000;

/// The server at one address, which is killed and started again.
pub(super) struct Server {
    pub(super) database: Database,
    pub(super) address: SocketAddr,
    program: Option<Program>,
}

impl Server {
    /// Seeds the database and serves it.
    pub(super) async fn start(database: Database) -> Self {
        let seeded = run(parlor(&["seed"]).env("DATABASE_URL", database.app_url()));
        assert!(seeded.status.success(), "{}", complaint(&seeded));
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let mut server = Self { database, address, program: None };
        server.start_again();
        server
    }

    pub(super) fn start_again(&mut self) {
        let mut command = parlor(&["serve"]);
        command.env("DATABASE_URL", self.database.app_url()).env("PARLOR__SERVER__ADDRESS", self.address.to_string());
        command.envs(SETTINGS.iter().copied());
        self.program = Some(block_in_place(|| Program::start(&mut command)));
    }

    /// As the system does when it has no memory.
    pub(super) fn kill(&mut self) {
        block_in_place(|| self.program.take().expect("it runs").kill());
    }

    /// As an operator does who deploys: with time to lay everything down.
    pub(super) fn stop(&mut self) {
        let mut program = self.program.take().expect("it runs");
        block_in_place(|| {
            program.signal(Signal::SIGTERM);
            program.ended(Duration::from_secs(20));
        });
    }

    /// The transfers under this operation.
    pub(super) async fn transfers(&self, op: Op) -> Vec<i64> {
        let found = sqlx::query_scalar("select id from journal where op = $1").bind(op.0);
        found.fetch_all(&self.database.app).await.expect("the journal can be read")
    }
}
