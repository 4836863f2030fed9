//! Makes the JSON Schema (2020-12) of everything on the wire from the types of `protocol/src`.
//!
//! The types give the schemas of the data; this file puts them into their envelopes, one definition for each message.

use std::collections::BTreeMap;

use parlor_protocol::describe::CommandType;
use parlor_protocol::envelope::EventFrame;
use parlor_protocol::event::{Event, Notice, Signal};
use parlor_protocol::id::NUMBER_LIMIT;
use parlor_protocol::{Command, ErrorBody, Op, RoomId, UserFrame, UserId};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The kind of frame that a message is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Command,
    Reply,
    Error,
    Event,
    Signal,
    User,
    Notice,
    Pong,
}

impl Kind {
    /// The name of the folder with its golden examples.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Reply => "reply",
            Self::Error => "error",
            Self::Event => "event",
            Self::Signal => "signal",
            Self::User => "user",
            Self::Notice => "notice",
            Self::Pong => "pong",
        }
    }
}

/// A message: a kind of frame with a type on the wire.
#[derive(Clone, Debug)]
pub struct Message {
    pub kind: Kind,
    /// Its type on the wire; a reply has that of its command.
    pub name: String,
    /// The name of its definition in the schema.
    pub definition: String,
    /// Its description.
    pub doc: String,
    /// The name of the definition of its data, if it has any.
    pub data: Option<String>,
    /// If it is a command: the command's description.
    pub command: Option<CommandType>,
}

/// The schema of the whole wire, and its messages.
pub struct Wire {
    /// The JSON Schema document.
    pub schema: Value,
    /// Every message, in the order of the documents.
    pub messages: Vec<Message>,
}

impl Wire {
    /// The definition with this name.
    pub fn definition(&self, name: &str) -> &Value {
        let found = self.schema["$defs"].get(name);
        found.unwrap_or_else(|| panic!("the schema has no definition {name}"))
    }

    /// The name of the definition that a `$ref` points to.
    pub fn referred(reference: &str) -> &str {
        reference.strip_prefix("#/$defs/").expect("references stay within the document")
    }

    /// A schema of one message with everything that it refers to.
    pub fn schema_of(&self, definition: &str) -> Value {
        json!({"$ref": format!("#/$defs/{definition}"), "$defs": self.schema["$defs"]})
    }
}

/// Converts `chat.posted` to `ChatPosted`.
pub fn pascal(name: &str) -> String {
    let words = name.split(['.', '_']);
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

/// The paragraphs of a docstring, each on one line.
pub fn paragraphs(doc: &str) -> Vec<String> {
    let lines: Vec<&str> = doc.lines().map(str::trim).collect();
    let groups = lines.split(|line| line.is_empty()).map(|group| group.join(" "));
    groups.filter(|paragraph| !paragraph.is_empty()).collect()
}

fn reference(definition: &str) -> Value {
    json!({"$ref": format!("#/$defs/{definition}")})
}

/// Makes the schema from the types.
pub fn wire() -> Wire {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut messages = Vec::new();
    let mut replies = Vec::new();
    for command in Command::DESCRIBED {
        let name_of = |schema: schemars::Schema| {
            let reference = schema.get("$ref").and_then(Value::as_str).expect("data types are named types");
            Wire::referred(reference).to_owned()
        };
        let data = name_of((command.data)(&mut generator));
        let reply = name_of((command.reply)(&mut generator));
        let (name, command) = (command.name.to_owned(), Some(*command));
        let doc = paragraphs(command.expect("it is").doc).join("\n\n");
        let definition = pascal(&name) + "Command";
        messages.push(Message { kind: Kind::Command, name: name.clone(), definition, doc, data: Some(data), command });
        let doc = format!("The reply to `{name}`.");
        let definition = pascal(&name) + "Reply";
        replies.push(Message { kind: Kind::Reply, name, definition, doc, data: Some(reply), command });
    }
    messages.append(&mut replies);
    generator.subschema_for::<ErrorBody>();
    generator.subschema_for::<EventFrame>();
    generator.subschema_for::<Event>();
    generator.subschema_for::<Signal>();
    generator.subschema_for::<UserFrame>();
    generator.subschema_for::<Notice>();
    generator.subschema_for::<Op>();
    generator.subschema_for::<RoomId>();
    generator.subschema_for::<UserId>();
    let mut definitions: BTreeMap<String, Value> = generator.take_definitions(true).into_iter().collect();
    definitions.values_mut().for_each(normalise);

    messages.push(Message {
        kind: Kind::Error,
        name: "error".to_owned(),
        definition: "ErrorReply".to_owned(),
        doc: "A command was refused, or a frame could not be read (`id` is null).".to_owned(),
        data: Some("ErrorBody".to_owned()),
        command: None,
    });
    for (kind, tagged, suffix) in [
        (Kind::Event, "Event", "Event"),
        (Kind::Signal, "Signal", "Signal"),
        (Kind::User, "UserFrame", "UserFrame"),
        (Kind::Notice, "Notice", "Notice"),
    ] {
        let tagged = definitions.remove(tagged).expect("it was asked for");
        for variant in tagged["oneOf"].as_array().expect("one schema a variant") {
            let name = variant["properties"]["type"]["const"].as_str().expect("tagged by its type").to_owned();
            let data = variant["properties"].get("data").map(|data| {
                let definition = pascal(&name);
                let mut data = data.clone();
                data["description"] = format!("Data of `{name}`.").into();
                let before = definitions.insert(definition.clone(), data);
                let is_another = before.is_some_and(|before| before != definitions[&definition]);
                assert!(!is_another, "two types are named {definition}");
                definition
            });
            let doc = variant["description"].as_str().unwrap_or_default().to_owned();
            let definition = pascal(&name) + suffix;
            messages.push(Message { kind, name, definition, doc, data, command: None });
        }
    }
    messages.push(Message {
        kind: Kind::Pong,
        name: "pong".to_owned(),
        definition: "PongNotice".to_owned(),
        doc: "The client's answer to `ping`. It has no `id`, and no reply.".to_owned(),
        data: None,
        command: None,
    });

    let event_envelope = definitions.remove("EventFrame").expect("it was asked for")["properties"].clone();
    for message in &messages {
        let frame = in_envelope(message, &definitions, &event_envelope);
        assert!(
            definitions.insert(message.definition.clone(), frame).is_none(),
            "{} is there twice",
            message.definition
        );
    }
    let every = |kinds: &[Kind], description: &str| {
        let of: Vec<_> = messages.iter().filter(|message| kinds.contains(&message.kind)).collect();
        let of: Vec<_> = of.into_iter().map(|message| reference(&message.definition)).collect();
        json!({"description": description, "anyOf": of})
    };
    let unions = [
        ("CommandFrame", every(&[Kind::Command], "Every command of a client; each gets one reply.")),
        ("ReplyFrame", every(&[Kind::Reply, Kind::Error], "The reply to a command, with the same `id`.")),
        ("EventFrame", every(&[Kind::Event], "A sequenced fact of a room; everybody in it gets the same bytes.")),
        (
            "SignalFrame",
            every(&[Kind::Signal], "A frame that may be merged or dropped: the latest counts. It has no `seq`."),
        ),
        ("UserFrame", every(&[Kind::User], "A frame for one user: a hint with the version of what is stored.")),
        ("NoticeFrame", every(&[Kind::Notice], "A frame about the socket itself.")),
        ("ClientFrame", every(&[Kind::Command, Kind::Pong], "Every frame from a client.")),
        (
            "ServerFrame",
            every(
                &[Kind::Reply, Kind::Error, Kind::Event, Kind::Signal, Kind::User, Kind::Notice],
                "Every frame from the server. A client ignores types and fields that it does not know.",
            ),
        ),
    ];
    for (name, union) in unions {
        assert!(definitions.insert(name.to_owned(), union).is_none(), "two types are named {name}");
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:parlor:schema:v1",
        "title": "Parlor, the wire, v1",
        "description": "Every frame of the socket of Parlor (subprotocol parlor.v1.json). Written from the types by \
                        ./parlor schema. Within v1 fields and types are only added: the server ignores fields of \
                        commands that it does not know, and a client ignores fields and types that it does not know; \
                        so no object is closed, unless it holds exactly one of several keys.",
        "anyOf": [reference("ClientFrame"), reference("ServerFrame")],
        "$defs": definitions.into_iter().collect::<Map<_, _>>(),
    });
    Wire { schema, messages }
}

/// The schema of a message's whole frame.
fn in_envelope(message: &Message, definitions: &BTreeMap<String, Value>, event: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut field = |name: &str, schema: Value, is_required: bool| {
        properties.insert(name.to_owned(), schema);
        if is_required {
            required.push(name.to_owned());
        }
    };
    let id = |description: &str| json!({"type": "integer", "minimum": 0, "maximum": NUMBER_LIMIT - 1, "description": description});
    let described = |name: &str, description: &str| {
        let mut schema = reference(name);
        schema["description"] = description.into();
        schema
    };
    match message.kind {
        Kind::Command => {
            field("id", id("The id that the client chose, unique on the socket until it is answered."), true);
            if message.command.is_some_and(|command| command.needs_op) {
                let op = "The operation's id: made once for each tap, kept over retries and reconnects.";
                field("op", described("Op", op), true);
            }
        }
        Kind::Reply => field("id", id("The command's id."), true),
        Kind::Error => {
            let mut id = id("The command's id; null if the frame could not be read.");
            id["type"] = json!(["integer", "null"]);
            field("id", id, true);
            field("error", reference("ErrorBody"), true);
        }
        Kind::Event => {
            for name in ["room", "epoch", "seq", "at"] {
                field(name, event[name].clone(), true);
            }
        }
        Kind::Signal => field("room", described("RoomId", "The room."), true),
        Kind::User => field("user", described("UserId", "The socket's own user, whom it concerns."), true),
        Kind::Notice | Kind::Pong => {}
    }
    if !matches!(message.kind, Kind::Reply | Kind::Error) {
        field("type", json!({"type": "string", "const": message.name}), true);
    }
    if let (Some(data), false) = (&message.data, message.kind == Kind::Error) {
        // A command without data may leave `data` out.
        let may_be_absent = message.kind == Kind::Command && definitions[data].get("required").is_none();
        field("data", reference(data), !may_be_absent);
    }
    json!({"type": "object", "description": message.doc, "properties": properties, "required": required})
}

/// Changes what schemars derives from Rust types to what holds on the wire: numbers that JavaScript reads exactly,
/// absent fields instead of null, and descriptions with one line for each paragraph.
fn normalise(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(object) => {
            if let Some(types) = object.get("type").and_then(Value::as_array) {
                let there: Vec<_> = types.iter().filter(|kind| *kind != "null").cloned().collect();
                if let [only] = &there[..] {
                    object.insert("type".to_owned(), only.clone());
                }
            }
            if let Some(any) = object.get("anyOf").and_then(Value::as_array)
                && let [one, null] = &any[..]
                && null["type"] == "null"
            {
                let one = one.as_object().expect("a schema").clone();
                object.remove("anyOf");
                object.extend(one);
            }
            if object.get("type").is_some_and(|kind| kind == "integer") {
                let format = object.remove("format");
                let limit = match format.as_ref().and_then(Value::as_str) {
                    Some("int32") => i64::from(i32::MAX),
                    Some("uint32") => i64::from(u32::MAX),
                    _ => NUMBER_LIMIT - 1,
                };
                if !object.contains_key("enum") && !object.contains_key("const") {
                    object.entry("minimum").or_insert_with(|| (-limit).into());
                    object.entry("maximum").or_insert_with(|| limit.into());
                }
            }
            if let Some(text) = object.get("description").and_then(Value::as_str) {
                let text = paragraphs(text).join("\n\n");
                object.insert("description".to_owned(), text.into());
            }
            object.remove("default");
            object.values_mut().for_each(normalise);
        }
        _ => {}
    }
}
