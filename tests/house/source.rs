//! The files that the house's rules are held against.

use std::fs;
use std::path::{Path, PathBuf};

/// One file: where it lies below its folder, and what it says.
pub(super) struct Source {
    /// The path below the folder that was read, as `room/state/seats.rs`.
    pub place: String,
    /// The text.
    pub text: String,
}

impl Source {
    /// The file's name without its folders.
    pub(super) fn name(&self) -> &str {
        self.place.rsplit('/').next().unwrap_or_default()
    }

    /// The lines of code, without those that are comments from their beginning.
    pub(super) fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
    }

    /// The lines of code that are so, each with the file.
    pub(super) fn lines_with(&self, is_so: impl Fn(&str) -> bool) -> Vec<String> {
        self.code().filter(|line| is_so(line)).map(|line| format!("{}: {line}", self.place)).collect()
    }

    /// The file lies in one of these places: each a folder, or a file with its ending.
    pub(super) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            let below = self.place.strip_prefix(place);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
        })
    }
}

/// Every file below this folder of the repository with this ending, in the order of their paths.
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

/// Fails with every breach, a line each.
pub(super) fn assert_none(breaches: impl IntoIterator<Item = String>) {
    let breaches: Vec<_> = breaches.into_iter().collect();
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}
