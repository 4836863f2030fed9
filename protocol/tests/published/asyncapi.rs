//! The AsyncAPI 3.0 document of the socket, from the same messages, lists and examples.

use parlor_protocol::{CloseCode, ErrorCode, SUBPROTOCOL, limit};
use serde_json::{Map, Value, json};

use crate::golden::{self, Set};
use crate::schema::{Kind, Message, Wire, paragraphs};

const DESCRIPTION: &str = "\
One socket a device: `GET /v1/socket`, subprotocol `parlor.v1.json`, text frames. The first frame is `connect`, within \
10 s. Each command is answered by one reply with its `id`: of its own type, or an `ErrorReply`. Events come to every \
socket in a room, numbered by `seq` without holes; signals may be dropped; user frames and notices concern the socket's \
own user and the socket itself.\n\n\
A client changes its picture of a room by events alone, keeps a position `{epoch, seq, gift_no}`, and brings it when it \
comes back: then it gets all missed events, or a snapshot. What changes something carries an `op`, and sent again with \
the same `op` takes effect once.\n\n\
Within v1 fields, types and codes are only added: ignore fields and types that you do not know, and treat a code that \
you do not know by its `retry`.";

/// The group that a message is shown in.
pub fn group(message: &Message) -> &'static str {
    match message.kind {
        Kind::Command | Kind::Reply => match message.name.split('.').next() {
            Some("room") => "rooms",
            Some("seat") => "seats",
            Some("chat") => "chat",
            Some("gift") => "gifts",
            Some("people") => "people",
            _ => "session",
        },
        Kind::Error => "errors",
        Kind::Event => "events",
        Kind::Signal => "signals",
        Kind::User => "user frames",
        Kind::Notice | Kind::Pong => "session",
    }
}

/// The limits, by name.
pub fn limits() -> Vec<(&'static str, u64, &'static str)> {
    let count = |number: usize| u64::try_from(number).expect("a limit is small");
    vec![
        ("connect_ms", limit::CONNECT_MS, "milliseconds after the handshake within which `connect` has to come"),
        (
            "expiring_ms",
            limit::EXPIRING_MS,
            "milliseconds before the end of its token at which a socket is asked to refresh",
        ),
        ("ping_ms", limit::PING_MS, "milliseconds between the server's pings, with a tenth of jitter (a setting)"),
        (
            "silence_ms",
            limit::SILENCE_MS,
            "milliseconds of silence after which either side ends the socket (a setting)",
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
                "description": "What `parlor dev` listens at; behind a proxy with TLS it is `wss`.",
            }
        },
        "channels": {
            "socket": {
                "address": "/v1/socket",
                "title": "The socket",
                "description": "One a device. The server closes it with a code of `x-close-codes`.",
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
                                    first frame, or as `Authorization: Bearer` with the handshake: never in the address \
                                    or in a subprotocol, both of which are logged.",
                },
                "roomToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The room token of `POST /v1/rooms/{room}/token`, as `token` in the data of `room.join`.",
                },
            },
        },
        "x-close-codes": close_codes(),
        "x-error-codes": error_codes(),
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
        object["correlationId"] = json!({"description": "The command's number.", "location": "$message.payload#/id"});
    }
    object
}

/// What a message is called where people read.
pub fn title(message: &Message) -> String {
    match message.kind {
        Kind::Reply => format!("reply to {}", message.name),
        Kind::Error => "error reply".to_owned(),
        _ => message.name.clone(),
    }
}

/// Seen from the server: it receives commands and sends the rest. Replies belong to their command.
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

/// A docstring's first paragraph, and the rest.
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
