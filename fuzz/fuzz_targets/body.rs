//! Fuzzes the parser of REST bodies: it must not panic, and a refusal must be short whatever the input.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

/// The parser of the server, without the rest of the server.
#[path = "../../src/http/json.rs"]
#[allow(dead_code, reason = "queries use more of it")]
mod json;

/// A body with every kind of field that bodies have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it is only read")]
struct Body {
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    seats: Option<u8>,
    #[serde(default)]
    room: Option<parlor_protocol::RoomId>,
    #[serde(default)]
    op: Option<parlor_protocol::Op>,
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    inner: Vec<Body>,
    #[serde(default)]
    tags: BTreeMap<String, bool>,
}

fuzz_target!(|bytes: &[u8]| {
    if let Err(refusal) = json::parse::<Body>(bytes) {
        let fields: usize = refusal.fields.iter().map(|field| field.field.len() + field.message.len()).sum();
        assert!(fields + refusal.message.len() < 2_000, "{refusal:?}");
    }
    let _ = json::parse::<serde_json::Value>(bytes);
});
