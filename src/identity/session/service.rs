//! Refreshing, listing and ending sessions: the rules and the transactions.

use std::net::IpAddr;

use parlor_protocol::{ErrorCode, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::refresh::{RefreshToken, Verdict, judge};
use super::{Device, Grant, store};
use crate::identity::revocation::{self, Reason, Revoked};
use crate::identity::service::Identity;
use crate::identity::store::session_of;
use crate::identity::{CurrentUser, Settings, Token, suspension};
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};
use crate::kit::limit::holder;

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

/// Opens a session in the caller's transaction, with its first refresh token.
pub(in crate::identity) async fn open(
    conn: &mut PgConnection,
    user: UserId,
    device: &str,
    lifetimes: Lifetimes,
) -> Result<(Uuid, Token)> {
    let session = Uuid::now_v7();
    store::insert_session(conn, session, user, device).await?;
    let token = RefreshToken::first(session, rand::random(), rand::random());
    let seconds = lifetimes.sliding.min(lifetimes.absolute);
    let expires_at = store::insert_token(conn, session, &token.family_hash(), &token.own_hash(), seconds).await?;
    Ok((session, Token { token: token.text(), expires_at }))
}

impl Identity {
    /// Exchanges a refresh token for its successor and a new access token. The same exchange may be
    /// repeated for a while, as long as the successor is unused; any other token of the past ends the session.
    pub async fn refresh(&self, from: IpAddr, token: &str, now: Timestamp) -> Result<Grant> {
        let refused = || Error::new(ErrorCode::Unauthenticated);
        self.0.refreshes.check(&holder(from))?;
        let token = RefreshToken::parse(token).ok_or_else(refused)?;
        let (session, Lifetimes { sliding, absolute, repeat_ms }) = (token.session, self.0.lifetimes);
        let mut tx = self.0.pool.begin().await?;
        let family = store::hold_family(&mut tx, session, absolute).await?.ok_or_else(refused)?;
        let (next, expires_at) = match judge(&token, &family.stored, repeat_ms) {
            Verdict::Exchange => {
                self.0.requests.check(&family.user.id)?;
                suspension::refuse(&mut tx, family.user.id).await?;
                let salt = rand::random();
                let next = token.successor(&salt);
                let hash = next.own_hash();
                let until = store::exchange_token(&mut tx, session, &hash, &salt, sliding, absolute).await?;
                (next, until)
            }
            Verdict::Repeat(salt) => {
                self.0.requests.check(&family.user.id)?;
                suspension::refuse(&mut tx, family.user.id).await?;
                (token.successor(&salt), family.expires_at)
            }
            Verdict::Reused => {
                let user = family.user.id;
                revocation::insert(&mut tx, Revoked::Session(user, session), Reason::TokenReused).await?;
                tx.commit().await?;
                tracing::warn!(user.id = user.number(), session.id = %session, "a refresh token was used again: its session ends");
                return Err(refused());
            }
            Verdict::Refused => {
                // A suspension ends sessions: whoever had this one is told why, and nobody else.
                if family.stored.family_hash == token.family_hash() {
                    suspension::refuse(&mut tx, family.user.id).await?;
                }
                return Err(refused());
            }
        };
        tx.commit().await?;
        let access = self.keys().sign_access(family.user.id, session, now)?;
        Ok(Grant { access, refresh: Token { token: next.text(), expires_at }, user: family.user })
    }

    /// The user's standing sessions, the newest first: up to `limit` and one, behind `after`.
    pub async fn devices(&self, user: UserId, after: Option<Uuid>, limit: u32) -> Result<Vec<Device>> {
        store::devices(&mut *self.0.pool.acquire().await?, user, after, i64::from(limit) + 1).await
    }

    /// Ends the caller's session; once more changes nothing.
    pub async fn sign_out(&self, user: CurrentUser) -> Result<()> {
        self.end(Revoked::Session(user.id, user.session)).await?;
        Ok(())
    }

    /// Ends this session of the user; once more changes nothing. `not_found` where it is not theirs.
    pub async fn end_session(&self, user: UserId, session: Uuid) -> Result<()> {
        if self.end(Revoked::Session(user, session)).await? == 0 {
            let known = session_of(&mut *self.0.pool.acquire().await?, session, user).await?;
            known.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        }
        Ok(())
    }

    /// Ends every session of the caller but the one that asks.
    pub async fn end_other_sessions(&self, user: CurrentUser) -> Result<()> {
        self.end(Revoked::Others(user.id, user.session)).await?;
        Ok(())
    }

    async fn end(&self, revoked: Revoked) -> Result<u64> {
        let mut tx = self.0.pool.begin().await?;
        let ended = revocation::insert(&mut tx, revoked, Reason::SignedOut).await?;
        tx.commit().await?;
        if ended > 0 {
            let (Revoked::Session(user, _) | Revoked::User(user) | Revoked::Others(user, _)) = revoked;
            tracing::info!(user.id = user.number(), sessions = ended, "somebody signed out");
        }
        Ok(ended)
    }
}
