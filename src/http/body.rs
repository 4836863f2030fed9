//! Bodies in JSON: checks the content type and the size, and reads the text with [`json`].

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use parlor_protocol::{ErrorBody, ErrorCode};
use serde::de::DeserializeOwned;

use super::json;
use crate::kit::error::Error;

/// An extractor: a body of `application/json` as a `T`, which should deny unknown fields. [`super::layers`] has
/// read the body whole and held it to its bound.
#[derive(Clone, Copy, Debug)]
pub struct ValidJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ValidJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            let body = ErrorBody::new(ErrorCode::UnsupportedMediaType).message("the body must be `application/json`");
            return Err(body.into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
                Error::new(ErrorCode::TooLarge)
            } else {
                ErrorBody::new(ErrorCode::BadRequest).message("the body ended before it was complete").into()
            }
        })?;
        Ok(json::parse(&bytes).map(Self)?)
    }
}

/// A body that may be left out: an empty one without a content type, or of JSON, is none, and so is `null`.
impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for ValidJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Error> {
        let is_typed = request.headers().contains_key(header::CONTENT_TYPE);
        if request.body().is_end_stream() && (!is_typed || is_json(request.headers())) {
            return Ok(None);
        }
        let body = <ValidJson<Option<T>> as FromRequest<S>>::from_request(request, state).await;
        body.map(|ValidJson(body)| body.map(Self))
    }
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = essence.and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}
