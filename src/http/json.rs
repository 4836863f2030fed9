//! Reads JSON strictly: a field that the type does not know is refused, and the refusal names the field.
//!
//! This is pure and knows no request and no framework, so that it can be fuzzed by itself (`fuzz/`).

use parlor_protocol::{ErrorBody, ErrorCode};
use serde::de::DeserializeOwned;

/// Reads JSON text as a `T`.
///
/// # Errors
/// `bad_request`, which names the place that is wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ErrorBody> {
    // Every body must be an object. Serde would also read an array of the fields' values as one.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(misfit(".", "must be an object and not an array"));
    }
    let json = &mut serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut *json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() { misfit(&path, &error.to_string()) } else { not_json(&error) }
    })?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> ErrorBody {
    let place = format!("the body is not JSON: line {}, column {}", error.line(), error.column());
    ErrorBody::new(ErrorCode::BadRequest).message(place)
}

/// `bad_request` made of serde's message about the value at this path.
pub(super) fn misfit(path: &str, message: &str) -> ErrorBody {
    // For a field that is missing or unknown, serde gives the path of the object around it.
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
    ErrorBody::new(ErrorCode::BadRequest)
        .message("some fields of the request are wrong; `errors` names them")
        .field(short(&field, 100), short(message, 200))
}

/// Cuts a text to this many characters: what the client has sent is repeated in a message, but not at any length.
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
        error.fields.first().map(|field| field.field.clone())
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        assert_eq!(field_of(r#"{"name":1}"#).as_deref(), Some("name"));
        assert_eq!(field_of(r#"{}"#).as_deref(), Some("name"));
        assert_eq!(field_of(r#"{"name":"a","role":"admin"}"#).as_deref(), Some("role"));
        assert_eq!(field_of(r#"{"name":"a","name":"b"}"#).as_deref(), Some("name"));
        assert_eq!(field_of(r#"{"name":"a","inner":{"count":256}}"#).as_deref(), Some("inner.count"));
        assert_eq!(field_of(r#"{"name":"a","inner":{}}"#).as_deref(), Some("inner.count"));
        assert_eq!(field_of(r#"{"name":"a","inner":{"count":1,"x":1}}"#).as_deref(), Some("inner.x"));
    }

    #[test]
    fn a_body_that_is_not_json_is_refused_as_such() {
        for json in ["", "{", "nul", r#"{"name":"a"} {"#, r#"{"name":"a",}"#, "\u{0}"] {
            let error = parse::<Outer>(json.as_bytes()).expect_err("it is not JSON");
            assert!(error.message.starts_with("the body is not JSON"), "{json:?}: {error}");
        }
        assert!(parse::<Outer>(&[0xff, 0xfe]).is_err());
        assert!(parse::<Outer>(br#"["a", null]"#).is_err(), "it is not an object");
        assert!(parse::<Outer>("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_huge_field_is_not_repeated_whole() {
        let error = parse::<Outer>(format!(r#"{{"{}":1}}"#, "x".repeat(60_000)).as_bytes()).expect_err("unknown");
        assert!(error.fields[0].message.len() < 1_000 && error.fields[0].field.len() < 1_000);
    }
}
