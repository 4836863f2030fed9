//! The files of `migrations/`: a released one must not change, and a new one must come after all released ones.
//!
//! `migrations/released.txt` has a line for each file that was part of a release, as `sha256sum` writes it;
//! `./parlor release-migrations` adds the new ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")
}

/// The released files and their checksums.
fn released() -> BTreeMap<String, String> {
    let list = fs::read_to_string(folder().join("released.txt")).expect("the list is committed");
    let line = |line: &str| {
        let (checksum, name) = line.split_once("  ").expect("a checksum, two spaces, a name");
        (name.to_owned(), checksum.to_owned())
    };
    list.lines().map(line).collect()
}

/// The present files and their checksums.
fn there() -> BTreeMap<String, String> {
    let files = fs::read_dir(folder()).expect("the folder of migrations").map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files
        .map(|path| {
            let digest = Sha256::digest(fs::read(&path).expect("a migration"));
            let checksum = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            (path.file_name().expect("a file").to_string_lossy().into_owned(), checksum)
        })
        .collect()
}

/// What is wrong with the present files, given the released ones.
fn problems(released: &BTreeMap<String, String>, there: &BTreeMap<String, String>) -> Vec<String> {
    let version = |name: &str| name.split('_').next().and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
    let last = released.keys().map(|name| version(name)).max().unwrap_or(0);
    let mut problems = Vec::new();
    for (name, checksum) in released {
        if there.get(name) != Some(checksum) {
            problems.push(format!("{name} was released and has changed or is gone: add another migration instead"));
        }
    }
    for name in there.keys().filter(|name| !released.contains_key(*name)) {
        let digits = name.split('_').next().unwrap_or_default();
        if digits.len() != 12 || digits.bytes().any(|digit| !digit.is_ascii_digit()) {
            problems.push(format!("{name} is not named by time: twelve digits stand before the first `_`"));
        } else if version(name) <= last {
            problems.push(format!("{name} is below the last one that was released: name it by a later time"));
        }
    }
    problems
}

#[test]
fn released_migrations_stay_and_new_ones_come_after_them() {
    assert_eq!(problems(&released(), &there()), Vec::<String>::new());
}

#[test]
fn a_changed_a_missing_a_misnamed_and_a_late_migration_are_each_found() {
    let files = |files: &[(&str, &str)]| -> BTreeMap<String, String> {
        files.iter().map(|(name, checksum)| ((*name).to_owned(), (*checksum).to_owned())).collect()
    };
    let released = files(&[("0001_a.sql", "aa"), ("202611301200_b.sql", "bb")]);
    let with = |name, checksum| {
        let mut there = released.clone();
        there.insert(String::from(name), String::from(checksum));
        problems(&released, &there)
    };
    assert_eq!(with("202611301201_c.sql", "cc"), Vec::<String>::new());
    assert!(with("0001_a.sql", "other")[0].contains("0001_a.sql was released and has changed"));
    assert!(with("0017_c.sql", "cc")[0].contains("not named by time"));
    assert!(with("202611301159_c.sql", "cc")[0].contains("below the last one"));
    assert!(with("202611301200_c.sql", "cc")[0].contains("below the last one"));
    assert!(problems(&released, &files(&[("0001_a.sql", "aa")]))[0].contains("is gone"));
}
