//! The snapshots that an audit looks through: short ones, one behind the other, so that it holds back vacuum for
//! none of them long; or the one of a transaction that the caller has opened.

use sqlx::{Connection as _, PgConnection};

use crate::kit::error::Result;

/// How a short one begins.
const BEGIN: &str = "begin isolation level repeatable read read only";

/// Where the snapshots come from.
pub(super) enum Snapshots<'a> {
    /// A new one for each piece of work.
    Short(&'a mut PgConnection),
    /// The caller's transaction, for all of it: what it has changed and not committed is audited too.
    Whole(&'a mut PgConnection),
}

impl Snapshots<'_> {
    /// Does a bounded piece of work in one snapshot, which ends with it.
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
