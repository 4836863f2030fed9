//! Writes the table of the commands in `docs/protocol.md`; the text around it is written by hand.

use std::fmt::{Debug, Write};

use parlor_protocol::{Command, CommandKind};

const PAGE: &str = include_str!("../../../docs/protocol.md");
const HEAD: &str = "| command | weight | lane | rate | by REST |\n| --- | --- | --- | --- | --- |\n";

/// What each word of the table means, for those who read the words in the document of the socket.
pub const WORDS: &[(&str, &str, &str)] = &[
    ("weight", "repeatable", "changes nothing that a repetition would do twice: send it again; it names no `op`"),
    ("weight", "soft", "changes the live state of a room, in memory"),
    ("weight", "hard", "has to outlive the room's memory: it is stored before it is a fact"),
    ("weight", "money", "moves money: the ledger has committed it before it is answered"),
    ("lane", "session", "changes the socket itself: the commands behind it wait until it is answered"),
    ("lane", "room", "is decided by the room in the order in which commands come; others go on meanwhile"),
    ("lane", "store", "is read from the store, beside the room; others go on meanwhile"),
];

/// All that is known of the command of this type.
pub fn kind(name: &str) -> &'static CommandKind {
    let kind = Command::KINDS.iter().find(|kind| kind.name == name);
    kind.unwrap_or_else(|| panic!("there is no command {name}"))
}

/// A weight or a lane as the documents name it.
pub fn word(word: &impl Debug) -> String {
    format!("{word:?}").to_lowercase()
}

/// What a word of the table means.
pub fn meaning(of: &str, word: &str) -> &'static str {
    let found = WORDS.iter().find(|(about, known, _)| (*about, *known) == (of, word));
    found.unwrap_or_else(|| panic!("the {of} `{word}` has no words in WORDS")).2
}

/// The page with a newly written table.
pub fn page() -> String {
    let (before, rest) = PAGE.split_once(HEAD).expect("the page has a table of the commands");
    let rows: usize = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    let mut page = format!("{before}{HEAD}");
    for kind in Command::KINDS {
        let rate = kind.rate.map_or("", |rate| rate.name());
        let twin = kind.rest.map_or(String::new(), |rest| format!("`{rest}`"));
        let (name, weight, lane) = (kind.name, word(&kind.weight), word(&kind.lane));
        writeln!(page, "| `{name}` | {weight} | {lane} | {rate} | {twin} |").expect("a string takes all");
    }
    page + &rest[rows..]
}
