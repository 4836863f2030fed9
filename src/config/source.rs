//! Reads profile, file and environment value by value, so that every wrong value is reported and not only the first one
//! that serde meets. The value of a secret never gets into a message.

use std::path::{Path, PathBuf};

use config::{Config, ConfigError, File, FileFormat, Source, Value, ValueKind};

use crate::kit::settings::Table;

/// The prefix of the variables that are settings. Others that begin with `PARLOR_` are not.
const PREFIX: &str = "PARLOR__";

/// One value and where it was set.
struct Leaf {
    /// The name in messages, as its author wrote it: `PARLOR__SERVER__ADDRESS`, or `server.address in parlor.toml`.
    name: String,
    /// The setting's path, as `server.address`.
    path: String,
    value: Value,
}

/// The settings, with defaults where a value is missing or wrong, and a sentence for each value that is wrong.
/// `profile` is TOML.
pub fn read<T: Table>(
    profile: Option<&str>,
    environment: impl IntoIterator<Item = (String, String)>,
    file: Option<PathBuf>,
) -> (T, Vec<String>) {
    let mut problems = Vec::new();
    let mut leaves = Vec::new();
    if let Some(profile) = profile {
        leaves.extend(leaves_of(profile, "the profile").unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        }));
    }
    if let Some(file) = file {
        match read_file(&file) {
            Ok(found) => leaves.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    leaves.extend(read_environment(environment, &mut problems));

    let mut builder = Config::builder();
    for leaf in leaves {
        match check::<T>(&leaf) {
            Ok(()) => {
                builder =
                    builder.set_override(&leaf.path, leaf.value).expect("`check` has just set the same path and value")
            }
            Err(problem) => problems.push(problem),
        }
    }
    let settings = builder.build().and_then(Config::try_deserialize);
    let settings = settings.unwrap_or_else(|error| {
        // Each value is right by itself, but two contradict each other: one is a value, the other a table of that name.
        problems.push(error.to_string());
        T::default()
    });
    (settings, problems)
}

/// Whether this value is right: whether it gives settings together with the defaults alone.
fn check<T: Table>(leaf: &Leaf) -> Result<(), String> {
    let alone = Config::builder().set_override(&leaf.path, leaf.value.clone()).and_then(|builder| builder.build());
    let settings: Result<T, ConfigError> = alone.and_then(Config::try_deserialize);
    settings.map(drop).map_err(|error| {
        let secret = is_secret::<T>(&leaf.path);
        let known = if secret { None } else { expected::<T>(leaf) };
        format!("{}: {}", leaf.name, known.unwrap_or_else(|| words(&innermost(error), secret)))
    })
}

/// What would be right in place of this value, where more is known than the type: a table, or a number within bounds.
fn expected<T: Table>(leaf: &Leaf) -> Option<String> {
    let known = T::known();
    if known.iter().any(|setting| setting.path.strip_prefix(&leaf.path).is_some_and(|rest| rest.starts_with('.'))) {
        return Some(format!("is a table of settings: write `[{}]`, and its settings below it", leaf.path));
    }
    let bounds = known.into_iter().find(|setting| setting.path == leaf.path)?.bounds?;
    let number: i128 = leaf.value.clone().into_string().ok()?.trim().parse().ok()?;
    (!bounds.contains(&number)).then(|| format!("{number} is not between {} and {}", bounds.start(), bounds.end()))
}

fn innermost(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::At { error, .. } => innermost(*error),
        other => other,
    }
}

fn words(error: &ConfigError, secret: bool) -> String {
    match error {
        ConfigError::Type { expected, .. } if secret => format!("is not {expected}"),
        ConfigError::Type { unexpected, expected, .. } => format!("{unexpected} is not {expected}"),
        ConfigError::PathParse { .. } => "there is no setting of this name".to_owned(),
        ConfigError::Message(message) if message.starts_with("unknown field") => {
            let known = message.split_once(", expected").map_or("", |(_, known)| known);
            format!("there is no setting of this name; there is{}", known.replacen(" one of", "", 1))
        }
        _ if secret => "this value cannot be used".to_owned(),
        ConfigError::Message(message) if message == "invalid socket address syntax" => {
            "is not an address and a port, as 127.0.0.1:8080".to_owned()
        }
        other => other.to_string(),
    }
}

/// Whether a value at this path may be a secret. That holds for every path in a table that has a secret, and for the
/// paths above one, because a secret may stand in the wrong place.
fn is_secret<T: Table>(path: &str) -> bool {
    T::known().iter().filter(|setting| setting.secret).any(|setting| {
        let table = setting.path.rsplit_once('.').map_or("", |(table, _)| table);
        path.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            || setting.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
    })
}

fn read_environment(environment: impl IntoIterator<Item = (String, String)>, problems: &mut Vec<String>) -> Vec<Leaf> {
    let mut plain = Vec::new();
    let mut prefixed = Vec::new();
    for (name, value) in environment.into_iter().filter(|(_, value)| !value.is_empty()) {
        let leaf = |path: String| Leaf { name: name.clone(), path, value: Value::new(None, value.clone()) };
        match name.as_str() {
            "DATABASE_URL" => plain.push(leaf("database.url".to_owned())),
            "DATABASE_OWNER_URL" => plain.push(leaf("database.owner_url".to_owned())),
            _ => match name.strip_prefix(PREFIX) {
                Some(rest) => prefixed.push(leaf(rest.to_lowercase().replace("__", "."))),
                // Other names with one underscore may come from elsewhere: Kubernetes sets PARLOR_SERVICE_HOST.
                None if name.starts_with("PARLOR_") && name.contains("__") => {
                    problems.push(format!("{name}: a setting begins with {PREFIX}, with two underscores"));
                }
                None => {}
            },
        }
    }
    // They are sorted by name so that messages come in the same order each time. They come after the plain names, so
    // PARLOR__DATABASE__URL wins over DATABASE_URL.
    prefixed.sort_by(|a, b| a.name.cmp(&b.name));
    plain.extend(prefixed);
    plain
}

fn read_file(path: &Path) -> Result<Vec<Leaf>, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{shown}: cannot be read ({error}); PARLOR_CONFIG names another file"))?;
    leaves_of(&text, &shown.to_string())
}

/// Every value of a TOML text with its path. `shown` names the text in messages.
fn leaves_of(text: &str, shown: &str) -> Result<Vec<Leaf>, String> {
    let table = File::from_str(text, FileFormat::Toml).collect().map_err(|error| {
        // The lines that quote the file are left out because they may hold a password.
        let error = error.to_string();
        let words: Vec<&str> = error.lines().filter(|line| !line.contains('|')).map(str::trim).collect();
        format!("{shown}: {}", words.join(" ").trim())
    })?;
    let mut leaves = Vec::new();
    flatten("", Value::new(None, table), &mut leaves);
    leaves.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(leaves.into_iter().map(|(path, value)| Leaf { name: format!("{path} in {shown}"), path, value }).collect())
}

fn flatten(path: &str, value: Value, leaves: &mut Vec<(String, Value)>) {
    match value.kind {
        ValueKind::Table(table) => {
            for (key, value) in table {
                flatten(&if path.is_empty() { key } else { format!("{path}.{key}") }, value, leaves);
            }
        }
        _ => leaves.push((path.to_owned(), value)),
    }
}
