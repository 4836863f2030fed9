//! The two kinds of tokens that only Parlor verifies: access tokens (user and session) and room tokens (user and room).
//!
//! Tokens are signed by HS256 and nothing else. Each purpose has its own keys, and the header names the purpose
//! (`typ`), so that neither kind can stand for the other (RFC 8725). There is no I/O here: keys and the time are
//! arguments.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use parlor_protocol::{ErrorBody, ErrorCode, RoomId, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};

const ISSUER: &str = "parlor";
/// Seconds by which the clocks of nodes may differ.
const LEEWAY_SECONDS: i64 = 5;
/// The most bytes of a token that is looked at. Our own tokens have fewer than 500.
const MAX_BYTES: usize = 2_048;

/// A token and until when it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The token. It is a secret and is never logged.
    pub token: String,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The content of an access token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// The user.
    pub user: UserId,
    /// The user's session.
    pub session: Uuid,
    /// Until when the token holds.
    pub expires_at: Timestamp,
}

/// What a key and its tokens are for. A key verifies only tokens of its own purpose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Purpose {
    Access,
    Room,
}

impl Purpose {
    pub(super) const ALL: [Self; 2] = [Self::Access, Self::Room];

    /// The purpose's name in the database.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Room => "room",
        }
    }

    /// The `typ` of the header: that of RFC 9068 for access tokens, and our own for room tokens.
    const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Room => "room+jwt",
        }
    }

    const fn audience(self) -> &'static str {
        match self {
            Self::Access => "parlor",
            Self::Room => "parlor-room",
        }
    }

    /// The error for a token that is not valid.
    pub(super) fn refused(self) -> Error {
        let (code, sentence) = match self {
            Self::Access => (
                ErrorCode::Unauthenticated,
                "this is not an access token of this server: sign in by POST /v1/auth/login",
            ),
            Self::Room => (
                ErrorCode::RoomTokenInvalid,
                "this room token is for another room or person: ask for one by POST /v1/rooms/{id}/token",
            ),
        };
        ErrorBody::new(code).message(sentence).into()
    }

    /// The error for a token that was valid and has expired.
    fn expired(self) -> Error {
        let (code, sentence) = match self {
            Self::Access => (ErrorCode::TokenExpired, "this access token has expired: refresh it, or sign in again"),
            Self::Room => (
                ErrorCode::RoomTokenInvalid,
                "this room token has expired: ask for a new one by POST /v1/rooms/{id}/token",
            ),
        };
        ErrorBody::new(code).message(sentence).into()
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct AccessClaims {
    iss: String,
    aud: String,
    sub: String,
    sid: Uuid,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RoomClaims {
    iss: String,
    aud: String,
    sub: String,
    room: RoomId,
    iat: i64,
    exp: i64,
}

impl AccessClaims {
    pub(super) fn new(user: UserId, session: Uuid, jti: Uuid, now: Timestamp, minutes: u32) -> Self {
        let (iat, exp) = times(now, minutes);
        let (iss, aud) = (ISSUER.to_owned(), Purpose::Access.audience().to_owned());
        Self { iss, aud, sub: user.to_string(), sid: session, iat, exp, jti }
    }

    pub(super) fn access(&self) -> Result<Access> {
        let user = user_of(&self.sub).ok_or_else(|| Purpose::Access.refused())?;
        Ok(Access { user, session: self.sid, expires_at: Timestamp(self.exp.saturating_mul(1_000)) })
    }
}

impl RoomClaims {
    pub(super) fn new(user: UserId, room: RoomId, now: Timestamp, minutes: u32) -> Self {
        let (iat, exp) = times(now, minutes);
        let (iss, aud) = (ISSUER.to_owned(), Purpose::Room.audience().to_owned());
        Self { iss, aud, sub: user.to_string(), room, iat, exp }
    }

    /// Whether the token admits this user to this room.
    pub(super) fn admits(&self, user: UserId, room: RoomId) -> bool {
        self.room == room && user_of(&self.sub) == Some(user)
    }
}

fn times(now: Timestamp, minutes: u32) -> (i64, i64) {
    let iat = now.0.div_euclid(1_000);
    (iat, iat + i64::from(minutes) * 60)
}

fn user_of(sub: &str) -> Option<UserId> {
    sub.parse().ok().and_then(UserId::new)
}

/// What the claims of both kinds of tokens have.
pub(super) trait Claims {
    /// The issuer and the audience.
    fn parties(&self) -> (&str, &str);

    /// Until when the token holds, in Unix seconds.
    fn exp(&self) -> i64;
}

impl Claims for AccessClaims {
    fn parties(&self) -> (&str, &str) {
        (&self.iss, &self.aud)
    }

    fn exp(&self) -> i64 {
        self.exp
    }
}

impl Claims for RoomClaims {
    fn parties(&self) -> (&str, &str) {
        (&self.iss, &self.aud)
    }

    fn exp(&self) -> i64 {
        self.exp
    }
}

fn header(purpose: Purpose, kid: Uuid) -> Header {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(purpose.typ().to_owned());
    header.kid = Some(kid.to_string());
    header
}

/// Signs claims with `key`, whose id is `kid`.
pub(super) fn signed(
    purpose: Purpose,
    kid: Uuid,
    key: &EncodingKey,
    claims: &(impl Serialize + Claims),
) -> Result<Token> {
    let token = encode(&header(purpose, kid), claims, key).map_err(Error::internal)?;
    Ok(Token { token, expires_at: Timestamp(claims.exp().saturating_mul(1_000)) })
}

/// The header of every token that this key signs: the first part, encoded.
pub(super) fn header_of(purpose: Purpose, kid: Uuid, key: &EncodingKey) -> Result<String> {
    let token = encode(&header(purpose, kid), &(), key).map_err(Error::internal)?;
    Ok(token.split('.').next().unwrap_or_default().to_owned())
}

/// The three parts of a token that is not too long. Nothing in them has been checked yet.
fn parts(token: &str) -> Option<(&str, &str, &str)> {
    let (header, rest) = (token.len() <= MAX_BYTES).then(|| token.split_once('.')).flatten()?;
    let (claims, signature) = rest.split_once('.')?;
    (!signature.contains('.')).then_some((header, claims, signature))
}

/// The header of a token: its first part, by which its key is found. The header must be exactly the one that the key
/// gives its tokens, so no algorithm, key or other demand that somebody else wrote into a header is ever read.
pub(super) fn header_in(purpose: Purpose, token: &str) -> Result<&str> {
    parts(token).map(|(header, ..)| header).ok_or_else(|| purpose.refused())
}

/// Verifies a token, and gives its claims. The caller has found the key by the token's header.
pub(super) fn verified<C: DeserializeOwned + Claims>(
    purpose: Purpose,
    token: &str,
    key: &DecodingKey,
    now: Timestamp,
) -> Result<C> {
    let refused = || purpose.refused();
    let (header, claims, signature) = parts(token).ok_or_else(refused)?;
    let message = &token.as_bytes()[..header.len() + 1 + claims.len()];
    if !jsonwebtoken::crypto::verify(signature, message, key, Algorithm::HS256).is_ok_and(|good| good) {
        return Err(refused());
    }
    let claims = BASE64.decode(claims).map_err(|_| refused())?;
    let claims: C = serde_json::from_slice(&claims).map_err(|_| refused())?;
    if claims.parties() != (ISSUER, purpose.audience()) {
        return Err(refused());
    }
    if now.0.div_euclid(1_000) >= claims.exp().saturating_add(LEEWAY_SECONDS) {
        return Err(purpose.expired());
    }
    Ok(claims)
}

#[cfg(test)]
mod tests;
