//! Which pages of other origins may call the API (CORS): exactly those whose origins are set. Credentials of the
//! browser are not allowed, and not needed: tokens are sent in a header.

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::idempotency::IDEMPOTENCY_KEY;
use super::origin::Origin;
use super::request_id::X_REQUEST_ID;

/// For how long a browser may keep the answer to a preflight request. Chromium keeps it for two hours at most.
const PREFLIGHT_HOLDS: Duration = Duration::from_secs(7_200);

/// The layer that lets pages of these origins call; `None` if there are no origins.
pub(super) fn layer(origins: &[String]) -> Option<CorsLayer> {
    let listed = origins.to_vec();
    let is_listed = move |origin: &HeaderValue, _: &Parts| {
        origin.to_str().ok().and_then(Origin::parse).is_some_and(|origin| origin.is_among(&listed))
    };
    let key = HeaderName::from_bytes(IDEMPOTENCY_KEY.as_bytes()).expect("a header's name");
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(is_listed))
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, key, X_REQUEST_ID])
            .expose_headers([X_REQUEST_ID, header::RETRY_AFTER, header::LOCATION])
            .max_age(PREFLIGHT_HOLDS)
    })
}
