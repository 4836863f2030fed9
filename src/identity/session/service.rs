//! Opening, refreshing, listing and ending sessions: the rules.

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

/// How long refresh tokens hold.
#[derive(Clone, Copy, Debug)]
pub(in crate::identity) struct Lifetimes {
    /// Seconds from an exchange to the end of the token that it gives.
    sliding: f64,
    /// Seconds from the sign-in to the end of the session.
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

/// A session with a live refresh token, before it is committed.
pub(in crate::identity) struct Opened {
    /// Whose.
    pub(in crate::identity) user: Person,
    /// Which.
    pub(in crate::identity) session: Uuid,
    /// The live refresh token.
    pub(in crate::identity) refresh: Token,
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
    /// Counts a refresh for its address, and reads the token. Nothing of it is believed yet.
    pub(super) fn admit_refresh(&self, from: IpAddr, token: &str) -> Result<RefreshToken> {
        self.0.refreshes.check(&holder(from))?;
        RefreshToken::parse(token).ok_or_else(|| Error::new(ErrorCode::Unauthenticated))
    }

    /// Exchanges a refresh token for its successor. The same exchange may be repeated for a while, as long as
    /// the successor is unused; any other token of the past ends the session. That stands although the
    /// request is refused: the transaction is to be committed either way.
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
                tracing::warn!(user.id = user.number(), session.id = %session, "a refresh token was used again: its session ends");
                return Err(refused());
            }
            Verdict::Refused => {
                // A suspension ends sessions: whoever had this one is told why, and nobody else.
                if family.stored.family_hash == token.family_hash() {
                    suspension::refuse(tx, family.user.id).await?;
                }
                return Err(refused());
            }
        };
        Ok(Opened { user: family.user, session, refresh: Token { token: next.text(), expires_at } })
    }

    /// The user's standing sessions, the newest first: as many as the window looks for.
    pub async fn devices(
        &self,
        conn: &mut PgConnection,
        user: UserId,
        window: &Window<SessionList>,
    ) -> Result<Vec<Device>> {
        store::devices(conn, user, window).await
    }

    /// Ends the caller's session; once more changes nothing.
    pub async fn sign_out(&self, tx: &mut Tx, user: CurrentUser) -> Result<()> {
        self.end(tx, Revoked::Session(user.id, user.session)).await?;
        Ok(())
    }

    /// Ends this session of the user; once more changes nothing. `not_found` where it is not theirs.
    pub async fn end_session(&self, tx: &mut Tx, user: UserId, session: Uuid) -> Result<()> {
        if self.end(tx, Revoked::Session(user, session)).await? == 0 {
            session_of(tx, session, user).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        }
        Ok(())
    }

    /// Ends every session of the caller but the one that asks.
    pub async fn end_other_sessions(&self, tx: &mut Tx, user: CurrentUser) -> Result<()> {
        self.end(tx, Revoked::Others(user.id, user.session)).await?;
        Ok(())
    }

    async fn end(&self, tx: &mut Tx, revoked: Revoked) -> Result<u64> {
        let ended = revocation::insert(tx, revoked, Reason::SignedOut).await?;
        if ended > 0 {
            let (Revoked::Session(user, _) | Revoked::User(user) | Revoked::Others(user, _)) = revoked;
            tracing::info!(user.id = user.number(), sessions = ended, "somebody signs out");
        }
        Ok(ended)
    }
}
