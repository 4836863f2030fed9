//! `docs/limits.md` names settings and tests that exist, and each bound names a test.

use std::fs;
use std::path::Path;

use super::source::{assert_none, sources};

/// A row of the tables: where it stands, and its columns.
fn rows(text: &str) -> Vec<(usize, Vec<&str>)> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.starts_with("| "));
    let columns = lines.map(|(at, line)| (at + 1, line.trim_matches('|').split(" | ").map(str::trim).collect()));
    columns.filter(|(_, columns): &(usize, Vec<&str>)| columns[0] != "what" && !columns[0].starts_with("---")).collect()
}

/// What stands in backticks in a column.
fn named(column: &str) -> impl Iterator<Item = &str> {
    column.split('`').skip(1).step_by(2)
}

/// Whether there is a test of this path, as `wire::flood::its_name` or `gateway::strangers::tests::its_name`.
fn exists(test: &str, files: &[(String, String)]) -> bool {
    let Some((modules, name)) = test.rsplit_once("::") else { return false };
    let inside = modules.trim_end_matches("::tests").replace("::", "/");
    let places = [format!("{inside}.rs"), format!("{inside}/mod.rs"), format!("{}.rs", modules.replace("::", "/"))];
    let declared = format!("fn {name}(");
    files.iter().any(|(path, text)| {
        let is_there = places.iter().any(|place| path.ends_with(&format!("/{place}")));
        is_there && text.contains(&declared)
    })
}

fn mistakes(limits: &str, settings: &str, files: &[(String, String)]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (line, columns) in rows(limits) {
        let [what, _, _, setting, tests] = columns[..] else {
            mistakes.push(format!("line {line}: a row has five columns: what, who, bound, setting, test"));
            continue;
        };
        for setting in named(setting).filter(|setting| !settings.contains(&format!("| `{setting}` |"))) {
            mistakes.push(format!("line {line}, {what}: there is no setting `{setting}`"));
        }
        if named(tests).next().is_none() {
            mistakes.push(format!("line {line}, {what}: no test shows it"));
        }
        for test in named(tests).filter(|test| !exists(test, files)) {
            mistakes.push(format!("line {line}, {what}: there is no test `{test}`"));
        }
    }
    mistakes
}

fn files() -> Vec<(String, String)> {
    let all = ["src", "tests", "protocol/src", "protocol/tests"].into_iter().flat_map(|folder| sources(folder, "rs"));
    all.map(|source| (format!("/{}", source.place), source.text)).collect()
}

#[test]
fn each_limit_names_a_setting_and_a_test_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = |name: &str| fs::read_to_string(root.join("docs").join(name)).expect("a page of the documents");
    let limits = page("limits.md");
    assert!(rows(&limits).len() > 20, "the tables are read");
    assert_none(mistakes(&limits, &page("settings.md"), &files()));
}

#[test]
fn a_row_that_names_what_does_not_exist_is_found() {
    let settings = "| `gateway.chat` | 5 |\n";
    let files = [("/tests/wire/flood.rs".to_owned(), "async fn it_is_slowed() {".to_owned())];
    let row = |setting: &str, test: &str| {
        format!("| what | who | bound | setting | test |\n| --- |\n| lines | user | 5 | {setting} | {test} |\n")
    };
    assert!(mistakes(&row("`gateway.chat`", "`wire::flood::it_is_slowed`"), settings, &files).is_empty());
    for (setting, test) in [
        ("`gateway.chats`", "`wire::flood::it_is_slowed`"),
        ("`gateway.chat`", "`wire::flood::it_is_closed`"),
        ("`gateway.chat`", "`wire::frames::it_is_slowed`"),
        ("`gateway.chat`", "–"),
    ] {
        assert_eq!(mistakes(&row(setting, test), settings, &files).len(), 1, "{setting} {test}");
    }
}
