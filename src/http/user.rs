//! Who asks: the bearer of an access token whose session stands.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use parlor_protocol::{ErrorBody, ErrorCode, UserId};
use tracing::Span;
use uuid::Uuid;

use crate::identity::{Access, Identity};
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};

/// The signed-in user. The token is checked in memory and the request counted before that costs a query, at
/// the edge or else here; the session is checked by one query by primary key, so that signing out holds from
/// the next request on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CurrentUser {
    /// Who.
    pub id: UserId,
    /// By which sign-in.
    pub session: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser
where
    Identity: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let identity = Identity::from_ref(state);
        let access = match parts.extensions.get::<Access>() {
            Some(access) => *access,
            None => {
                let missing = "send the header `authorization: Bearer` with the access token of POST /v1/auth/login";
                let token = bearer(&parts.headers);
                let token = token.ok_or_else(|| ErrorBody::new(ErrorCode::Unauthenticated).message(missing))?;
                let access = identity.keys().verify_access(token, Timestamp::now()).await?;
                identity.count(access.user)?;
                access
            }
        };
        let user = identity.current_user(access).await?;
        Span::current().record("user.id", user.id.number());
        Ok(user)
    }
}

/// The token of `Authorization: Bearer` (RFC 6750), if there is exactly one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    bearer_of(headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes))
}

/// The same of the header's values.
pub fn bearer_of<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let (scheme, token) = std::str::from_utf8(values.next()?).ok()?.split_once(' ')?;
    let alone = values.next().is_none();
    (alone && scheme.eq_ignore_ascii_case("bearer")).then_some(token.trim()).filter(|token| !token.is_empty())
}
