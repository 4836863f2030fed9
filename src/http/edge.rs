//! The edge of a request: what a handler opens its transaction with.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::kit::edge::Edge;

/// Opens nothing yet: the handler does, when it has all that it needs.
impl<S: Send + Sync> FromRequestParts<S> for Edge
where
    Edge: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::from_ref(state))
    }
}
