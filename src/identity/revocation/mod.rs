//! The end of sessions. A session is marked as ended in its row, and a revocation is stored for the sockets that use
//! it.
//!
//! Sessions are ended only by [`insert`], in the transaction that has the reason. Each node reads the revocations every
//! second and closes the sockets; nothing in this module knows a socket.

use std::time::Duration;

use parlor_protocol::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::kit::error::Result;
use crate::kit::tx::Tx;
use crate::telemetry::metric;

mod store;

/// How long revocations are kept. An access token holds for an hour at most, and a socket no longer than its token, so
/// an older revocation concerns no socket.
const KEEP: Duration = Duration::from_secs(2 * 60 * 60);

/// Which sessions end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Revoked {
    /// This session of this user.
    Session(UserId, Uuid),
    /// All sessions of this user. Sign-ins that are under way are waited for. The caller makes later ones fail, by a
    /// suspension or a new password.
    User(UserId),
    /// All sessions of this user except this one.
    Others(UserId, Uuid),
}

/// Why sessions end, as the sockets are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The user signed out, on this device or another, or changed their password; or staff signed them out.
    SignedOut,
    /// The user is suspended.
    Suspended,
    /// A refresh token was used again after it had been exchanged: somebody else may have it.
    TokenReused,
}

impl Reason {
    const ALL: [Self; 3] = [Self::SignedOut, Self::Suspended, Self::TokenReused];

    /// The reason's name in the database.
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
    /// The number of the revocation. It rises, but a transaction may commit after one with a higher number.
    pub number: i64,
    /// The session's user.
    pub user: UserId,
    /// The session's id.
    pub session: Uuid,
    /// Why it ended.
    pub reason: Reason,
}

/// Ends sessions. After the commit, neither REST nor a new socket nor a refresh accepts them, and live sockets are
/// closed within two seconds. Returns how many sessions were ended.
pub async fn insert(tx: &mut Tx, revoked: Revoked, reason: Reason) -> Result<u64> {
    let (user, only, but) = match revoked {
        Revoked::Session(user, session) => (user, Some(session), None),
        Revoked::User(user) => (user, None, None),
        Revoked::Others(user, session) => (user, None, Some(session)),
    };
    if only.is_none() {
        // A sign-in locks the user's row until its session is committed. Without this lock, a session that is just
        // being inserted would not be seen.
        store::lock_user(tx, user).await?;
    }
    let ended = store::end_sessions(tx, user, only, but, reason.name()).await?;
    metric::REVOCATIONS.add_of(reason.name(), ended);
    Ok(ended)
}

/// The ends of sessions whose number is above this one, in the order of their numbers. Successive calls should overlap,
/// because a transaction may commit after one with a higher number.
pub async fn above(conn: &mut PgConnection, number: i64) -> Result<Vec<Ended>> {
    store::ended_above(conn, number).await
}

/// Deletes the revocations that no socket can be concerned by.
pub(super) async fn sweep(tx: &mut Tx) -> Result<()> {
    store::delete_older(tx, KEEP.as_secs_f64()).await
}
