//! Checks docs/contributing.md: the code that it quotes is real, and what it declares in one place is only there.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Collects every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_quoted_code_is_in_the_file_that_the_page_names() {
    let page = fs::read_to_string(root().join("docs/contributing.md")).expect("the page");
    let mut quotes = 0;
    for (at, part) in page.split("```rust\n").enumerate().skip(1) {
        let quote = part.split_once("```").expect("a quote ends").0;
        let before = page.split("```rust\n").nth(at - 1).expect("something stands before");
        let line = before.trim_end().lines().next_back().expect("the file is named before the quote");
        let file = line.rsplit('`').nth(1).unwrap_or_else(|| panic!("no file is named in: {line}"));
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(quote), "{file} has no such lines any more:\n{quote}");
        quotes += 1;
    }
    assert!(quotes >= 3, "{quotes} worked examples");
}

#[test]
fn only_the_table_of_rights_compares_a_user_with_the_owner() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    // The ledger compares owners of rows with each other, which decides about no right.
    let in_folder = |file: &Path| file.iter().any(|part| part == "tests" || part == "economy");
    let compares = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        ["owner.id ==", "owner.id !=", "== owner", "!= owner", "owner ==", "owner !="]
            .iter()
            .any(|form| code.contains(form))
            || (code.contains("owner.id")
                && ["== self.", "!= self.", "== &self."].iter().any(|form| code.contains(form)))
    };
    let found: Vec<_> = files
        .iter()
        .filter(|file| !file.ends_with("room/state/rights.rs") && !in_folder(file))
        .flat_map(|file| {
            let text = fs::read_to_string(file).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            code.lines()
                .filter(|line| compares(line))
                .map(|line| format!("{}: {line}", file.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(found.is_empty(), "ask rights::may instead:\n{}", found.join("\n"));
}
