//! Frames of the server against the published schema, closed: what the schema does not name is not sent.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::Value;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../protocol/schema/parlor.v1.schema.json");
    let mut schema = serde_json::from_str(text).expect("the published schema is JSON");
    close(&mut schema);
    schema
});

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn close(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.get("type").is_some_and(|kind| kind == "object") {
                object.insert("additionalProperties".to_owned(), false.into());
            }
        }
        _ => {}
    }
}

fn validator(definition: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().expect("nobody panics with it");
    let build = || {
        let schema = serde_json::json!({"$ref": format!("#/$defs/{definition}"), "$defs": SCHEMA["$defs"]});
        Arc::new(jsonschema::validator_for(&schema).expect("the published schema is one"))
    };
    validators.entry(definition.to_owned()).or_insert_with(build).clone()
}

/// `chat.posted` as `ChatPosted`.
fn pascal(name: &str) -> String {
    name.split(['.', '_']).map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

/// Fails the test unless a frame of the server is one of the published schema. `asked` says which command
/// had a reply's number, where that is known.
pub fn assert_published(text: &str, asked: impl Fn(u64) -> Option<&'static str>) {
    let frame: Value = serde_json::from_str(text).expect("every frame is JSON");
    let kind = frame["type"].as_str().map(pascal);
    let definition = if frame.get("error").is_some() {
        "ErrorReply".to_owned()
    } else if let Some(id) = frame["id"].as_u64() {
        let Some(command) = asked(id) else { return };
        pascal(command) + "Reply"
    } else {
        let suffix = match (frame.get("seq"), frame.get("room"), frame.get("user")) {
            (Some(_), _, _) => "Event",
            (_, Some(_), _) => "Signal",
            (_, _, Some(_)) => "UserFrame",
            _ => "Notice",
        };
        kind.expect("what is no reply has a type") + suffix
    };
    let wrong: Vec<_> = validator(&definition).iter_errors(&frame).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{text}\nis no {definition}: {}", wrong.join("; "));
}
