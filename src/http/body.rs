//! JSON bodies, closed: what the type doesn't know is refused, and the refusal names the field.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use parlor_protocol::{ErrorBody, ErrorCode};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A body of `application/json` that is a `T`, which denies unknown fields. Its size is bounded by the
/// body limit of [`super::layers`].
#[derive(Clone, Copy, Debug)]
pub struct ValidJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ValidJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            let body = ErrorBody::new(ErrorCode::UnsupportedMediaType).message("the body is `application/json`");
            return Err(body.into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
                Error::new(ErrorCode::TooLarge)
            } else {
                ErrorBody::new(ErrorCode::BadRequest).message("the body broke off").into()
            }
        })?;
        parse(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = essence.and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

/// Reads JSON text as a `T`; `bad_request` says where it does not fit.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let json = &mut serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut *json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() { misfit(&path, &error.to_string()) } else { no_json(&error) }
    })?;
    json.end().map_err(|error| no_json(&error))?;
    Ok(value)
}

fn no_json(error: &serde_json::Error) -> Error {
    let place = format!("the body is no JSON: line {}, column {}", error.line(), error.column());
    ErrorBody::new(ErrorCode::BadRequest).message(place).into()
}

/// `bad_request` out of what serde says of the value at this path.
pub(super) fn misfit(path: &str, message: &str) -> Error {
    // serde tells of a field that is missing or unknown at the object around it.
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next())
        .filter(|name| !path.ends_with(*name));
    let field = match named {
        Some(name) if path == "." || path == "?" => name.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None => path.to_owned(),
    };
    let message = message.split(" at line ").next().unwrap_or(message);
    super::fields::bad_field(&short(&field, 100), short(message, 200))
}

/// The client's own words come back in a message, but not at any length.
fn short(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::parse;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "count")]
        _count: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(rename = "name")]
        _name: String,
        #[serde(rename = "inner")]
        _inner: Option<Inner>,
    }

    fn field_of(json: &str) -> Option<String> {
        let error = parse::<Outer>(json.as_bytes()).expect_err("does not fit");
        error.body.fields.first().map(|field| field.field.clone())
    }

    #[test]
    fn the_field_that_does_not_fit_is_named() {
        assert_eq!(field_of(r#"{"name":1}"#).as_deref(), Some("name"));
        assert_eq!(field_of(r#"{}"#).as_deref(), Some("name"));
        assert_eq!(field_of(r#"{"name":"a","role":"admin"}"#).as_deref(), Some("role"));
        assert_eq!(field_of(r#"{"name":"a","name":"b"}"#).as_deref(), Some("name"));
        assert_eq!(field_of(r#"{"name":"a","inner":{"count":256}}"#).as_deref(), Some("inner.count"));
        assert_eq!(field_of(r#"{"name":"a","inner":{}}"#).as_deref(), Some("inner.count"));
        assert_eq!(field_of(r#"{"name":"a","inner":{"count":1,"x":1}}"#).as_deref(), Some("inner.x"));
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none() {
        for json in ["", "{", "nul", r#"{"name":"a"} {"#, r#"{"name":"a",}"#, "\u{0}"] {
            let error = parse::<Outer>(json.as_bytes()).expect_err("no JSON");
            assert!(error.body.message.starts_with("the body is no JSON"), "{json:?}: {error}");
        }
        assert!(parse::<Outer>(&[0xff, 0xfe]).is_err());
        assert!(parse::<Outer>("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_huge_value_does_not_come_back_whole() {
        let error = parse::<Outer>(format!(r#"{{"{}":1}}"#, "x".repeat(60_000)).as_bytes()).expect_err("unknown");
        assert!(error.body.fields[0].message.len() < 1_000 && error.body.fields[0].field.len() < 1_000);
    }
}
