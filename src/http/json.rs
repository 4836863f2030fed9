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
    if bytes.trim_ascii().is_empty() {
        return Err(ErrorBody::new(ErrorCode::BadRequest).message("the body is not JSON: it is empty"));
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
        .field(short(&field, 100), short(&plain(message), 200))
}

/// serde's words without Rust's: what was expected, said as the documents say it. Words that need no change stay.
fn plain(message: &str) -> String {
    let whole = || "a whole number".to_owned();
    if message.contains("invalid digit found in string") || message.contains("cannot parse integer") {
        return whole();
    }
    if message.contains("number too large") || message.contains("number too small") {
        return "a whole number that is not so large".to_owned();
    }
    if message.contains("invalid float literal") {
        return "a number".to_owned();
    }
    if message.contains("provided string was not `true` or `false`") {
        return "true or false".to_owned();
    }
    let Some((start, expected)) = message.rsplit_once("expected ").filter(|(start, _)| start.starts_with("invalid "))
    else {
        return message.to_owned();
    };
    match expected.split(' ').next().unwrap_or_default() {
        "i64" | "i32" | "i16" | "i8" | "isize" | "i128" => whole(),
        "u64" | "usize" | "u128" => "a whole number, 0 at least".to_owned(),
        "u32" => format!("a whole number, 0 to {}", u32::MAX),
        "u16" => format!("a whole number, 0 to {}", u16::MAX),
        "u8" => format!("a whole number, 0 to {}", u8::MAX),
        "f64" | "f32" => "a number".to_owned(),
        "struct" | "map" => "an object".to_owned(),
        _ if expected == "a string" => "a text".to_owned(),
        _ if expected == "a boolean" => "true or false".to_owned(),
        _ if expected == "a sequence" => "an array".to_owned(),
        _ if expected.starts_with("unit") => "null".to_owned(),
        // What a type of this house expects is said in its own words.
        _ if start.starts_with("invalid type") || start.starts_with("invalid value") => expected.to_owned(),
        _ => message.to_owned(),
    }
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
    fn a_message_says_what_is_expected_and_names_no_type_of_rust() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "they are never read: no body here fits")]
        struct All {
            whole: Option<i64>,
            small: Option<u8>,
            text: Option<String>,
            flag: Option<bool>,
            list: Option<Vec<u8>>,
            object: Option<Inner>,
            number: Option<f64>,
        }
        for (json, words) in [
            (r#"{"whole":"x"}"#, "a whole number"),
            (r#"{"whole":1.5}"#, "a whole number"),
            (r#"{"small":256}"#, "a whole number, 0 to 255"),
            (r#"{"text":1}"#, "a text"),
            (r#"{"flag":"yes"}"#, "true or false"),
            (r#"{"list":1}"#, "an array"),
            (r#"{"object":1}"#, "an object"),
            (r#"{"number":"1"}"#, "a number"),
        ] {
            let error = parse::<All>(json.as_bytes()).expect_err("does not fit");
            assert_eq!(error.fields[0].message, words, "{json}");
        }
        for said in ["invalid digit found in string", "cannot parse integer from empty string"] {
            assert_eq!(super::misfit("limit", said).fields[0].message, "a whole number");
        }
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
