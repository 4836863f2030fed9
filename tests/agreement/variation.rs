//! Values around the bounds of a JSON Schema, made of the schema alone and in order, not at random: for every field each
//! type, each bound and the value on its other side, each word of a list, too much and too little. Which of them the schema
//! allows is asked of a validator.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// A value with one place changed, and what was changed.
#[derive(Clone, Debug)]
pub(super) struct Variation {
    pub about: String,
    pub value: Value,
}

/// The schemas that references name.
pub(super) struct Schemas<'a>(pub &'a Value);

impl Schemas<'_> {
    /// The schema itself, if this only refers to it, with what stands beside the reference.
    pub(super) fn resolved(&self, schema: &Value) -> Value {
        let Some(reference) = schema["$ref"].as_str() else { return schema.clone() };
        let pointer = reference.trim_start_matches('#');
        let mut named = self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} is not there")).clone();
        for (name, value) in schema.as_object().into_iter().flatten().filter(|(name, _)| *name != "$ref") {
            named[name] = value.clone();
        }
        named
    }

    /// All variations of a value that the schema allows.
    pub(super) fn around(&self, schema: &Value, good: &Value) -> Vec<Variation> {
        let mut all = Vec::new();
        self.vary("", schema, good, &mut |about, value| all.push(Variation { about, value }));
        all
    }

    fn vary(&self, at: &str, schema: &Value, good: &Value, add: &mut dyn FnMut(String, Value)) {
        let schema = self.resolved(schema);
        let mut seen = HashSet::from([good.to_string()]);
        for value in self.values(&schema, good) {
            if seen.insert(value.to_string()) {
                add(format!("{at} = {}", shown(&value)), value);
            }
        }
        for alternative in ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[key].as_array()).flatten() {
            self.vary(at, alternative, &self.example(alternative), add);
        }
        if let Some(fields) = good.as_object().filter(|_| is_of(&schema, "object")) {
            self.vary_fields(at, &schema, fields, add);
        }
        if let Some(first) = good.as_array().and_then(|items| items.first()) {
            self.vary(&format!("{at}[0]"), &schema["items"], first, &mut |about, item| add(about, json!([item])));
        }
    }

    fn vary_fields(&self, at: &str, schema: &Value, fields: &Map<String, Value>, add: &mut dyn FnMut(String, Value)) {
        let with = |name: &str, value: Value| {
            let mut fields = fields.clone();
            fields.insert(name.to_owned(), value);
            Value::Object(fields)
        };
        for name in fields.keys() {
            let mut fewer = fields.clone();
            fewer.remove(name);
            add(format!("{at} without {name}"), Value::Object(fewer));
        }
        add(format!("{at} with an unknown field"), with("an_unknown_field", json!(1)));
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let good = fields.get(name).cloned().unwrap_or_else(|| self.example(field));
            if !fields.contains_key(name) {
                add(format!("{at} with {name} = {}", shown(&good)), with(name, good.clone()));
            }
            let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            self.vary(&at, field, &good, &mut |about, value| add(about, with(name, value)));
        }
    }

    /// The values to put in this place.
    fn values(&self, schema: &Value, good: &Value) -> Vec<Value> {
        // Each type, so that at most one fits.
        let mut values =
            vec![json!(null), json!(true), json!(7), json!(-7), json!(1.5), json!("x"), json!([]), json!({})];
        if let Some(words) = schema["enum"].as_array() {
            values.extend(words.iter().cloned());
            values.extend(words.iter().filter_map(Value::as_str).map(|word| json!(word.to_uppercase())));
            values.extend(words.iter().filter_map(Value::as_i64).map(|number| json!(number + 1)));
        }
        if is_of(schema, "integer") || good.is_i64() {
            values.extend([json!(0), json!(-1), json!(1), json!("1"), json!(7.0), json!(1e300), json!(u64::MAX)]);
            for bound in ["minimum", "maximum"].iter().filter_map(|name| schema[name].as_i64()) {
                values.extend([bound - 1, bound, bound + 1].map(Value::from));
            }
            values.extend([i64::from(u8::MAX) + 1, i64::from(i32::MAX) + 1, 1 << 53, i64::MAX].map(Value::from));
        }
        if let Some(text) = good.as_str() {
            values.extend(texts(schema, text).into_iter().map(Value::from));
        }
        if let Some(item) = good.as_array().and_then(|items| items.first()) {
            let sizes = ["minItems", "maxItems"].iter().filter_map(|name| schema[name].as_u64());
            let sizes = sizes.flat_map(|size| [size.saturating_sub(1), size, size + 1]);
            values.extend(sizes.map(|size| Value::from(vec![item.clone(); size as usize])));
        }
        values
    }

    /// A value that the schema allows, as simple as can be.
    pub(super) fn example(&self, schema: &Value) -> Value {
        let schema = self.resolved(schema);
        if let Some(word) = schema["enum"].get(0) {
            return word.clone();
        }
        if let Some(example) = schema["examples"].get(0) {
            return example.clone();
        }
        if let Some(one) = ["oneOf", "anyOf", "allOf"].iter().find_map(|key| schema[key].get(0)) {
            return self.example(one);
        }
        match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
            Some("object") => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let names = required.iter().filter_map(Value::as_str);
                names
                    .map(|name| (name.to_owned(), self.example(&schema["properties"][name])))
                    .collect::<Map<_, _>>()
                    .into()
            }
            Some("array") => json!([self.example(&schema["items"])]),
            Some("integer") => json!(schema["minimum"].as_i64().unwrap_or(0).max(1)),
            Some("boolean") => json!(true),
            Some("string") => match (schema["format"].as_str(), schema["pattern"].as_str()) {
                (Some("uuid"), _) => json!("01990000-0000-7000-8000-000000000001"),
                (Some("date"), _) => json!("1990-04-23"),
                (_, Some("^[0-9]{6}$")) => json!("000000"),
                (_, Some("^[A-Za-z]{2}$")) => json!("EG"),
                _ => json!("x".repeat(schema["minLength"].as_u64().unwrap_or(1).max(2) as usize)),
            },
            _ => Value::Null,
        }
    }
}

fn is_of(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind))
}

/// Texts around the bounds, and near to one that is good. What letters a text may have is tested elsewhere, with many more.
fn texts(schema: &Value, good: &str) -> Vec<String> {
    let mut texts = vec![String::new(), good.to_uppercase(), format!("{good}!"), format!("!{good}"), "م".to_owned()];
    texts.extend([good.chars().skip(1).collect(), good.chars().chain(good.chars()).collect()]);
    for bound in ["minLength", "maxLength"].iter().filter_map(|name| schema[name].as_u64()) {
        for chars in [bound.saturating_sub(1), bound, bound + 1] {
            let chars = chars as usize;
            texts.push("é".repeat(chars));
            // The good text as long as this.
            texts.push(good.chars().cycle().take(chars).collect());
        }
    }
    texts
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
        None => text,
    }
}
