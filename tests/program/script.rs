//! The script `parlor`: its messages if something cannot be installed. The test sources its functions into a shell that
//! pretends that something is missing.

use std::process::Command;

/// Runs these lines after sourcing the script. Returns the exit code and the output.
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
fn without_apt_get_it_says_what_to_install() {
    let without = "have() { case $1 in apt-get) return 1 ;; *) command -v \"$1\" >/dev/null ;; esac; }\nneed dev";
    let (code, said) = bash(&format!("{NO_POSTGRESQL}{without}"));
    assert_eq!(code, Some(2), "{said}");
    for words in ["install these, then start again: postgresql", "brew install", "DATABASE_URL"] {
        assert!(said.contains(words), "{words} in: {said}");
    }
}

#[test]
fn a_failed_installation_is_reported_together_with_the_alternative() {
    // The shell pretends to be root, so that it does not use `sudo`; it writes and installs nothing.
    let failing = "id() { echo 0; }\napt-get() { echo 'E: no network'; return 100; }\nmkdir() { :; }\ntee() { cat >/dev/null; }\n\
                   rm() { :; }\nenv() { shift; \"$@\"; }\nneed dev";
    let (code, said) = bash(&format!("{NO_POSTGRESQL}{failing}"));
    assert_eq!(code, Some(2), "{said}");
    for words in ["E: no network", "apt-get could not install postgresql", "DATABASE_URL and DATABASE_OWNER_URL"] {
        assert!(said.contains(words), "{words} in: {said}");
    }
}

#[test]
fn without_rust_it_says_where_to_get_it() {
    let (code, said) = bash("HOME=/nowhere\nhave() { [ \"$1\" != cargo ]; }\nneed dev");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("Rust is missing: install it from https://rustup.rs"), "{said}");
}
