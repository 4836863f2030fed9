//! Writes the AsyncAPI 3.0 document of the socket.

use parlor_protocol::{CloseCode, ErrorCode, RateClass, SUBPROTOCOL, limit};
use serde_json::{Map, Value, json};

use crate::commands;
use crate::golden::{self, Set};
use crate::schema::{Kind, Message, Wire, paragraphs};

const DESCRIPTION: &str = "\
A device has one socket: `GET /v1/socket`, subprotocol `parlor.v1.json`, text frames. The first frame is `connect`, \
within 10 s. Each command gets one reply with its `id`: the reply of its type, or an `ErrorReply`. Every socket in a \
room gets the room's events, which are numbered by `seq` without gaps. Signals may be dropped. User frames concern the \
socket's own user, and notices the socket itself.\n\n\
A client changes what it shows of a room by events alone. It keeps a position `{epoch, seq, gift_no}` and sends it when \
it comes back; then it gets either all missed events or a snapshot. A command that changes something carries an `op`; \
sent again with the same `op` it takes effect once.\n\n\
Within v1, fields, types and codes are only added. Ignore fields and types that you do not know, and handle a code that \
you do not know by its `retry`.\n\n\
Each command has four fields: `x-weight` is what it changes, `x-lane` what its reply waits for, `x-rate` the rate of \
its user by which it is counted (null: none), and `x-rest` the operation of REST that does the same. `x-command-words` \
explains the values.";

/// The group of the document to which a message belongs.
pub fn group(message: &Message) -> &'static str {
    match message.kind {
        Kind::Command | Kind::Reply => match message.name.split('.').next() {
            Some("room" | "admin" | "ownership") => "rooms",
            Some("seat" | "mic" | "hand" | "invitation") => "seats",
            Some("chat") => "chat",
            Some("gift") => "gifts",
            Some("people") => "people",
            Some("voice") => "voice",
            _ => "session",
        },
        Kind::Error => "errors",
        Kind::Event => "events",
        Kind::Signal => "signals",
        Kind::User => "user frames",
        Kind::Notice | Kind::Pong => "session",
    }
}

/// The limits by name, each with its value and a description.
pub fn limits() -> Vec<(&'static str, u64, &'static str)> {
    let count = |number: usize| u64::try_from(number).expect("a limit is small");
    vec![
        ("connect_ms", limit::CONNECT_MS, "milliseconds after the handshake within which `connect` must arrive"),
        (
            "expiring_ms",
            limit::EXPIRING_MS,
            "milliseconds before its token expires at which a socket is told to refresh its session",
        ),
        ("ping_ms", limit::PING_MS, "milliseconds between the server's pings, with a tenth of jitter (a setting)"),
        (
            "silence_ms",
            limit::SILENCE_MS,
            "milliseconds without a frame after which either side closes the socket (a setting)",
        ),
        ("message_bytes", count(limit::MESSAGE_BYTES), "bytes of one message from a client (a setting)"),
        ("unanswered_commands", count(limit::UNANSWERED_COMMANDS), "unanswered commands of one socket (a setting)"),
        ("unreadable_frames", limit::UNREADABLE_FRAMES.into(), "unreadable frames in a row that close the socket"),
        ("text_chars", count(limit::TEXT_CHARS), "characters of a chat line"),
        ("reason_chars", count(limit::REASON_CHARS), "characters of a reason given with a kick"),
        ("connect_joins", count(limit::CONNECT_JOINS), "rooms in the `joins` of one `connect`"),
        ("gift_receivers", count(limit::GIFT_RECEIVERS), "receivers of one gift operation"),
        ("gift_page", count(limit::GIFT_PAGE), "gifts of one page"),
        ("people_page", count(limit::PEOPLE_PAGE), "people of one page"),
        ("chat_lines", count(limit::CHAT_LINES), "chat lines of a snapshot"),
    ]
}

/// The document.
pub fn document(wire: &Wire, set: &Set) -> Value {
    let mut schemas = wire.schema["$defs"].clone();
    move_references(&mut schemas);
    let messages: Map<_, _> =
        wire.messages.iter().map(|message| (message.definition.clone(), message_object(message, set))).collect();
    let on_channel: Map<_, _> = wire
        .messages
        .iter()
        .map(|message| {
            let name = &message.definition;
            (name.clone(), json!({"$ref": format!("#/components/messages/{name}")}))
        })
        .collect();
    let operations: Map<_, _> = wire.messages.iter().filter_map(operation).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parlor: the socket",
            "version": "1",
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "dev": {
                "host": "127.0.0.1:8080",
                "protocol": "ws",
                "description": "The address of `parlor dev`; behind a proxy with TLS the protocol is `wss`.",
            }
        },
        "channels": {
            "socket": {
                "address": "/v1/socket",
                "title": "The socket",
                "description": "A device has one socket. The server closes it with a code of `x-close-codes`.",
                "messages": on_channel,
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "headers": {
                            "type": "object",
                            "properties": {"Sec-WebSocket-Protocol": {"type": "string", "const": SUBPROTOCOL}},
                        },
                        "bindingVersion": "0.1.0",
                    }
                },
            }
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token of `POST /v1/auth/login`, as `token` in the data of `connect`, the \
                                    first frame, or as the header `Authorization: Bearer` of the handshake. Never put it \
                                    into the address or a subprotocol, which are logged.",
                },
                "roomToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The token of `POST /v1/rooms/{room}/token`, as `token` in the data of `room.join`.",
                },
            },
        },
        "x-close-codes": close_codes(),
        "x-error-codes": error_codes(),
        "x-command-words": commands::WORDS
            .iter()
            .map(|(of, word, meaning)| json!({"of": of, "word": word, "meaning": meaning}))
            .collect::<Vec<_>>(),
        "x-limits": limits()
            .into_iter()
            .map(|(name, value, meaning)| json!({"name": name, "value": value, "meaning": meaning}))
            .collect::<Vec<_>>(),
    })
}

fn message_object(message: &Message, set: &Set) -> Value {
    let summary = paragraphs(&message.doc).first().cloned().unwrap_or_default();
    let examples: Vec<_> = golden::lines(set, message)
        .iter()
        .map(|line| json!({"payload": serde_json::from_str::<Value>(line).expect("golden examples are JSON")}))
        .collect();
    let mut object = json!({
        "name": message.definition,
        "title": title(message),
        "summary": summary,
        "description": message.doc,
        "tags": [{"name": group(message)}],
        "payload": {"$ref": format!("#/components/schemas/{}", message.definition)},
        "examples": examples,
    });
    if matches!(message.kind, Kind::Command | Kind::Reply | Kind::Error) {
        object["correlationId"] = json!({"description": "The command's id.", "location": "$message.payload#/id"});
    }
    object
}

/// A message's title for people.
pub fn title(message: &Message) -> String {
    match message.kind {
        Kind::Reply => format!("reply to {}", message.name),
        Kind::Error => "error reply".to_owned(),
        _ => message.name.clone(),
    }
}

/// The operation of a message, seen from the server: it receives commands and sends everything else. A reply has none,
/// because it belongs to the operation of its command.
fn operation(message: &Message) -> Option<(String, Value)> {
    let on_channel = |definition: &str| json!({"$ref": format!("#/channels/socket/messages/{definition}")});
    let channel = json!({"$ref": "#/channels/socket"});
    let action = match message.kind {
        Kind::Reply | Kind::Error => return None,
        Kind::Command | Kind::Pong => "receive",
        Kind::Event | Kind::Signal | Kind::User | Kind::Notice => "send",
    };
    let mut operation = json!({
        "action": action,
        "channel": channel,
        "title": title(message),
        "summary": paragraphs(&message.doc).first(),
        "tags": [{"name": group(message)}],
        "messages": [on_channel(&message.definition)],
    });
    if message.kind == Kind::Command {
        let kind = commands::kind(&message.name);
        operation["x-weight"] = commands::word(&kind.weight).into();
        operation["x-lane"] = commands::word(&kind.lane).into();
        operation["x-rate"] = json!(kind.rate.map(RateClass::name));
        operation["x-rest"] = json!(kind.rest);
        let reply = message.definition.replace("Command", "Reply");
        operation["reply"] = json!({"channel": channel, "messages": [on_channel(&reply), on_channel("ErrorReply")]});
        let scheme = match &*message.name {
            "connect" | "session.refresh" => Some("accessToken"),
            "room.join" => Some("roomToken"),
            _ => None,
        };
        if let Some(scheme) = scheme {
            operation["security"] = json!([{"$ref": format!("#/components/securitySchemes/{scheme}")}]);
        }
    }
    Some((message.definition.clone(), operation))
}

/// The first paragraph of a docstring, and the others together.
pub fn meaning_and_advice(doc: &str) -> (String, String) {
    let mut paragraphs = paragraphs(doc);
    let rest = paragraphs.split_off(1.min(paragraphs.len()));
    (paragraphs.pop().unwrap_or_default(), rest.join(" "))
}

fn close_codes() -> Vec<Value> {
    let describe = |code: &CloseCode| {
        let (meaning, advice) = meaning_and_advice(code.doc());
        let comes_back = (4000..4500).contains(&code.number());
        json!({
            "code": code.number(), "reason": code.reason(), "come_back": comes_back, "meaning": meaning,
            "what_to_do": advice,
        })
    };
    CloseCode::ALL.iter().map(describe).collect()
}

fn error_codes() -> Vec<Value> {
    let describe = |code: &ErrorCode| {
        let (meaning, advice) = meaning_and_advice(code.doc());
        json!({
            "code": code.name(), "status": code.status(), "retry": code.retry(), "meaning": meaning,
            "what_to_do": advice,
        })
    };
    ErrorCode::ALL.iter().map(describe).collect()
}

fn move_references(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(move_references),
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                let moved = format!("#/components/schemas/{}", Wire::referred(reference));
                object.insert("$ref".to_owned(), moved.into());
            }
            object.values_mut().for_each(move_references);
        }
        _ => {}
    }
}
