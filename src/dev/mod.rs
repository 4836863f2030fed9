//! The store of `dev`: a private PostgreSQL over the installed one, in a folder of its own, that is
//! started and stopped with the program. Never used where a database's address is given.

mod binaries;
pub mod lan;
mod leftover;
mod lock;
mod parent;
mod place;
mod postgres;
pub mod store;

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::time::Instant;

pub use binaries::Binaries;
pub use lock::StoreLock;
pub use parent::end_with_this_thread;
pub use place::{Account, PORT, Place};
pub use postgres::{Durability, Options, Postgres};

use crate::kit::supervise;
use crate::start::StartError;

/// The store's database.
pub const DATABASE: &str = "parlor";
/// A command waits so long for a store that a `dev` is just starting.
const JOIN_WITHIN: Duration = Duration::from_secs(90);

/// What the store is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To serve from it: nobody else may have it open.
    Serve,
    /// To work in it for a while: if somebody else has it open, by their PostgreSQL.
    Work,
    /// The same for what is about a store that is there: none is made.
    Existing,
}

/// The open store.
#[derive(Debug)]
pub struct Store {
    place: Place,
    /// The PostgreSQL and the lock, if they are ours. In this order: stopped, then let go.
    own: Option<(Postgres, StoreLock)>,
}

impl Store {
    /// Opens the store in the folder `data`, making what is missing: folders, cluster, roles,
    /// database. `who` says in one word or two who has it open (`parlor dev`).
    pub async fn open(data: &Path, purpose: Purpose, who: &str) -> Result<Self, StartError> {
        let (data, who) = (data.to_owned(), who.to_owned());
        let store = supervise::blocking("opening of the store", move || Self::open_blocking(&data, purpose, &who))
            .await
            .map_err(|error| StartError::new("the store was not opened").because(error))??;
        store.prepare().await?;
        Ok(store)
    }

    fn open_blocking(data: &Path, purpose: Purpose, who: &str) -> Result<Self, StartError> {
        if purpose == Purpose::Existing && !data.is_dir() {
            return Err(StartError::new(format!(
                "there is no store in {}: `parlor dev` makes one, --data names another folder, DATABASE_URL a database",
                data.display()
            )));
        }
        let place = Place::of(data)?;
        let lock = StoreLock::take(&place.data, who).map_err(|error| {
            StartError::new(format!("the store in {} cannot be locked: make it writable", place.data.display()))
                .because(error)
        })?;
        match lock {
            Some(lock) => {
                let options = Options { durability: Durability::Full, restart: true, connections: 100 };
                let postgres = Postgres::start(&place, options)?;
                Ok(Self { place, own: Some((postgres, lock)) })
            }
            None if purpose != Purpose::Serve => Ok(Self { place, own: None }),
            None => Err(StartError::new(format!(
                "the store in {} is in use ({}): stop that first, or take another folder with --data",
                place.data.display(),
                StoreLock::holder(&place.data)
            ))),
        }
    }

    /// As the superuser, and only here.
    async fn prepare(&self) -> Result<(), StartError> {
        let failed = |error: sqlx::Error| {
            StartError::new(format!("the store in {} cannot be used", self.place.data.display())).because(error)
        };
        let options = self.place.options("postgres", "postgres");
        let since = Instant::now();
        let mut conn = loop {
            match options.connect().await {
                Ok(conn) => break conn,
                // Somebody else's that is just starting.
                Err(_) if self.own.is_none() && since.elapsed() < JOIN_WITHIN => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(failed(error)),
            }
        };
        store::create_roles(&mut conn).await.map_err(failed)?;
        store::create_database(&mut conn, DATABASE).await.map_err(failed)?;
        conn.close().await.map_err(failed)
    }

    /// Where it lies.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// How `role` reaches the store's database.
    pub fn options(&self, role: &str) -> PgConnectOptions {
        self.place.options(role, DATABASE)
    }

    /// Stops the PostgreSQL, if it is ours, and lets the store go.
    pub async fn close(self) {
        // It blocks; and it is not to be cut short, so it is waited for even when this is dropped.
        let _ = supervise::blocking("closing of the store", move || drop(self)).await;
    }
}

impl Place {
    /// How `role` reaches `database` in this place.
    pub fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.sockets)
            .port(PORT)
            .username(role)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The same as an address, for another program.
    pub fn url(&self, role: &str, database: &str) -> String {
        let mut host = String::new();
        for byte in self.sockets.as_os_str().as_encoded_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => host.push(char::from(*byte)),
                _ => host.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("postgres://{role}@localhost:{PORT}/{database}?host={host}&sslmode=disable")
    }
}
