//! For whom a database is served. A server of `dev` puts users into its database whose password everybody knows, so it
//! never uses one that has served people. Each server notes on its row of `nodes` how it was started.

use sqlx::PgConnection;
use tokio::time::sleep;

use super::store::Lease;
use super::watched::{Holder, WATCH, Watched, occupied, unanswered};
use super::{Settings, store};
use crate::kit::clock::BootClock;
use crate::start::StartError;

/// For whom a server runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// For one developer, with demo data and the playground (`parlor dev`).
    Dev,
    /// For people (`parlor serve`).
    Serve,
}

impl Mode {
    /// The name in the table.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Serve => "serve",
        }
    }
}

/// Refuses a database that `parlor serve` has ever served, whatever the age of its schema.
///
/// # Errors
/// The refusal, as a sentence that says what to do.
pub async fn refuse_peoples(conn: &mut PgConnection) -> Result<(), StartError> {
    refuse(store::has_served_people(conn, None).await.map_err(unanswered)?)
}

/// Waits until it is known that no server serves this database, so that the caller may change what is below it.
///
/// # Errors
/// If another server serves this database, or the database does not answer.
pub async fn unserved(conn: &mut PgConnection, clock: BootClock, settings: &Settings) -> Result<(), StartError> {
    living(conn, clock, settings).await?.map_or(Ok(()), |lease| Err(occupied(&lease)))
}

/// The name of the node that serves this database, if one does. If the last one has not given its lease back, it takes up
/// to the length of a lease to know. It reads schemas of any age.
///
/// # Errors
/// If the database does not answer.
pub async fn serving(
    conn: &mut PgConnection,
    clock: BootClock,
    settings: &Settings,
) -> Result<Option<String>, StartError> {
    Ok(living(conn, clock, settings).await?.map(|lease| lease.node_id))
}

async fn living(conn: &mut PgConnection, clock: BootClock, settings: &Settings) -> Result<Option<Lease>, StartError> {
    let mut watched = Watched::new(clock, settings);
    while let Some(held) = store::newest_lease(conn).await.map_err(unanswered)? {
        match watched.holder_of(&held) {
            Holder::Unknown => sleep(WATCH).await,
            Holder::Gone => break,
            Holder::Alive => return Ok(Some(held)),
        }
    }
    Ok(None)
}

/// Refuses for `dev` a database that has served people.
pub(super) fn refuse(has_served_people: bool) -> Result<(), StartError> {
    if !has_served_people {
        return Ok(());
    }
    Err(StartError::new(
        "this database has been served by `parlor serve`, and no users whose password everybody knows are put into it: \
         give `parlor dev` a database of its own (without DATABASE_URL it uses a private one)",
    ))
}
