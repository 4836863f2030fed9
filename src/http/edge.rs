//! Extracts the [`Edge`] of a request, with which a handler opens its transaction.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::kit::edge::Edge;

/// Extracting opens no transaction and takes no connection: the handler does that when it has everything it needs.
impl<S: Send + Sync> FromRequestParts<S> for Edge
where
    Edge: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::from_ref(state))
    }
}
