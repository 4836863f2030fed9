//! Which pages of other origins may call the API (CORS): exactly those whose origins are set. Credentials of the
//! browser are not allowed, and not needed: tokens are sent in a header.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::CorsLayer;

use super::idempotency::IDEMPOTENCY_KEY;
use super::request_id::X_REQUEST_ID;

/// For how long a browser may keep the answer to a preflight request. Chromium keeps it for two hours at most.
const PREFLIGHT_HOLDS: Duration = Duration::from_secs(7_200);

/// The layer that lets pages of these origins call; `None` if there are no origins.
pub(super) fn layer(origins: &[String]) -> Option<CorsLayer> {
    // A server does not start with origins that cannot be parsed.
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let key = HeaderName::from_bytes(IDEMPOTENCY_KEY.as_bytes()).expect("a header's name");
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, key, X_REQUEST_ID])
            .expose_headers([X_REQUEST_ID, header::RETRY_AFTER, header::LOCATION])
            .max_age(PREFLIGHT_HOLDS)
    })
}

/// Whether this is an origin as a browser writes it: scheme, host and perhaps port, in small letters, and nothing else.
pub(super) fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return false;
    };
    let as_written = format!("{scheme}://{authority}");
    text == as_written && !text.contains('@') && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        assert!(["https://app.example", "http://localhost:5173", "http://[::1]:80"].into_iter().all(is_origin));
        let others =
            ["*", "null", "app.example", "https://app.example/", "https://App.example", "https://a@b", "ws://a"];
        for text in others {
            assert!(!is_origin(text), "{text}");
        }
    }
}
