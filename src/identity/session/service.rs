//! The rules of opening, refreshing, listing and ending sessions.

use std::net::IpAddr;

use parlor_protocol::room::Person;
use parlor_protocol::{ErrorCode, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::refresh::{RefreshToken, Verdict, judge};
use super::{Device, SessionList, store};
use crate::identity::revocation::{self, Reason, Revoked};
use crate::identity::service::Identity;
use crate::identity::store::session_of;
use crate::identity::{CurrentUser, Settings, Token, suspension};
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::limit::holder;
use crate::kit::list::Window;
use crate::kit::tx::Tx;

const DAY_SECONDS: f64 = 86_400.0;

/// How long refresh tokens and sessions hold.
#[derive(Clone, Copy, Debug)]
pub(in crate::identity) struct Lifetimes {
    /// Seconds from an exchange until the new refresh token expires.
    sliding: f64,
    /// Seconds from the sign-in until the session ends, however often it is refreshed.
    absolute: f64,
    /// Milliseconds for which an exchange may be repeated.
    repeat_ms: i64,
}

impl From<&Settings> for Lifetimes {
    fn from(settings: &Settings) -> Self {
        Self {
            sliding: f64::from(settings.refresh_token_days) * DAY_SECONDS,
            absolute: f64::from(settings.session_days) * DAY_SECONDS,
            repeat_ms: i64::from(settings.refresh_repeat_seconds) * 1_000,
        }
    }
}

/// A session with its live refresh token, before the transaction is committed.
pub(in crate::identity) struct Opened {
    /// The session's user.
    pub(in crate::identity) user: Person,
    /// The session's id.
    pub(in crate::identity) session: Uuid,
    /// The live refresh token.
    pub(in crate::identity) refresh: Token,
}

/// Ends the sessions of this user that were not used for the longest time, until there is room for one more among `most`.
pub(in crate::identity) async fn make_room(tx: &mut Tx, user: UserId, most: u32) -> Result<()> {
    // It is more than one only after sign-ins at the same time, a lower setting, or a program that had no bound.
    for session in store::unused_longest(tx, user, i64::from(most) - 1).await? {
        revocation::insert(tx, Revoked::Session(user, session), Reason::SignedOut).await?;
        tracing::info!(user.id = user.number(), session.id = %session, "a session ended, because the user has too many");
    }
    Ok(())
}

/// Opens a session, with its first refresh token.
pub(in crate::identity) async fn open(
    tx: &mut Tx,
    user: Person,
    device: &str,
    lifetimes: Lifetimes,
    (now, chance): (Timestamp, &Chance),
) -> Result<Opened> {
    let session = chance.id_at(now);
    store::insert_session(tx, session, user.id, device).await?;
    let token = RefreshToken::first(session, chance.bytes(), chance.bytes());
    let seconds = lifetimes.sliding.min(lifetimes.absolute);
    let expires_at = store::insert_token(tx, session, &token.family_hash(), &token.own_hash(), seconds).await?;
    Ok(Opened { user, session, refresh: Token { token: token.text(), expires_at } })
}

impl Identity {
    /// Counts a refresh for the network address from which it comes, and parses the token. Nothing in the token has
    /// been checked yet.
    ///
    /// # Errors
    /// `rate_limited`; `unauthenticated` if it does not have the form of a token.
    pub(super) fn admit_refresh(&self, from: IpAddr, token: &str) -> Result<RefreshToken> {
        self.0.refreshes.check(&holder(from))?;
        RefreshToken::parse(token).ok_or_else(|| Error::new(ErrorCode::Unauthenticated))
    }

    /// Exchanges a refresh token for its successor. The same exchange may be repeated for a while, until the successor
    /// is used; any other former token ends the session. The caller must commit the transaction either way, because the
    /// session ends although the request is refused.
    ///
    /// # Errors
    /// `unauthenticated`; `suspended`; `rate_limited`.
    pub(super) async fn refresh(&self, tx: &mut Tx, token: &RefreshToken, chance: &Chance) -> Result<Opened> {
        let refused = || Error::new(ErrorCode::Unauthenticated);
        let (session, Lifetimes { sliding, absolute, repeat_ms }) = (token.session, self.0.lifetimes);
        let family = store::hold_family(tx, session, absolute).await?.ok_or_else(refused)?;
        let (next, expires_at) = match judge(token, &family.stored, repeat_ms) {
            Verdict::Exchange => {
                self.0.requests.check(&family.user.id)?;
                suspension::refuse(tx, family.user.id).await?;
                let salt = chance.bytes();
                let next = token.successor(&salt);
                let hash = next.own_hash();
                let until = store::exchange_token(tx, session, &hash, &salt, sliding, absolute).await?;
                (next, until)
            }
            Verdict::Repeat(salt) => {
                self.0.requests.check(&family.user.id)?;
                suspension::refuse(tx, family.user.id).await?;
                (token.successor(&salt), family.expires_at)
            }
            Verdict::Reused => {
                let user = family.user.id;
                revocation::insert(tx, Revoked::Session(user, session), Reason::TokenReused).await?;
                tracing::warn!(user.id = user.number(), session.id = %session, "a refresh token was used again, so its session was ended");
                return Err(refused());
            }
            Verdict::Refused => {
                // The session may have been ended by a suspension. Only somebody who had a token of it is told that.
                if family.stored.family_hash == token.family_hash() {
                    suspension::refuse(tx, family.user.id).await?;
                }
                return Err(refused());
            }
        };
        Ok(Opened { user: family.user, session, refresh: Token { token: next.text(), expires_at } })
    }

    /// The user's sessions that have not ended, newest first: as many as the window looks for.
    pub async fn devices(
        &self,
        conn: &mut PgConnection,
        user: UserId,
        window: &Window<SessionList>,
    ) -> Result<Vec<Device>> {
        store::devices(conn, user, window).await
    }

    /// Ends the caller's session. A second call changes nothing.
    pub async fn sign_out(&self, tx: &mut Tx, user: CurrentUser) -> Result<()> {
        self.end(tx, Revoked::Session(user.id, user.session)).await?;
        Ok(())
    }

    /// Ends this session of the user; `not_found` if it is not theirs. A second call changes nothing.
    pub async fn end_session(&self, tx: &mut Tx, user: UserId, session: Uuid) -> Result<()> {
        if self.end(tx, Revoked::Session(user, session)).await? == 0 {
            session_of(tx, session, user).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        }
        Ok(())
    }

    /// Ends every session of the caller except the one of this request.
    pub async fn end_other_sessions(&self, tx: &mut Tx, user: CurrentUser) -> Result<()> {
        self.end(tx, Revoked::Others(user.id, user.session)).await?;
        Ok(())
    }

    async fn end(&self, tx: &mut Tx, revoked: Revoked) -> Result<u64> {
        let ended = revocation::insert(tx, revoked, Reason::SignedOut).await?;
        if ended > 0 {
            let (Revoked::Session(user, _) | Revoked::User(user) | Revoked::Others(user, _)) = revoked;
            tracing::info!(user.id = user.number(), sessions = ended, "a user signed out");
        }
        Ok(ended)
    }
}
