//! The settings as an operator reads them: one line each, in the form of the file. Never a secret.

use serde_json::Value;

use super::Settings;

impl Settings {
    /// What holds, defaults included: a file of settings, but for the secrets, which are `***`, and what is
    /// not set, which is a comment.
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
