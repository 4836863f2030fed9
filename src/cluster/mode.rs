//! For whom a database is served. A server of `dev` puts users into its database whose password everybody knows, so it
//! never uses one that has served people. Each server notes on its row of `nodes` how it was started.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::sleep;

use super::node::{Watched, unanswered};
use super::store;
use crate::start::StartError;

/// How often a waiting server checks whether another server renews its lease: several times in the default time between two
/// renewals.
pub(super) const WATCH: Duration = Duration::from_millis(200);

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

/// Waits until no server's lease lives, so that the caller may change the schema below it.
///
/// # Errors
/// If another server serves this database, or the database does not answer.
pub async fn unserved(conn: &mut PgConnection) -> Result<(), StartError> {
    let mut watched = Watched::default();
    while let Some(living) = store::live_lease(conn).await.map_err(unanswered)? {
        watched.judge(living)?;
        sleep(WATCH).await;
    }
    Ok(())
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
