//! Query strings, which are read as strictly as bodies.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use parlor_protocol::{ErrorBody, ErrorCode};
use serde::de::DeserializeOwned;

use super::json::misfit;
use crate::kit::error::Error;

/// An extractor: the query string as a `T`, which should deny unknown parameters.
#[derive(Clone, Copy, Debug)]
pub struct ValidQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ValidQuery<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(refusal(&rejection)),
        }
    }
}

/// The refusal of a query string. Axum wraps the error of the parameter, whose text is `parameter: what is wrong`.
fn refusal(rejection: &axum::extract::rejection::QueryRejection) -> Error {
    let Some(source) = std::error::Error::source(rejection) else {
        return ErrorBody::new(ErrorCode::BadRequest).message("the query string cannot be read").into();
    };
    let words = source.to_string();
    match words.split_once(": ") {
        Some((field, message)) if !field.contains(' ') => misfit(field, message).into(),
        _ => misfit(".", &words).into(),
    }
}
