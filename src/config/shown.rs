//! The settings as `parlor config check` shows them: one line each, in the form of the file, without secrets.

use serde_json::Value;

use super::Settings;

impl Settings {
    /// The settings that hold, defaults included, as TOML. Secrets are shown as `***`, and settings without a value as
    /// comments.
    pub fn effective(&self) -> String {
        let mut lines = Vec::new();
        flatten("", &serde_json::to_value(self).expect("settings are plain values"), &mut lines);
        lines.join("\n")
    }
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                flatten(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, lines);
            }
        }
        Value::Null => lines.push(format!("# {path} is not set")),
        // Strings, numbers and lists of them look the same in JSON and in TOML.
        value => lines.push(format!("{path} = {value}")),
    }
}
