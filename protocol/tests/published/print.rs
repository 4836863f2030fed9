//! Prints JSON for the documents: always the same text, whatever features serde_json was compiled with.

use serde_json::Value;

/// The fields that come first in an object, in this order; the others follow by name.
const FIRST: [&str; 17] = [
    "$schema",
    "$id",
    "$ref",
    "asyncapi",
    "info",
    "id",
    "op",
    "room",
    "user",
    "epoch",
    "seq",
    "at",
    "type",
    "name",
    "title",
    "summary",
    "description",
];

/// The longest line, in columns, on which a whole value is printed.
const WIDTH: usize = 110;

/// The text, with a newline at its end.
pub fn print(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out.push('\n');
    out
}

/// The value on one line.
pub fn line(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        Value::Object(_) => {
            let fields: Vec<_> =
                fields(value).map(|(name, value)| format!("{}: {}", quoted(name), line(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn fields(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let mut fields: Vec<_> = object.as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(name, _)| (FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()), *name));
    fields.into_iter()
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let short = line(value);
    if short.len() + 2 * depth <= WIDTH || !(value.is_array() || value.is_object()) {
        return out.push_str(&short);
    }
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    out.push(open);
    let named: Vec<(Option<&String>, &Value)> = match value {
        Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
        object => fields(object).map(|(name, value)| (Some(name), value)).collect(),
    };
    for (at, (name, value)) in named.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        indent(out, depth + 1);
        if let Some(name) = name {
            out.push_str(&quoted(name));
            out.push_str(": ");
        }
        write(value, depth + 1, out);
    }
    indent(out, depth);
    out.push(close);
}
