//! The extractor for the signed-in user.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use parlor_protocol::{ErrorBody, ErrorCode};
use tracing::Span;

use super::CurrentUser;
use crate::http::bearer::bearer;
use crate::identity::{Access, Identity};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser
where
    Identity: FromRef<S>,
    Edge: FromRef<S>,
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
                let access = identity.keys().verify_access(token, Edge::from_ref(state).now()).await?;
                identity.count(access.user)?;
                access
            }
        };
        let user = identity.current_user(access).await?;
        Span::current().record("user.id", user.id.number());
        Ok(user)
    }
}
