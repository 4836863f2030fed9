//! Writes the page of the socket: static HTML with a section and an anchor for each message.
//!
//! The page loads its own style and a small search script, and works without either.

use std::collections::BTreeSet;
use std::fmt::Write;

use parlor_protocol::id::NUMBER_LIMIT;
use parlor_protocol::{CloseCode, CommandKind, ErrorCode};
use serde_json::{Value, json};

use crate::asyncapi::{limits, meaning_and_advice};
use crate::commands::{self, meaning, word};
use crate::golden::{self, Set};
use crate::schema::{Kind, Message, Wire, paragraphs};

/// The kinds of frames with an example and a description each, as in `docs/protocol.md`.
const ENVELOPES: [(&str, &str, &str); 7] = [
    (
        "command",
        r#"{"id":7,"op":"0199…","type":"chat.send","data":{…}}"#,
        "from the client to the server; with an `op` if it changes something",
    ),
    ("reply", r#"{"id":7,"data":{…}}"#, "each command gets exactly one"),
    (
        "error reply",
        r#"{"id":7,"error":{"code":"seat_taken","retry":"never"}}"#,
        "instead of the reply; `id` is null if the frame could not be read",
    ),
    (
        "event",
        r#"{"room":…,"epoch":…,"seq":…,"at":…,"type":…,"data":{…}}"#,
        "numbered by `seq` without gaps within an epoch; the same bytes for everybody in the room",
    ),
    ("signal", r#"{"room":…,"type":…,"data":{…}}"#, "has no `seq`; may be merged or dropped, the latest one counts"),
    (
        "user frame",
        r#"{"user":…,"type":…,"data":{…}}"#,
        "concerns the socket's own user; a hint with the version of what is stored",
    ),
    ("notice", r#"{"type":"ping"}"#, "concerns the socket itself"),
];

/// The sections of the page, each with its kinds of messages.
const SECTIONS: [(&str, &str, &[Kind], &str); 5] = [
    (
        "commands",
        "Commands",
        &[Kind::Command],
        "Sent by the client. Each command gets one reply or error reply. Unknown fields are ignored.",
    ),
    ("events", "Events", &[Kind::Event], "A client changes what it shows of the room by events alone."),
    ("signals", "Signals", &[Kind::Signal], "The latest one counts."),
    ("user", "User frames", &[Kind::User], "Sent to each socket of the user, whichever room they are in."),
    ("notices", "Notices", &[Kind::Notice, Kind::Pong], "About the socket itself."),
];

/// The page.
pub fn page(wire: &Wire, set: &Set) -> String {
    let mut main = String::new();
    let mut nav = String::from("<li><a href=\"#frames\">Frames</a></li>");
    frames(&mut main);
    for (id, title, kinds, words) in SECTIONS {
        let messages: Vec<_> = wire.messages.iter().filter(|message| kinds.contains(&message.kind)).collect();
        put(&mut nav, format_args!("<li><a href=\"#{id}\">{title}</a><ul>"));
        put(&mut main, format_args!("<h2 id=\"{id}\">{title}</h2>\n<p>{}</p>\n", text(words)));
        for message in messages {
            let anchor = anchor(message);
            put(&mut nav, format_args!("<li><a href=\"#{anchor}\">{}</a></li>", message.name));
            section(wire, set, message, &mut main);
        }
        nav.push_str("</ul></li>");
    }
    types(wire, &mut main, &mut nav);
    errors(&mut main, set, wire);
    closings(&mut main);
    limits_table(&mut main);
    nav.push_str(
        "<li><a href=\"#errors\">Errors</a></li><li><a href=\"#closings\">Close codes</a></li>\
                  <li><a href=\"#limits\">Limits</a></li>",
    );
    let head = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
        <meta name=\"color-scheme\" content=\"light dark\">\n<title>Parlor: the socket</title>\n\
        <link rel=\"stylesheet\" href=\"/docs/socket.css\">\n<script type=\"module\" src=\"/docs/socket.js\"></script>\n\
        </head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n";
    format!(
        "{head}<header>\n<h1>Parlor: the socket</h1>\n<p><code>GET /v1/socket</code>, subprotocol \
         <code>parlor.v1.json</code>. The same as a document: <a href=\"/v1/asyncapi.json\">AsyncAPI 3.0</a>.</p>\n\
         <p class=\"search\" hidden><label for=\"search\">Search</label> <input id=\"search\" type=\"search\" \
         autocomplete=\"off\" spellcheck=\"false\"> <output id=\"found\"></output></p>\n</header>\n<div class=\"columns\">\n\
         <nav aria-label=\"Contents\">\n<ul>{nav}</ul>\n</nav>\n<main id=\"main\">\n{main}</main>\n</div>\n</body>\n</html>\n"
    )
}

fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a string grows");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Escapes prose and marks what is in backticks as code.
fn text(words: &str) -> String {
    let mut out = String::new();
    for (at, part) in escape(words).split('`').enumerate() {
        if at % 2 == 1 { put(&mut out, format_args!("<code>{part}</code>")) } else { out.push_str(part) }
    }
    out
}

fn anchor(message: &Message) -> String {
    format!("{}-{}", message.kind.folder(), message.name)
}

fn frames(out: &mut String) {
    out.push_str(
        "<h2 id=\"frames\">Frames</h2>\n<p>Every frame is one JSON object in a text frame. Ignore fields and types \
                  that you do not know: within v1 they are only added.</p>\n<div class=\"wide\"><table>\n<thead><tr>\
                  <th>kind</th><th>form</th><th></th></tr></thead>\n<tbody>\n",
    );
    for (kind, form, words) in ENVELOPES {
        put(
            out,
            format_args!(
                "<tr><th>{kind}</th><td class=\"form\"><code>{}</code></td><td>{}</td></tr>\n",
                escape(form),
                text(words)
            ),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn section(wire: &Wire, set: &Set, message: &Message, out: &mut String) {
    let anchor = anchor(message);
    put(out, format_args!("<section id=\"{anchor}\">\n<h3><a href=\"#{anchor}\">{}</a>", message.name));
    if message.command.is_some_and(|command| command.needs_op) {
        out.push_str(" <span class=\"badge\">needs <code>op</code></span>");
    }
    out.push_str("</h3>\n");
    for paragraph in paragraphs(&message.doc) {
        put(out, format_args!("<p>{}</p>\n", text(&paragraph)));
    }
    if message.kind == Kind::Command {
        way(commands::kind(&message.name), out);
    }
    if let Some(data) = &message.data {
        fields(wire.definition(data), out);
    }
    examples(golden::lines(set, message), out);
    if message.kind == Kind::Command {
        let of_it = |reply: &&Message| reply.kind == Kind::Reply && reply.name == message.name;
        let reply = wire.messages.iter().find(of_it).expect("each command has its reply");
        let data = reply.data.as_deref().expect("a reply has data");
        put(out, format_args!("<h4 id=\"{}\">Reply: {data}</h4>\n", self::anchor(reply)));
        if let Some(description) = wire.definition(data)["description"].as_str() {
            put(out, format_args!("<p>{}</p>\n", text(description)));
        }
        fields(wire.definition(data), out);
        examples(golden::lines(set, reply), out);
    }
    out.push_str("</section>\n");
}

/// How heavy a command is, which way it takes, how often it may come, and its twin in REST.
fn way(kind: &CommandKind, out: &mut String) {
    out.push_str("<div class=\"wide\"><table>\n<tbody>\n");
    let mut row = |name: &str, word: &str, meaning: &str| {
        put(out, format_args!("<tr><th>{name}</th><td><code>{word}</code></td><td>{}</td></tr>\n", text(meaning)));
    };
    row("weight", &word(&kind.weight), meaning("weight", &word(&kind.weight)));
    row("lane", &word(&kind.lane), meaning("lane", &word(&kind.lane)));
    match kind.rate {
        Some(rate) => {
            let setting =
                format!("counted over all devices of the user and REST; how often: `gateway.{}`", rate.name());
            row("rate", rate.name(), &setting);
        }
        None => row("rate", "none", "not counted"),
    }
    if let Some(rest) = kind.rest {
        let same = "does the same; with the same `op` it is the same operation";
        row("REST", rest, if kind.weight.needs_op() { same } else { "does the same" });
    }
    out.push_str("</tbody></table></div>\n");
}

fn examples(lines: &[String], out: &mut String) {
    let number = lines.len();
    let what = if number == 1 { "Example".to_owned() } else { format!("{number} examples") };
    let long = lines.iter().map(String::len).sum::<usize>() > 900;
    let open = if long { "" } else { " open" };
    put(out, format_args!("<details{open}><summary>{what}</summary>\n"));
    for line in lines {
        put(out, format_args!("<pre dir=\"ltr\"><code>{}</code></pre>\n", escape(line)));
    }
    out.push_str("</details>\n");
}

/// Writes the fields of an object, required ones first, or the alternatives of a choice.
fn fields(schema: &Value, out: &mut String) {
    if let Some(alternatives) = schema["oneOf"].as_array() {
        out.push_str("<div class=\"wide\"><table>\n<thead><tr><th>one of</th><th></th></tr></thead>\n<tbody>\n");
        for alternative in alternatives {
            let words = text(alternative["description"].as_str().unwrap_or_default());
            put(out, format_args!("<tr><td>{}</td><td>{words}</td></tr>\n", shape(alternative)));
        }
        return out.push_str("</tbody></table></div>\n");
    }
    let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
        if schema["type"] == "object" {
            out.push_str("<p>No data.</p>\n");
        } else {
            put(out, format_args!("<p>{}</p>\n", shape(schema)));
        }
        return;
    };
    let is_required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name));
    let mut properties: Vec<_> = properties.iter().collect();
    properties.sort_by_key(|(name, _)| (!is_required(name), *name));
    out.push_str(
        "<div class=\"wide\"><table>\n<thead><tr><th>field</th><th>type</th><th></th></tr></thead>\n<tbody>\n",
    );
    for (name, schema) in properties {
        let optional = if is_required(name) { "" } else { " <span class=\"optional\">may be absent</span>" };
        let words = text(schema["description"].as_str().unwrap_or_default());
        put(
            out,
            format_args!("<tr><th><code>{name}</code>{optional}</th><td>{}</td><td>{words}</td></tr>\n", shape(schema)),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

/// A short description of a type.
fn shape(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = Wire::referred(reference);
        return match name {
            "EventFrame" => "<a href=\"#events\">event</a>".to_owned(),
            name => format!("<a href=\"#type-{name}\">{name}</a>"),
        };
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("<code>{}</code>", escape(&json!(word).to_string()));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> =
            values.iter().map(|value| format!("<code>{}</code>", escape(&value.to_string()))).collect();
        return values.join(", ");
    }
    let of = |name: &str| schema[name].as_i64();
    let sizes = |low: Option<i64>, high: Option<i64>, unit: &str| match (low, high) {
        (Some(low), Some(high)) => format!(", {low} to {high}{unit}"),
        (None, Some(high)) => format!(", at most {high}{unit}"),
        (Some(low), None) => format!(", at least {low}{unit}"),
        (None, None) => String::new(),
    };
    match schema["type"].as_str().unwrap_or_default() {
        "array" => format!("array of {}{}", shape(&schema["items"]), sizes(of("minItems"), of("maxItems"), "")),
        "string" if schema["format"] == "uuid" => "string, a UUID".to_owned(),
        "string" => format!("string{}", sizes(of("minLength"), of("maxLength"), " characters")),
        "integer" => {
            let number = |name: &str| of(name).filter(|number| number.abs() != NUMBER_LIMIT - 1);
            format!("integer{}", sizes(number("minimum"), number("maximum"), ""))
        }
        "object" => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let fields: Vec<_> =
                properties.map(|(name, schema)| format!("<code>{name}</code>: {}", shape(schema))).collect();
            format!("object of {}", fields.join(", "))
        }
        other => other.to_owned(),
    }
}

/// Writes the types that other types refer to.
fn types(wire: &Wire, out: &mut String, nav: &mut String) {
    fn collect(schema: &Value, names: &mut BTreeSet<String>) {
        match schema {
            Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
            Value::Object(object) => {
                if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                    names.insert(Wire::referred(reference).to_owned());
                }
                object.values().for_each(|value| collect(value, names));
            }
            _ => {}
        }
    }
    let is_frame =
        |name: &String| name.ends_with("Frame") || wire.messages.iter().any(|message| message.definition == *name);
    let mut names = BTreeSet::new();
    for (name, schema) in wire.schema["$defs"].as_object().expect("definitions") {
        if !is_frame(name) {
            collect(schema, &mut names);
        }
    }
    names.extend(["Op", "RoomId", "UserId", "ErrorBody"].map(str::to_owned));
    out.push_str("<h2 id=\"types\">Types</h2>\n<p>What the messages share.</p>\n");
    nav.push_str("<li><a href=\"#types\">Types</a><ul>");
    for name in names.iter().filter(|name| !is_frame(name)) {
        let schema = wire.definition(name);
        put(nav, format_args!("<li><a href=\"#type-{name}\">{name}</a></li>"));
        put(out, format_args!("<section id=\"type-{name}\">\n<h3><a href=\"#type-{name}\">{name}</a></h3>\n"));
        for paragraph in paragraphs(schema["description"].as_str().unwrap_or_default()) {
            put(out, format_args!("<p>{}</p>\n", text(&paragraph)));
        }
        if name == "ErrorCode" {
            out.push_str("<p>The words are in the <a href=\"#errors\">list of errors</a>.</p>\n");
        } else {
            fields(schema, out);
        }
        out.push_str("</section>\n");
    }
    nav.push_str("</ul></li>");
}

fn errors(out: &mut String, set: &Set, wire: &Wire) {
    out.push_str("<h2 id=\"errors\">Errors</h2>\n<p>REST and the socket share one list. <code>retry</code> says what to \
                  do with the same <code>op</code>. The form of an error is <a href=\"#type-ErrorBody\">ErrorBody</a>.</p>\n<div class=\"wide\"><table>\n\
                  <thead><tr><th>code</th><th>status</th><th>retry</th><th>meaning</th><th>what to do</th></tr></thead>\n<tbody>\n");
    for code in ErrorCode::ALL {
        let (meaning, advice) = meaning_and_advice(code.doc());
        let (name, status, retry) = (code.name(), code.status(), json!(code.retry()));
        let retry = retry.as_str().expect("a word");
        put(
            out,
            format_args!(
                "<tr id=\"error-{name}\"><th><code>{name}</code></th><td>{status}</td><td><code>{retry}</code></td><td>{}</td>\
                 <td>{}</td></tr>\n",
                text(&meaning),
                text(&advice)
            ),
        );
    }
    out.push_str("</tbody></table></div>\n");
    let error = wire.messages.iter().find(|message| message.kind == Kind::Error).expect("there is one");
    examples(golden::lines(set, error), out);
}

fn closings(out: &mut String) {
    out.push_str("<h2 id=\"closings\">Close codes</h2>\n<p>A <a href=\"#notice-closing\">closing</a> notice with the \
                  same code comes before the close frame. After 4000 to 4499 come back and resume; after 4500 and above do \
                  not.</p>\n\
                  <div class=\"wide\"><table>\n<thead><tr><th>code</th><th>reason</th><th>meaning</th><th>what to do</th></tr>\
                  </thead>\n<tbody>\n");
    for code in CloseCode::ALL {
        let (meaning, advice) = meaning_and_advice(code.doc());
        let (number, reason) = (code.number(), code.reason());
        put(
            out,
            format_args!(
                "<tr id=\"close-{number}\"><th>{number}</th><td><code>{reason}</code></td><td>{}</td><td>{}</td></tr>\n",
                text(&meaning),
                text(&advice)
            ),
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn limits_table(out: &mut String) {
    out.push_str(
        "<h2 id=\"limits\">Limits</h2>\n<p>Those that are settings are announced in the reply to \
                  <a href=\"#command-connect\">connect</a>.</p>\n<div class=\"wide\"><table>\n<tbody>\n",
    );
    for (name, value, meaning) in limits() {
        put(out, format_args!("<tr><th><code>{name}</code></th><td>{value}</td><td>{}</td></tr>\n", text(meaning)));
    }
    out.push_str("</tbody></table></div>\n");
}
