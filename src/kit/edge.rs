//! What an edge works with and hands down: transactions, the time and randomness.
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
//! A service is handed `&mut Tx` (or a connection, where it only reads) and never an `Edge`. No connection is held
//! during long work between two transactions, such as hashing a password or asking an object store. Such a sequence
//! is a function in the slice's `flow.rs`; it counts as part of the edge and is handed the `Edge`.

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

use super::chance::Chance;
use super::clock::{Clock, Timestamp};
use super::error::Result;
use super::tx::Tx;

/// The pool, clock and randomness of an edge. Cheap to clone; routes extract it from their state.
#[derive(Clone, Debug)]
pub struct Edge {
    pool: PgPool,
    clock: Clock,
    chance: Chance,
}

impl Edge {
    /// An edge that opens its transactions on `pool` and takes time and randomness from these.
    pub const fn new(pool: PgPool, clock: Clock, chance: Chance) -> Self {
        Self { pool, clock, chance }
    }

    /// Opens a transaction. No connection is taken before this is called, so that none is held while a request's
    /// body is read.
    ///
    /// # Errors
    /// `store_unavailable` if the pool gives no connection in time.
    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(&self.pool).await
    }

    /// A connection for reading outside a transaction.
    ///
    /// # Errors
    /// `store_unavailable` if the pool gives none in time.
    pub async fn read(&self) -> Result<PoolConnection<Postgres>> {
        self.reads().conn().await
    }

    /// Access for reading, to hand to code that looks things up at times of its own and writes nothing.
    pub fn reads(&self) -> Reads {
        Reads(self.pool.clone())
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock, for code that needs the time more than once.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The source of random values.
    pub const fn chance(&self) -> &Chance {
        &self.chance
    }
}

/// Access to what is committed, for look-ups outside a transaction. Nothing may be written through it; the
/// types do not prevent that.
#[derive(Clone, Debug)]
pub struct Reads(PgPool);

impl Reads {
    /// A connection for reading.
    ///
    /// # Errors
    /// `store_unavailable` if the pool gives none in time.
    pub async fn conn(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.0.acquire().await?)
    }
}
