//! What is counted in the database against guessing and flooding: it holds over restarts and on all nodes.
//!
//! Whatever is counted is counted before it is done, so that a hundred guesses at once are a hundred, and
//! taken back where it was no guess. The same for addresses that have an account and that have none.

use parlor_protocol::{ErrorBody, ErrorCode};
use sqlx::PgConnection;

use crate::error::Result;

mod store;

/// After how many there is a wait, and how it grows: each further one doubles it. A day without any
/// forgets all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// As it stands in the database.
    pub(super) kind: &'static str,
    /// The one of this number is the first that makes the next wait.
    pub(super) free: u32,
    pub(super) first_seconds: u32,
    pub(super) max_seconds: u32,
}

/// Counts one for this key; `rate_limited`, with the time to wait, while it is blocked.
pub(super) async fn count(conn: &mut PgConnection, pace: Pace, key: &[u8]) -> Result<()> {
    if store::count(conn, pace, key).await? {
        return Ok(());
    }
    let wait = store::wait_ms(conn, pace.kind, key).await?.unwrap_or(0).max(0);
    let wait = u64::try_from(wait).unwrap_or(0).saturating_add(1);
    Err(ErrorBody::new(ErrorCode::RateLimited).retry_after_ms(wait).into())
}

/// Takes one back, and the wait that it made.
pub(super) async fn take_back(conn: &mut PgConnection, pace: Pace, key: &[u8]) -> Result<()> {
    store::take_back(conn, pace, key).await
}

/// Forgets all of this key.
pub(super) async fn forgive(conn: &mut PgConnection, pace: Pace, key: &[u8]) -> Result<()> {
    store::delete(conn, pace.kind, key).await
}

/// Removes what counts no more.
pub(super) async fn sweep(conn: &mut PgConnection) -> Result<()> {
    store::delete_forgotten(conn).await
}
