//! Reads the token of a request. Whom it names is not decided here.

use axum::http::{HeaderMap, HeaderValue, header};

/// The token of `Authorization: Bearer` (RFC 6750); `None` unless there is exactly one such header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    bearer_of(headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes))
}

/// The same, from the values of the header `Authorization`.
pub fn bearer_of<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let (scheme, token) = std::str::from_utf8(values.next()?).ok()?.split_once(' ')?;
    let alone = values.next().is_none();
    (alone && scheme.eq_ignore_ascii_case("bearer")).then_some(token.trim()).filter(|token| !token.is_empty())
}
