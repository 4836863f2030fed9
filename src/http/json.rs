//! Reads JSON strictly: a field that the type does not know is refused, and the refusal names the field.
//!
//! This is pure and knows no request and no framework, so that it can be fuzzed by itself (`fuzz/`).

use parlor_protocol::{ErrorBody, ErrorCode, read};
use serde::Deserialize;

/// Reads JSON text as a `T`, as [`parlor_protocol::read`] does.
///
/// # Errors
/// `bad_request`, which names the place that is wrong.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ErrorBody> {
    if bytes.trim_ascii().is_empty() {
        return Err(not_json("it is empty"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| not_json("it is not UTF-8"))?;
    read::named(text).map_err(|misfit| {
        let error = &misfit.error;
        if error.is_data() {
            misfit.body(".")
        } else {
            not_json(&format!("line {}, column {}", error.line(), error.column()))
        }
    })
}

fn not_json(why: &str) -> ErrorBody {
    ErrorBody::new(ErrorCode::BadRequest).message(format!("the body is not JSON: {why}"))
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
        for bytes in [&[0xff, 0xfe][..], b"{\"name\":\"\xff\"}"] {
            let error = parse::<Outer>(bytes).expect_err("it is not UTF-8");
            assert_eq!(error.message, "the body is not JSON: it is not UTF-8");
        }
        assert!(parse::<Outer>(br#"["a", null]"#).is_err(), "it is not an object");
        assert!(parse::<Outer>("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_huge_field_is_not_repeated_whole() {
        let error = parse::<Outer>(format!(r#"{{"{}":1}}"#, "x".repeat(60_000)).as_bytes()).expect_err("unknown");
        assert!(error.fields[0].message.len() < 1_000 && error.fields[0].field.len() < 1_000);
    }
}
