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

/// The shell pretends to be root, so that it does not use `sudo`; it writes, removes and installs nothing.
const PRETENDED: &str = "id() { echo 0; }\nmkdir() { :; }\ntee() { cat >/dev/null; }\nchmod() { :; }\n\
                         rm() { echo \"removed $*\" >&2; }\nenv() { shift; \"$@\"; }\nsystemctl() { :; }\n";

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
    let (code, said) =
        bash(&format!("{NO_POSTGRESQL}{PRETENDED}apt-get() {{ echo 'E: no network'; return 100; }}\nneed dev"));
    assert_eq!(code, Some(2), "{said}");
    for words in ["E: no network", "apt-get could not install postgresql", "DATABASE_URL and DATABASE_OWNER_URL"] {
        assert!(said.contains(words), "{words} in: {said}");
    }
}

#[test]
fn regression_an_interrupted_installation_leaves_no_policy_behind() {
    let (code, said) = bash(&format!("{NO_POSTGRESQL}{PRETENDED}apt-get() {{ kill -TERM \"$BASHPID\"; }}\nneed dev"));
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("removed -f /etc/postgresql-common/createcluster.d/parlor.conf"), "{said}");
}

#[test]
fn regression_a_node_that_is_too_old_is_refused() {
    for (version, enough) in [("v18.20.4", false), ("v20.0.0", true), ("v22.11.0", true)] {
        let (code, said) = bash(&format!("node() {{ echo {version}; }}\nneed_node"));
        assert_eq!(code, Some(if enough { 0 } else { 2 }), "{version}: {said}");
        assert!(enough || said.contains("Node.js 18.20.4 is installed, but 20 or newer is needed"), "{said}");
    }
}

#[test]
fn without_rust_it_says_where_to_get_it() {
    let (code, said) = bash("HOME=/nowhere\nhave() { [ \"$1\" != cargo ]; }\nneed dev");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("Rust is missing: install it from https://rustup.rs"), "{said}");
}
