//! Every file that reads a clock stands in `docs/clocks.md` with that clock, and nothing else stands there.

use std::collections::BTreeSet;

use super::source::Source;

/// A clock's name in the document, and what of the code reads it.
const CLOCKS: [(&str, &[&str]); 4] = [
    (
        "database",
        &[
            "clock_timestamp()",
            "statement_timestamp()",
            "transaction_timestamp()",
            "current_timestamp",
            "localtimestamp",
        ],
    ),
    ("wall", &["Timestamp", " Clock::system", "edge.now()", "ports.now()", "clock().now()"]),
    ("boot", &["BootClock", "BootTime"]),
    ("monotonic", &["Instant::now", ".elapsed()"]),
];

/// A file and the clock that it reads.
type Reads = (String, &'static str);

/// The clocks that these files read. The port of the clocks and tests are left out, and so is a column's default, which
/// compares nothing.
pub(super) fn read(sources: &[Source]) -> BTreeSet<Reads> {
    let mut found = BTreeSet::new();
    for source in sources.iter().filter(|source| !source.is_in(&["kit/clock"]) && !source.place.contains("tests")) {
        let code = source.text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines =
            || code.lines().filter(|line| !line.trim_start().starts_with("//") && !line.trim_start().starts_with("--"));
        for (clock, words) in CLOCKS {
            let is_read = |line: &str| {
                words.iter().any(|word| {
                    line.match_indices(word).any(|(at, _)| {
                        let is_default = line[..at].trim_end().ends_with("default");
                        // `PgTimestamp` and the like are other words.
                        let is_part = line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
                        !(is_default || is_part || line.contains("jiff::") && *word == "Timestamp")
                    })
                })
            };
            if lines().any(is_read) {
                found.insert((source.place.clone(), clock));
            }
        }
    }
    found
}

/// The files and clocks of the document's tables: each row has places in its first column and a clock in its second.
fn listed(document: &str) -> BTreeSet<Reads> {
    let mut listed = BTreeSet::new();
    for row in document.lines().filter(|line| line.starts_with("| `")) {
        let mut columns = row.trim_matches('|').split('|');
        let (places, clock) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default().trim());
        let Some((clock, _)) = CLOCKS.iter().find(|(name, _)| *name == clock) else { continue };
        for place in places.split('`').skip(1).step_by(2) {
            listed.insert((place.to_owned(), *clock));
        }
    }
    listed
}

/// What of the code is not in the document, and what of the document is not in the code.
pub(super) fn breaches(sources: &[Source], document: &str) -> Vec<String> {
    let (read, listed) = (read(sources), listed(document));
    let missing = read.difference(&listed).map(|(place, clock)| {
        format!("{place} reads the {clock} clock: add it to docs/clocks.md with what it compares and what a step does")
    });
    let idle = listed.difference(&read).map(|(place, clock)| format!("docs/clocks.md: {place} reads no {clock} clock"));
    missing.chain(idle).collect()
}
