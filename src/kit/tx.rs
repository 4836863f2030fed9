//! A transaction as a value: whoever opens it commits it, visibly; whoever is handed it works in it.
//!
//! A service takes `&mut Tx` and holds no pool to write with. Dropped without [`Tx::commit`] it is rolled
//! back: what is refused leaves nothing behind. What must stay although it is refused (a wrong code that
//! counts) is committed by [`Tx::commit_either_way`], in a transaction of its own.

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::error::Result;

/// An open transaction on the pool.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Postgres>);

impl Tx {
    /// Opens one.
    ///
    /// # Errors
    /// `store_unavailable` where no connection is to be had in time.
    pub async fn begin(pool: &PgPool) -> Result<Self> {
        Ok(Self(pool.begin().await?))
    }

    /// Makes all of it a fact.
    ///
    /// # Errors
    /// A fault or an outage of the store; after an outage nobody knows whether it was committed.
    pub async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }
}

impl Tx {
    /// Makes what was done a fact although it may have been refused, and gives the outcome: for what counts
    /// either way, as a guess does. Behind a fault of the store there is nothing left to commit.
    ///
    /// # Errors
    /// The outcome's own; a fault or an outage of the store at the commit.
    pub async fn commit_either_way<T>(self, outcome: Result<T>) -> Result<T> {
        self.commit().await?;
        outcome
    }
}

/// Stores take a connection: a transaction is one.
impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
