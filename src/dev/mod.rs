//! The store of `dev`: a private database cluster in a folder of its own, run by the installed PostgreSQL and started
//! and stopped with the program. It is not used if a database's address is given.

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

/// The name of the store's database.
pub const DATABASE: &str = "parlor";
/// How long a command waits for a store that another process is just starting.
const JOIN_WITHIN: Duration = Duration::from_secs(90);

/// What the store is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To serve from it: no other process may have it open.
    Serve,
    /// To work in it for a while. If another process has it open, its PostgreSQL is used.
    Work,
    /// As `Work`, but only in a store that exists: none is made.
    Existing,
}

/// The open store.
#[derive(Debug)]
pub struct Store {
    place: Place,
    /// The PostgreSQL and the lock, if this process runs the store. The order matters when they are dropped: PostgreSQL
    /// stops before the lock is released.
    own: Option<(Postgres, StoreLock)>,
}

impl Store {
    /// Opens the store in the folder `data`. Folders, cluster, roles and database are made if they are missing. `who`
    /// names the program that has the store open, for the messages to others (`parlor dev`).
    ///
    /// # Errors
    /// A sentence that says why the store cannot be opened and what to do about it.
    pub async fn open(data: &Path, purpose: Purpose, who: &str) -> Result<Self, StartError> {
        let (data, who) = (data.to_owned(), who.to_owned());
        let store = supervise::blocking("opening of the store", move || Self::open_blocking(&data, purpose, &who))
            .await
            .map_err(|error| StartError::new("the store was not opened").because(error))??;
        store.prepare().await?;
        Ok(store)
    }

    fn open_blocking(data: &Path, purpose: Purpose, who: &str) -> Result<Self, StartError> {
        if purpose == Purpose::Existing && !Place::has_store(data)? {
            return Err(StartError::new(format!(
                "no database is named by DATABASE_URL or DATABASE_OWNER_URL, and there is no private store in {}: name a \
                 database, or the folder of a store with --data (`parlor dev` makes a store)",
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

    /// Makes the roles and the database, as the cluster's superuser. Nothing else in the program uses that role.
    async fn prepare(&self) -> Result<(), StartError> {
        let failed = |error: sqlx::Error| {
            StartError::new(format!("the store in {} cannot be used", self.place.data.display())).because(error)
        };
        let options = self.place.options("postgres", "postgres");
        let since = Instant::now();
        let mut conn = loop {
            match options.connect().await {
                Ok(conn) => break conn,
                // Another process is just starting this PostgreSQL.
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

    /// The store's folders.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The options by which `role` connects to the store's database.
    pub fn options(&self, role: &str) -> PgConnectOptions {
        self.place.options(role, DATABASE)
    }

    /// Stops the PostgreSQL, if this process runs it, and releases the lock.
    pub async fn close(self) {
        // The stop blocks, so it has a thread of its own, where it goes on even if this future is dropped.
        let _ = supervise::blocking("closing of the store", move || drop(self)).await;
    }
}

impl Place {
    /// The options by which `role` connects to `database` over this place's socket.
    pub fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.sockets)
            .port(PORT)
            .username(role)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The same as a URL, for another program.
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
