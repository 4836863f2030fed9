//! Reads and checks the golden examples: frames exactly as they are sent, a file for each type, a line for each example.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use parlor_protocol::envelope::{self, CommandFrame, EventFrame};
use parlor_protocol::event::{Notice, Signal};
use parlor_protocol::{CloseCode, Command, ErrorBody, ErrorCode, RoomId, UserFrame, UserId};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::schema::{Kind, Message, Wire, wire};

/// The folder with the sets of examples.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// A set of examples: the lines of each kind and type.
pub type Set = BTreeMap<(String, String), Vec<String>>;

/// Reads the set in this folder.
pub fn read(folder: &Path) -> Set {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let mut set = Set::new();
    for kind in entries(folder) {
        for file in entries(&kind) {
            let words = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
            assert!(file.extension().is_some_and(|end| end == "jsonl"), "{} is no .jsonl", file.display());
            let text = fs::read_to_string(&file).expect("a file of text");
            assert!(text.ends_with('\n'), "{} does not end with a newline", file.display());
            set.insert((words(&kind), words(&file)), text.lines().map(str::to_owned).collect());
        }
    }
    set
}

/// The current set of v1.
pub fn current() -> Set {
    read(&folder().join("v1"))
}

/// The examples of a message.
pub fn lines<'a>(set: &'a Set, message: &Message) -> &'a [String] {
    set.get(&(message.kind.folder().to_owned(), message.name.clone())).map_or(&[], Vec::as_slice)
}

/// Adds an example for each error and close code that has none; their frames have nothing but the code.
pub fn add_codes() {
    #[derive(Deserialize)]
    struct Refusal {
        error: ErrorBody,
    }
    let add = |place: &str, frames: &mut dyn Iterator<Item = (bool, String)>| {
        let path = folder().join("v1").join(place);
        let mut text = fs::read_to_string(&path).expect("the file is there");
        let missing: String = frames.filter(|(is_there, _)| !is_there).map(|(_, frame)| frame + "\n").collect();
        if !missing.is_empty() {
            text.push_str(&missing);
            fs::write(&path, text).expect("the examples can be written");
        }
    };
    let set = current();
    let of = |kind: &str, name: &str| set[&(kind.to_owned(), name.to_owned())].clone();
    let refusals: Vec<ErrorCode> = of("error", "error")
        .iter()
        .map(|line| serde_json::from_str::<Refusal>(line).expect("an error").error.code)
        .collect();
    add(
        "error/error.jsonl",
        &mut ErrorCode::ALL
            .iter()
            .zip(20..)
            .map(|(code, id)| (refusals.contains(code), envelope::error(Some(id), &ErrorBody::new(*code)))),
    );
    let closings = of("notice", "closing").join("\n");
    add(
        "notice/closing.jsonl",
        &mut CloseCode::ALL.iter().filter(|code| **code != CloseCode::Normal).map(|code| {
            let (code, reason) = (code.number(), code.reason().to_owned());
            let frame = envelope::notice(&Notice::Closing { code, reason: reason.clone(), after_ms: None });
            (closings.contains(&format!("\"{reason}\"")), frame)
        }),
    );
}

/// Parses a frame as its receiver does, and writes it again as its sender does.
///
/// # Errors
/// A sentence that says what does not fit.
pub fn rewrite(message: &Message, text: &str) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Reply<'a> {
        id: u64,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Refusal {
        id: Option<u64>,
        error: ErrorBody,
    }
    #[derive(Deserialize)]
    struct OfRoom {
        room: RoomId,
        #[serde(flatten)]
        signal: Signal,
    }
    #[derive(Deserialize)]
    struct OfUser {
        user: UserId,
        #[serde(flatten)]
        frame: UserFrame,
    }
    fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
    match message.kind {
        Kind::Command => {
            let words = |error: ErrorBody| format!("{error:?}");
            let frame = CommandFrame::parse(text).map_err(words)?;
            let mut command = Command::parse(&frame.kind, frame.data()).map_err(words)?;
            command.validate().map_err(words)?;
            let op = frame.op().map_err(words)?;
            if op.is_none() && command.needs_op() {
                return Err("names no operation".to_owned());
            }
            Ok(envelope::command(frame.id.ok_or("has no id")?, op, &command))
        }
        Kind::Reply => {
            let reply: Reply = json(text)?;
            let rewrite = message.command.expect("a reply has its command").rewrite_reply;
            let data = rewrite(reply.data.get()).map_err(|error| error.to_string())?;
            let data = RawValue::from_string(data).expect("it has just been written");
            Ok(envelope::reply(reply.id, &data))
        }
        Kind::Error => json::<Refusal>(text).map(|refusal| envelope::error(refusal.id, &refusal.error)),
        Kind::Event => json::<EventFrame>(text).map(|event| event.encode()),
        Kind::Signal => json::<OfRoom>(text).map(|frame| envelope::signal(frame.room, &frame.signal)),
        Kind::User => json::<OfUser>(text).map(|frame| envelope::user(frame.user, &frame.frame)),
        Kind::Notice => json::<Notice>(text).map(|notice| envelope::notice(&notice)),
        Kind::Pong => {
            let frame = CommandFrame::parse(text).map_err(|error| error.to_string())?;
            assert_eq!((frame.id, &*frame.kind), (None, "pong"));
            Ok(r#"{"type":"pong"}"#.to_owned())
        }
    }
}

/// A validator of one definition.
pub fn validator(wire: &Wire, definition: &str) -> Validator {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(&wire.schema_of(definition))
        .unwrap_or_else(|error| panic!("{definition}: {error}"))
}

/// Walks through a value and its schema together, and notes each field, word and alternative that the value has. A field
/// that the schema does not have is noted as unknown.
struct Walk<'a> {
    wire: &'a Wire,
    /// The validators of the alternatives that were needed before.
    validators: BTreeMap<String, Validator>,
    seen: BTreeSet<String>,
    unknown: Vec<String>,
}

impl Walk<'_> {
    fn walk(&mut self, at: &str, schema: &Value, value: &Value) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = Wire::referred(reference);
            return self.walk(name, self.wire.definition(name), value);
        }
        for (number, alternative) in alternatives(schema).iter().enumerate() {
            let fits = self.validators.entry(alternative.to_string()).or_insert_with(|| {
                let mut whole = alternative.clone();
                whole["$defs"] = self.wire.schema["$defs"].clone();
                jsonschema::validator_for(&whole).expect("a part of a good schema")
            });
            if fits.is_valid(value) {
                self.seen.insert(choice(at, number, alternative));
                self.walk(&choice(at, number, alternative), alternative, value);
            }
        }
        match value {
            Value::Object(fields) if !schema["properties"].is_null() => {
                for (name, value) in fields {
                    let field = format!("{at}.{name}");
                    match schema["properties"].get(name) {
                        Some(schema) => {
                            self.walk(&field, schema, value);
                            self.seen.insert(field);
                        }
                        None => self.unknown.push(field),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.walk(at, &schema["items"], item);
                }
            }
            _ => {}
        }
    }
}

fn alternatives(schema: &Value) -> &[Value] {
    let of = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    of.map_or(&[], Vec::as_slice)
}

fn choice(at: &str, number: usize, alternative: &Value) -> String {
    match (alternative["const"].as_str(), alternative["$ref"].as_str()) {
        (Some(word), _) => format!("{at}={word}"),
        (_, Some(reference)) => format!("{at}={}", Wire::referred(reference)),
        _ => format!("{at}#{number}"),
    }
}

/// Collects everything that the examples must have: each field, word and alternative of each definition.
fn everything(at: &str, schema: &Value, all: &mut BTreeSet<String>) {
    for (number, alternative) in alternatives(schema).iter().enumerate() {
        all.insert(choice(at, number, alternative));
        everything(&choice(at, number, alternative), alternative, all);
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        all.insert(format!("{at}.{name}"));
        everything(&format!("{at}.{name}"), schema, all);
    }
    if let Some(items) = schema.get("items") {
        everything(at, items, all);
    }
}

#[test]
fn every_type_has_an_example_and_every_example_a_type() {
    let (wire, mut set) = (wire(), current());
    for message in &wire.messages {
        let file = format!("protocol/golden/v1/{}/{}.jsonl", message.kind.folder(), message.name);
        let lines = set.remove(&(message.kind.folder().to_owned(), message.name.clone()));
        let count = lines.map_or(0, |lines| lines.len());
        assert!(count > 0, "write an example of {} as a line of {file}", message.definition);
    }
    assert!(set.is_empty(), "examples of no type: {:?}; types are never taken away within v1", set.keys());
}

#[test]
fn every_example_is_the_same_after_reading_and_writing() {
    let (wire, set) = (wire(), current());
    for message in &wire.messages {
        for line in lines(&set, message) {
            assert_eq!(rewrite(message, line).as_ref(), Ok(line), "{} {}", message.kind.folder(), message.name);
        }
    }
}

#[test]
fn every_example_fits_the_schema_and_every_field_and_word_has_an_example() {
    let (wire, set) = (wire(), current());
    let mut walk = Walk { wire: &wire, validators: BTreeMap::new(), seen: BTreeSet::new(), unknown: Vec::new() };
    for message in &wire.messages {
        let validator = validator(&wire, &message.definition);
        for line in lines(&set, message) {
            let value: Value = serde_json::from_str(line).expect("JSON");
            let wrong: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{line}\n{}", wrong.join("\n"));
            walk.walk(&message.definition, wire.definition(&message.definition), &value);
        }
    }
    assert!(walk.unknown.is_empty(), "the schema does not know {:?}", walk.unknown);
    let mut all = BTreeSet::new();
    for (name, schema) in wire.schema["$defs"].as_object().expect("definitions") {
        // The unions of frames add nothing of their own.
        if !name.ends_with("Frame") || schema.get("anyOf").is_none() {
            everything(name, schema, &mut all);
        }
    }
    // No code has this `retry` yet; clients already know what to do with it.
    all.remove("Retry=now");
    let missing: Vec<_> = all.difference(&walk.seen).collect();
    assert!(missing.is_empty(), "no golden example has {missing:#?}");
}

#[test]
fn the_codes_in_the_examples_are_those_of_the_lists() {
    #[derive(Deserialize)]
    struct Refusal {
        error: ErrorBody,
    }
    let set = current();
    let of = |kind: &str, name: &str| set[&(kind.to_owned(), name.to_owned())].clone();
    let mut codes = BTreeSet::new();
    for line in of("error", "error") {
        let Refusal { error } = serde_json::from_str(&line).expect("an error");
        assert_eq!(error.retry, error.code.retry(), "{line}");
        codes.insert(error.code.name());
    }
    assert_eq!(codes, ErrorCode::ALL.iter().map(|code| code.name()).collect());
    let mut closings = BTreeSet::new();
    for line in of("notice", "closing") {
        let Notice::Closing { code, reason, .. } = serde_json::from_str(&line).expect("a notice") else {
            panic!("{line} is no closing");
        };
        closings.insert((code, reason));
    }
    let told = CloseCode::ALL.iter().filter(|code| **code != CloseCode::Normal);
    assert_eq!(closings, told.map(|code| (code.number(), code.reason().to_owned())).collect());
}

#[test]
fn every_released_set_is_read_by_this_version() {
    let wire = wire();
    let released = folder().join("released");
    let versions = fs::read_dir(&released).expect("the folder of released sets");
    for version in versions.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()) {
        for ((kind, name), lines) in read(&version) {
            let message = wire.messages.iter().find(|message| message.kind.folder() == kind && message.name == name);
            let message = message.unwrap_or_else(|| panic!("{}: {kind} {name} is gone", version.display()));
            for line in lines {
                let read = rewrite(message, &line);
                assert!(read.is_ok(), "{}: {line}: {read:?}", version.display());
            }
        }
    }
}
