//! The end of sessions: in the table, for all who ask, and as a word for the sockets that stand on them.
//!
//! Whoever ends sessions does it by [`insert`] in the transaction that has the reason. Each node reads
//! the words every second and closes the sockets; nothing here knows a socket.

use std::time::Duration;

use parlor_protocol::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kit::error::Result;
use crate::kit::tx::Tx;
use crate::telemetry::metric;

mod store;

/// Words older than this are removed. An access token lasts an hour at most, and a socket no longer
/// than its token.
const KEEP: Duration = Duration::from_secs(2 * 60 * 60);

/// Which sessions end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Revoked {
    /// This one of this user.
    Session(UserId, Uuid),
    /// All that this user has. Sign-ins that are under way are waited for, and those that come later are
    /// the caller's to refuse: by a suspension, or another password.
    User(UserId),
    /// All that this user has but this one.
    Others(UserId, Uuid),
}

/// Why, as the sockets are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// By the user, on this device or another, or with a changed password; or by staff.
    SignedOut,
    /// The user is suspended.
    Suspended,
    /// A refresh token came that had been exchanged before: somebody else may have it.
    TokenReused,
}

impl Reason {
    const ALL: [Self; 3] = [Self::SignedOut, Self::Suspended, Self::TokenReused];

    /// As it stands in the database.
    const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Suspended => "suspended",
            Self::TokenReused => "token_reused",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// A session that has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub session: Uuid,
    /// Why.
    pub reason: Reason,
}

/// Ends sessions: neither REST nor a new socket nor a refresh takes them from the commit on, and live
/// sockets are closed within two seconds of it. Returns how many stood until now.
pub async fn insert(tx: &mut Tx, revoked: Revoked, reason: Reason) -> Result<u64> {
    let (user, only, but) = match revoked {
        Revoked::Session(user, session) => (user, Some(session), None),
        Revoked::User(user) => (user, None, None),
        Revoked::Others(user, session) => (user, None, Some(session)),
    };
    if only.is_none() {
        // A session that is being inserted holds a share of this row, and would not be seen.
        store::lock_user(tx, user).await?;
    }
    let ended = store::end_sessions(tx, user, only, but, reason.name()).await?;
    metric::REVOCATIONS.add_of(reason.name(), ended);
    Ok(ended)
}

/// Sessions that ended within this time, by the database's clock. To be read with an overlap: a row is
/// seen when its transaction commits, which is later than its time.
pub async fn within(conn: &mut PgConnection, time: Duration) -> Result<Vec<Ended>> {
    store::ended_within(conn, time.as_secs_f64()).await
}

/// Removes the words that no socket can be concerned by.
pub(super) async fn sweep(tx: &mut Tx) -> Result<()> {
    store::delete_older(tx, KEEP.as_secs_f64()).await
}
