//! A transaction as a value: the code that opens it also commits it, visibly; the code that is handed it works in it.
//!
//! A service takes `&mut Tx` and holds no pool to write with. A `Tx` that is dropped without [`Tx::commit`] is rolled
//! back, so a request that is refused leaves nothing behind. What must be kept even though the request is refused,
//! such as the count of wrong codes, has a transaction of its own, which ends with [`Tx::commit_either_way`].

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::error::Result;

/// An open transaction on the pool.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Postgres>);

impl Tx {
    /// Opens a transaction on a connection of the pool.
    ///
    /// # Errors
    /// `store_unavailable` if the pool gives no connection in time.
    pub async fn begin(pool: &PgPool) -> Result<Self> {
        Ok(Self(pool.begin().await?))
    }

    /// Commits everything that was written in it.
    ///
    /// # Errors
    /// A fault or an outage of the store. After an outage it is unknown whether the transaction was committed.
    pub async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }
}

impl Tx {
    /// Commits what was written even if `outcome` is an error, and returns the outcome. It is for what counts either
    /// way, such as a guess of a code. After a fault of the store PostgreSQL rolls the transaction back instead.
    ///
    /// # Errors
    /// The outcome's own error; a fault or an outage of the store at the commit.
    pub async fn commit_either_way<T>(self, outcome: Result<T>) -> Result<T> {
        self.commit().await?;
        outcome
    }
}

/// The functions of stores take a connection; a transaction can be passed to them.
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
