//! The fields that take text, as the published documents have them: a new one joins by itself.

use serde_json::{Value, json};

/// Where a field stands in a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the body, at this pointer.
    Body(Vec<String>),
    /// A parameter of the query, the path or the head.
    Parameter(&'static str, String),
}

/// A field of an operation or a command.
#[derive(Clone, Debug)]
pub struct Field {
    /// The operation's id or the command's type.
    pub of: String,
    pub place: Place,
    /// It takes only words of a list, UUIDs, or another form that is not a text of people.
    pub is_closed: bool,
}

impl Field {
    /// The field's own name, as answers have it.
    pub fn name(&self) -> &str {
        match &self.place {
            Place::Body(path) => path.iter().rev().find(|step| step.parse::<usize>().is_err()).expect("a name"),
            Place::Parameter(_, name) => name,
        }
    }
}

/// Follows references within the document.
pub fn followed<'a>(document: &'a Value, mut schema: &'a Value) -> &'a Value {
    while let Some(reference) = schema["$ref"].as_str() {
        schema = document.pointer(reference.strip_prefix('#').expect("in the document")).expect("it is there");
    }
    schema
}

/// Every place in values of this schema that takes a text, and whether its form is closed.
pub fn texts(document: &Value, schema: &Value, at: &[String], found: &mut Vec<(Vec<String>, bool)>) {
    let schema = followed(document, schema);
    let is_text =
        schema["type"] == "string" || schema["type"].as_array().is_some_and(|types| types.contains(&json!("string")));
    if is_text {
        let has = |name: &str| schema.get(name).is_some();
        let is_closed = has("enum") || has("const") || schema["format"] == "uuid";
        if !found.iter().any(|(path, _)| path == at) {
            found.push((at.to_vec(), is_closed));
        }
    }
    let step = |name: &str| [at, &[name.to_owned()]].concat();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        texts(document, field, &step(name), found);
    }
    for alternative in ["oneOf", "anyOf", "allOf"].iter().filter_map(|how| schema[*how].as_array()).flatten() {
        texts(document, alternative, at, found);
    }
    if schema["items"].is_object() {
        texts(document, &schema["items"], &step("0"), found);
    }
}

/// The value with this literal at this place, as JSON text. What is missing on the way is made.
pub fn with_literal(value: &Value, path: &[String], literal: &str) -> String {
    const PLACE: &str = "the place of the literal";
    let mut value = value.clone();
    let mut here = &mut value;
    for step in path {
        here = match step.parse::<usize>() {
            Ok(at) => {
                if !here.is_array() {
                    *here = json!([{}]);
                }
                &mut here.as_array_mut().expect("it was just made")[at]
            }
            Err(_) => {
                if !here.is_object() {
                    *here = json!({});
                }
                &mut here[step.as_str()]
            }
        };
    }
    *here = PLACE.into();
    value.to_string().replace(&format!("\"{PLACE}\""), literal)
}
