//! The script `parlor`: what it says where something cannot be installed. Its functions are read into a shell
//! in which the machine lacks what the test says.

use std::process::Command;

/// Runs this behind the script's functions and gives what was said, with the exit code.
fn bash(lines: &str) -> (Option<i32>, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/parlor");
    let lines = format!(". '{script}'\n{lines}");
    let mut shell = Command::new("bash");
    shell.args(["-c", &lines]).env_remove("DATABASE_URL").env_remove("DATABASE_OWNER_URL");
    let output = shell.output().expect("bash is there");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

const NO_POSTGRESQL: &str = "postgres_bin() { return 1; }\n";

#[test]
fn where_nothing_can_be_installed_it_says_what_to_install() {
    let without = "have() { case $1 in apt-get) return 1 ;; *) command -v \"$1\" >/dev/null ;; esac; }\nneed dev";
    let (code, said) = bash(&format!("{NO_POSTGRESQL}{without}"));
    assert_eq!(code, Some(2), "{said}");
    for words in ["install these, then start again: postgresql", "brew install", "DATABASE_URL"] {
        assert!(said.contains(words), "{words} in: {said}");
    }
}

#[test]
fn an_installation_that_fails_is_told_with_the_other_way() {
    // Run as root, so that no `sudo` is asked; nothing is written, and nothing is installed.
    let failing = "id() { echo 0; }\napt-get() { echo 'E: no network'; return 100; }\nmkdir() { :; }\ntee() { cat >/dev/null; }\n\
                   rm() { :; }\nenv() { shift; \"$@\"; }\nneed dev";
    let (code, said) = bash(&format!("{NO_POSTGRESQL}{failing}"));
    assert_eq!(code, Some(2), "{said}");
    for words in ["E: no network", "apt-get could not install postgresql", "DATABASE_URL and DATABASE_OWNER_URL"] {
        assert!(said.contains(words), "{words} in: {said}");
    }
}

#[test]
fn without_rust_it_says_where_it_is_from() {
    let (code, said) = bash("HOME=/nowhere\nhave() { [ \"$1\" != cargo ]; }\nneed dev");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("Rust is missing: install it from https://rustup.rs"), "{said}");
}
