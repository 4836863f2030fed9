//! The parameters of a path. A parameter that cannot be parsed names nothing, so it is answered `not_found`.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use parlor_protocol::ErrorCode;
use serde::de::DeserializeOwned;

use crate::kit::error::Error;

/// An extractor: the parameters of the path as a `T`.
#[derive(Clone, Copy, Debug)]
pub struct ValidPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ValidPath<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        // Nothing that is stored has a U+0000 in its name.
        let has_nul = parts.uri.path().contains("%00");
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) if !has_nul => Ok(Self(value)),
            _ => Err(Error::new(ErrorCode::NotFound)),
        }
    }
}
