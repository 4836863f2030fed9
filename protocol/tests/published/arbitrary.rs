//! Makes arbitrary values of a schema, so that a property is tested for every type, new ones included.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::schema::Wire;

/// Which values to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// Values that the schema allows.
    Within,
    /// Values that the schema allows, and values just beyond its bounds.
    Around,
}

/// Makes values of this part of the schema.
pub fn values(wire: &Wire, schema: &Value, how: How) -> BoxedStrategy<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return values(wire, wire.definition(Wire::referred(reference)), how);
    }
    if let Some(word) = schema.get("const") {
        return Just(word.clone()).boxed();
    }
    if let Some(words) = schema["enum"].as_array() {
        let listed = select(words.clone());
        return match how {
            How::Within => listed.boxed(),
            How::Around => prop_oneof![6 => listed, 1 => (-2i64..2_000).prop_map(Value::from)].boxed(),
        };
    }
    if let Some(alternatives) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let each: Vec<_> = alternatives.iter().map(|one| values(wire, one, how)).collect();
        return prop::strategy::Union::new(each).boxed();
    }
    if let Some([kind, Value::String(null)]) = schema["type"].as_array().map(Vec::as_slice)
        && null == "null"
    {
        let mut there = schema.clone();
        there["type"] = kind.clone();
        return prop_oneof![Just(Value::Null), values(wire, &there, how)].boxed();
    }
    match schema["type"].as_str() {
        Some("object") => object(wire, schema, how),
        Some("array") => {
            let item = values(wire, &schema["items"], how);
            sizes(schema, "minItems", "maxItems", how)
                .prop_flat_map(move |size| vec(item.clone(), size))
                .prop_map(Value::from)
                .boxed()
        }
        Some("string") if schema["format"] == "uuid" => {
            any::<u128>().prop_map(|number| uuid::Uuid::from_u128(number).to_string().into()).boxed()
        }
        Some("string") => {
            let all = CHARS.chars().collect::<Vec<_>>();
            // Without a pattern any text fits.
            let fits = schema.get("pattern").map(|pattern| {
                let pattern = jsonschema::validator_for(&json!({"pattern": pattern})).expect("a pattern");
                move |text: &str| pattern.is_valid(&text.into())
            });
            let fits: Arc<dyn Fn(&str) -> bool + Send + Sync> = match fits {
                Some(fits) => Arc::new(fits),
                None => Arc::new(|_| true),
            };
            let good = all.iter().copied().filter(|c| fits(&format!("a{c}a"))).collect::<Vec<_>>();
            let of = |chars: Vec<char>| {
                sizes(schema, "minLength", "maxLength", how)
                    .prop_flat_map(move |size| vec(select(chars.clone()), size))
                    .prop_map(String::from_iter)
            };
            match how {
                How::Within => {
                    of(good).prop_filter("the pattern", move |text| fits(text)).prop_map(Value::from).boxed()
                }
                How::Around => prop_oneof![8 => of(good), 1 => of(all), 1 => "[ \n\t\u{301}\u{200d}]{0,3}"]
                    .prop_map(Value::from)
                    .boxed(),
            }
        }
        Some("integer") => {
            let of = |name: &str| schema[name].as_i64().expect("every integer has bounds");
            let (low, high) = (of("minimum"), of("maximum"));
            let within = prop_oneof![Just(low), Just(high), low..=high, low..=high.min(low + 20)];
            match how {
                How::Within => within.prop_map(Value::from).boxed(),
                How::Around => {
                    prop_oneof![16 => within, 1 => Just(low - 1), 1 => Just(high + 1)].prop_map(Value::from).boxed()
                }
            }
        }
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        _ => panic!("no values are known of {schema}"),
    }
}

/// What texts are made of.
const CHARS: &str = "aZ0 \"\\/\n\t\u{0}\u{7f}\u{85}é\u{301}\u{200d}\u{fe0f}م\u{2028}\u{3000}\u{2800}🎁";

fn object(wire: &Wire, schema: &Value, how: How) -> BoxedStrategy<Value> {
    let is_required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let mut whole = Just(Map::new()).boxed();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let (name, value) = (name.clone(), values(wire, field, how));
        let value = match (is_required(&name), how) {
            (true, How::Within) => value.prop_map(Some).boxed(),
            (true, How::Around) => prop::option::weighted(0.97, value).boxed(),
            (false, _) => prop::option::of(value).boxed(),
        };
        whole = (whole, value)
            .prop_map(move |(mut object, value)| {
                object.extend(value.map(|value| (name.clone(), value)));
                object
            })
            .boxed();
    }
    whole.prop_map(Value::Object).boxed()
}

/// A size within the bounds; with `How::Around` also one that is too small or too large by one.
fn sizes(schema: &Value, least: &str, most: &str, how: How) -> BoxedStrategy<usize> {
    let of = |name: &str| schema[name].as_u64().map(|size| usize::try_from(size).expect("a size"));
    let low = of(least).unwrap_or(0);
    let small = low..=low + 3;
    match (of(most), how) {
        (None, _) => small.boxed(),
        (Some(high), How::Within) => prop_oneof![8 => low..=high.min(low + 3), 1 => Just(high)].boxed(),
        (Some(high), How::Around) => {
            prop_oneof![8 => small, 1 => Just(high), 1 => Just(high + 1), 1 => Just(low.saturating_sub(1))].boxed()
        }
    }
}

/// The value with additional unknown fields in every object that allows them.
pub fn with_unknown_fields(wire: &Wire, schema: &Value, value: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return with_unknown_fields(wire, wire.definition(Wire::referred(reference)), value);
    }
    let union = schema.get("oneOf").or_else(|| schema.get("anyOf"));
    if union.is_some() || schema["additionalProperties"] == false {
        return value.clone();
    }
    match value {
        Value::Object(fields) => {
            let inner = |(name, value): (&String, &Value)| {
                (name.clone(), with_unknown_fields(wire, &schema["properties"][name], value))
            };
            let mut fields: Map<_, _> = fields.iter().map(inner).collect();
            fields.insert("a_field_of_later".to_owned(), json!({"deep": [1, null, "x", {"type": "data"}]}));
            Value::Object(fields)
        }
        Value::Array(items) => items.iter().map(|item| with_unknown_fields(wire, &schema["items"], item)).collect(),
        other => other.clone(),
    }
}
