//! Rules that are checked on the lines of the code.

use super::source::Source;

/// Finds routes that are registered without their description.
pub(super) fn unregistered(source: &Source) -> Vec<String> {
    let is_plain = |line: &str| [".route(", ".nest("].iter().any(|word| line.contains(word));
    if source.place == "router.rs" { Vec::new() } else { source.lines_with(is_plain) }
}

/// Finds log lines in which an id has another name or form. Ids that are numbers are logged as numbers
/// (`room.id = room.number()`), an operation as `%op`.
pub(super) fn misnamed_ids(source: &Source) -> Vec<String> {
    let numbers = ["room.id", "user.id", "connection.id"];
    let other = ["op = ?", " ?op,", " %room,", " %user,", "room_id = %", "user_id = %", "request_id = %"];
    source.lines_with(|line| {
        let as_text = |id: &&str| line.contains(&format!("{id} = %")) || line.contains(&format!("{id} = ?"));
        numbers.iter().any(as_text) || other.iter().any(|field| line.contains(field))
    })
}

/// Finds files that do not begin with `//!`.
pub(super) fn silent(source: &Source) -> Option<String> {
    (!source.text.starts_with("//!")).then(|| format!("{} does not open with //!", source.place))
}

/// Where a test lets real time pass by itself instead of by `support/time.rs`.
pub(super) fn sleeping(source: &Source) -> Vec<String> {
    let is_call = |line: &str, word: &str| {
        line.match_indices(word).any(|(at, _)| {
            // A method of that name is a test clock's: it stops no thread.
            !line[..at].ends_with(|before: char| before.is_alphanumeric() || ['_', '.'].contains(&before))
        })
    };
    let sleeps = |line: &str| is_call(line, "sleep(") || is_call(line, "sleep_until(") || line.contains("::sleep");
    source.lines_with(|line| !source.is_in(&["support/time", "house"]) && sleeps(line))
}
