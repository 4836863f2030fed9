//! The snapshots in which an audit reads: short ones, one after the other, so that none of them holds back vacuum for
//! long; or a transaction that the caller has opened.

use sqlx::{Connection as _, PgConnection};

use crate::kit::error::Result;

/// The statement that begins a short snapshot.
const BEGIN: &str = "begin isolation level repeatable read read only";

/// Where the snapshots come from.
pub(super) enum Snapshots<'a> {
    /// Each piece of work gets a new snapshot.
    Short(&'a mut PgConnection),
    /// All work uses the caller's transaction, so that its uncommitted changes are audited too.
    Whole(&'a mut PgConnection),
}

impl Snapshots<'_> {
    /// Does a small piece of work in one snapshot, which ends with the work.
    pub async fn take<T>(&mut self, work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        match self {
            Self::Whole(connection) => work(connection).await,
            Self::Short(connection) => {
                let mut snapshot = connection.begin_with(BEGIN).await?;
                let done = work(&mut snapshot).await;
                snapshot.rollback().await?;
                done
            }
        }
    }
}
