//! Writes the table of the commands in `docs/protocol.md`; the text around it is written by hand.

use std::fmt::Write;

use parlor_protocol::Command;

const PAGE: &str = include_str!("../../../docs/protocol.md");
const HEAD: &str = "| command | weight | lane | rate | by REST |\n| --- | --- | --- | --- | --- |\n";

/// The page with a newly written table.
pub fn page() -> String {
    let (before, rest) = PAGE.split_once(HEAD).expect("the page has a table of the commands");
    let rows: usize = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    let mut page = format!("{before}{HEAD}");
    for kind in Command::KINDS {
        let word = |word: &dyn std::fmt::Debug| format!("{word:?}").to_lowercase();
        let rate = kind.rate.map_or("", |rate| rate.name());
        let twin = kind.rest.map_or(String::new(), |rest| format!("`{rest}`"));
        let (name, weight, lane) = (kind.name, word(&kind.weight), word(&kind.lane));
        writeln!(page, "| `{name}` | {weight} | {lane} | {rate} | {twin} |").expect("a string takes all");
    }
    page + &rest[rows..]
}
