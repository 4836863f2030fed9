//! Properties of every message, tested with arbitrary values.

use std::borrow::Cow;
use std::sync::LazyLock;

use jsonschema::Validator;
use parlor_protocol::Command;
use parlor_protocol::envelope::CommandFrame;
use parlor_protocol::text::Rule;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::Value;

use crate::arbitrary::{How, values, with_unknown_fields};
use crate::golden::{rewrite, validator};
use crate::schema::{Kind, Message, Wire, wire};

static WIRE: LazyLock<Wire> = LazyLock::new(wire);

/// Tests a property with many values of each message.
fn each(
    cases: u32,
    how: How,
    is_meant: impl Fn(&Message) -> bool,
    ask: impl Fn(&Message, &Validator, Value) -> Result<(), TestCaseError>,
) {
    for message in WIRE.messages.iter().filter(|message| is_meant(message)) {
        let validator = validator(&WIRE, &message.definition);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let of_it = values(&WIRE, WIRE.definition(&message.definition), how);
        let asked = TestRunner::new(config).run(&of_it, |value| ask(message, &validator, each_room_once(value)));
        asked.unwrap_or_else(|error| panic!("{}: {error}", message.definition));
    }
}

/// The value without a second join of the same room, which is the one rule that a schema cannot express.
fn each_room_once(mut value: Value) -> Value {
    if let Some(joins) = value.pointer_mut("/data/joins").and_then(Value::as_array_mut) {
        let mut rooms = Vec::new();
        joins.retain(|join| {
            let room = join.get("room").cloned();
            let is_new = room.is_none() || !rooms.contains(&room);
            rooms.push(room);
            is_new
        });
    }
    value
}

/// One line as the rules of texts leave it.
fn tidy(text: &str) -> Result<Cow<'_, str>, String> {
    Rule::line(usize::MAX).or_nothing().apply(text)
}

/// Several lines as the rules of texts leave them.
fn lines(text: &str) -> Result<Cow<'_, str>, String> {
    Rule::lines(usize::MAX).or_nothing().apply(text)
}

/// Whether two values are equal, if an absent field equals the value that its absence means.
fn is_the_same_but_for_absence(one: &Value, other: &Value) -> bool {
    let is_blank = |value: &Value| {
        let is_none = |text: Result<Cow<'_, str>, String>| text.is_ok_and(|text| text.is_empty());
        value.as_str().is_some_and(|text| is_none(tidy(text)) || is_none(lines(text)))
    };
    let is_absence = |value: &Value| *value == false || is_blank(value) || value.as_array().is_some_and(Vec::is_empty);
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let fits = |name: &String, value: &Value, other: Option<&Value>| {
                other.map_or_else(
                    || is_absence(value) || (name == "data" && *value == Value::Object(Default::default())),
                    |other| is_the_same_but_for_absence(value, other),
                )
            };
            one.iter().all(|(name, value)| fits(name, value, other.get(name)))
                && other.iter().all(|(name, value)| fits(name, value, one.get(name)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_the_same_but_for_absence(one, other))
        }
        (Value::String(one), Value::String(other)) => {
            one == other || tidy(one) == tidy(other) || lines(one) == lines(other)
        }
        (one, other) => one == other,
    }
}

#[test]
fn a_value_of_the_schema_is_the_same_after_reading_and_writing() {
    each(
        32,
        How::Within,
        |_| true,
        |message, validator, value| {
            let text = value.to_string();
            let written = rewrite(message, &text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
            let again: Value = serde_json::from_str(&written).expect("what is written is JSON");
            prop_assert!(validator.is_valid(&again), "{}", written);
            prop_assert!(is_the_same_but_for_absence(&value, &again), "{}\n{}", text, written);
            let twice = rewrite(message, &written);
            prop_assert_eq!(twice.as_ref(), Ok(&written));
            Ok(())
        },
    );
}

#[test]
fn a_command_is_accepted_exactly_when_the_schema_accepts_it() {
    each(
        192,
        How::Around,
        |message| message.kind == Kind::Command,
        |message, validator, value| {
            let text = value.to_string();
            let (taken, allowed) = (rewrite(message, &text), validator.is_valid(&value));
            prop_assert_eq!(taken.is_ok(), allowed, "{} {:?}", text, taken);
            Ok(())
        },
    );
}

#[test]
fn unknown_fields_are_ignored_by_both_sides() {
    each(
        16,
        How::Within,
        |message| message.kind != Kind::Pong,
        |message, validator, value| {
            let more = with_unknown_fields(&WIRE, WIRE.definition(&message.definition), &value);
            prop_assert!(validator.is_valid(&more), "{}", more);
            prop_assert_eq!(rewrite(message, &more.to_string()), rewrite(message, &value.to_string()));
            Ok(())
        },
    );
}

#[test]
fn a_damaged_frame_never_panics() {
    for message in &WIRE.messages {
        let damaged = (values(&WIRE, WIRE.definition(&message.definition), How::Around), any::<(u16, u16, u8, u8)>());
        let config = Config { cases: 32, failure_persistence: None, ..Config::default() };
        let asked = TestRunner::new(config).run(&damaged, |(value, (at, length, how, byte))| {
            let mut bytes = value.to_string().into_bytes();
            let at = usize::from(at) % bytes.len();
            match how % 4 {
                0 => bytes.truncate(at),
                1 => bytes[at] = byte,
                2 => bytes.insert(at, byte),
                _ => drop(bytes.drain(at..(at + usize::from(length)).min(bytes.len()))),
            }
            let text = String::from_utf8_lossy(&bytes);
            if let Ok(frame) = CommandFrame::parse(&text) {
                let _ = (frame.op(), Command::parse(&frame.kind, frame.data()));
            }
            if message.kind != Kind::Pong {
                let _ = rewrite(message, &text);
            }
            Ok(())
        });
        asked.unwrap_or_else(|error| panic!("{}: {error}", message.definition));
    }
}

#[test]
fn a_number_of_2_to_the_53_is_refused_and_the_one_before_it_is_exact() {
    let send = |id: &str, room: &str, after: &str| {
        let text = format!(r#"{{"id":{id},"type":"gift.list","data":{{"room":{room},"after":{after}}}}}"#);
        let message = WIRE.messages.iter().find(|message| message.name == "gift.list").expect("the command");
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        rewrite(message, &text).map(|written| assert_eq!(exact(value(&written)), exact(value(&text)))).is_ok()
    };
    let (last, beyond) = ("9007199254740991", "9007199254740992");
    assert!(send(last, last, last));
    assert!(!send(beyond, last, last) && !send(last, beyond, last) && !send(last, last, beyond));
    assert!(!send("-1", last, "0") && !send("1", last, "-1") && !send("1.5", last, "0") && !send("1", last, "0.5"));
    // JSON Schema calls these integers.
    assert!(send("1.0", last, "0") && send("1", "1e3", "0.0") && send("9007199254740991.0", "1", "0"));
    assert!(!send("9007199254740992.0", "1", "0"));
}

/// The value with each number as a float, which is exact below 2^53.
fn exact(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, exact(value))).collect(),
        other => other,
    }
}
