//! Reads the files that the rules are checked against.

use std::fs;
use std::path::{Path, PathBuf};

/// A file: its path and its text.
pub(super) struct Source {
    /// Its path below the folder that was read, as `room/state/seats.rs`.
    pub place: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// The file's name without its folders.
    pub(super) fn name(&self) -> &str {
        self.place.rsplit('/').next().unwrap_or_default()
    }

    /// Its lines without those that begin as a comment.
    pub(super) fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
    }

    /// The lines of code that match, each with the file's path.
    pub(super) fn lines_with(&self, is_so: impl Fn(&str) -> bool) -> Vec<String> {
        self.code().filter(|line| is_so(line)).map(|line| format!("{}: {line}", self.place)).collect()
    }

    /// Whether the file is in one of these places: each is a folder, or a file with its extension.
    pub(super) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            let below = self.place.strip_prefix(place);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
        })
    }
}

/// Every file with this extension below a folder of the repository, in the order of their paths.
pub(super) fn sources(folder: &str, ending: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has no file that ends with .{ending}");
    let read = |path: PathBuf| Source {
        place: path.strip_prefix(&root).expect("below the folder").to_string_lossy().into_owned(),
        text: fs::read_to_string(&path).expect("a file of the repository is readable"),
    };
    paths.into_iter().map(read).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository is readable") {
        let path = entry.expect("an entry of a readable folder").path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Fails if there are breaches, and prints one per line.
pub(super) fn assert_none(breaches: impl IntoIterator<Item = String>) {
    let breaches: Vec<_> = breaches.into_iter().collect();
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}
