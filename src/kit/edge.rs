//! What an edge has at hand and hands down: transactions, the time, chance.
//!
//! An edge is where work begins: a route's handler, a job, a command, the loop of an engine. It opens the
//! transaction, passes it with the time and chance to services, and commits it where everybody sees it:
//!
//! ```text
//! let mut tx = edge.begin().await?;
//! let card = record::create(&mut tx, edge.chance(), user.id, &name, seats).await?;
//! tx.commit().await?;
//! ```
//!
//! A service is handed `&mut Tx` (or a connection, where it only reads) and never an `Edge`. Where work
//! between two transactions takes long (a password's hash, an object store), no connection is held meanwhile:
//! such a way is a function of its own in the slice's `flow.rs`, which is handed the edge and is part of it.

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

use super::chance::Chance;
use super::clock::{Clock, Timestamp};
use super::error::Result;
use super::tx::Tx;

/// What an edge has at hand. Cheap to clone; a part of the state of routes.
#[derive(Clone, Debug)]
pub struct Edge {
    pool: PgPool,
    clock: Clock,
    chance: Chance,
}

impl Edge {
    /// An edge over these.
    pub const fn new(pool: PgPool, clock: Clock, chance: Chance) -> Self {
        Self { pool, clock, chance }
    }

    /// Opens a transaction. Nothing is connected before this is called, so that no connection is held while
    /// a body is read or a caller is looked up.
    ///
    /// # Errors
    /// `store_unavailable` where no connection is to be had in time.
    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(&self.pool).await
    }

    /// A connection to read by.
    ///
    /// # Errors
    /// `store_unavailable` where none is to be had in time.
    pub async fn read(&self) -> Result<PoolConnection<Postgres>> {
        self.reads().conn().await
    }

    /// The way to read, for what looks things up by itself and writes nothing.
    pub fn reads(&self) -> Reads {
        Reads(self.pool.clone())
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock, for what asks for the time again and again.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Chance.
    pub const fn chance(&self) -> &Chance {
        &self.chance
    }
}

/// The way to read what is committed, for look-ups that stand in no transaction. Whoever holds this writes
/// nothing by it.
#[derive(Clone, Debug)]
pub struct Reads(PgPool);

impl Reads {
    /// A connection to read by.
    ///
    /// # Errors
    /// `store_unavailable` where none is to be had in time.
    pub async fn conn(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.0.acquire().await?)
    }
}
