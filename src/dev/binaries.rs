//! Finds an installed PostgreSQL. It never downloads one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::start::StartError;

/// One installed PostgreSQL.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The folder that holds `initdb` and `postgres`.
    pub folder: PathBuf,
    /// The major version, as 15 or 17. A data directory can be read only by the major version that made it.
    pub major: u32,
}

/// Where packages install PostgreSQL, as (parent folder, beginning of the child's name, rest of the path): every child
/// with such a name is looked at.
const INSTALLED: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),                          // Debian, Ubuntu
    ("/usr", "pgsql-", "bin"),                                   // Red Hat, from postgresql.org
    ("/opt/homebrew/opt", "postgresql", "bin"),                  // Homebrew, Apple silicon
    ("/usr/local/opt", "postgresql", "bin"),                     // Homebrew, Intel
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),     // Homebrew, Linux
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
];

impl Binaries {
    /// Finds PostgreSQL in the folder `$PG_BIN`; without that variable on `PATH`; else the newest one in the usual
    /// places. With `major`, only that version will do.
    ///
    /// # Errors
    /// A sentence that says how to install PostgreSQL or how to name its folder.
    pub fn find(major: Option<u32>) -> Result<Self, StartError> {
        if let Some(folder) = env::var_os("PG_BIN") {
            let folder = PathBuf::from(folder);
            return Self::in_folder(&folder).ok_or_else(|| {
                StartError::new(format!(
                    "PG_BIN is {}, but initdb and postgres are not there or do not run: \
                     set it to PostgreSQL's bin folder, or unset it",
                    folder.display()
                ))
            });
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let mut found: Vec<Self> = env::split_paths(&path).filter_map(|folder| Self::in_folder(&folder)).collect();
        let mut installed: Vec<Self> = INSTALLED.iter().flat_map(|place| children(*place)).collect();
        installed.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        found.extend(installed);
        Self::among(found, major)
    }

    fn among(found: Vec<Self>, major: Option<u32>) -> Result<Self, StartError> {
        match major {
            None => found.into_iter().next().ok_or_else(not_installed),
            Some(major) => found.into_iter().find(|binaries| binaries.major == major).ok_or_else(|| {
                StartError::new(format!(
                    "the data was made by PostgreSQL {major}, which is not installed: install that version, \
                     or begin anew with --data and an empty folder"
                ))
            }),
        }
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        if !folder.join("initdb").is_file() || !folder.join("postgres").is_file() {
            return None;
        }
        let version = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = major_of(&String::from_utf8_lossy(&version.stdout))?;
        Some(Self { folder: folder.to_owned(), major })
    }
}

fn children((parent, beginning, rest): (&str, &str, &str)) -> Vec<Binaries> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(beginning))
        .filter_map(|entry| Binaries::in_folder(&entry.path().join(rest)))
        .collect()
}

/// The major version in the output of `postgres --version`: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is
/// 15, and `17beta1` is 17.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).map_or(number, |end| &number[..end]);
    digits.parse().ok()
}

fn not_installed() -> StartError {
    let how = if cfg!(target_os = "macos") {
        "`brew install postgresql@17`"
    } else {
        "`apt-get install postgresql` (Debian, Ubuntu), or your system's package with the server's programs"
    };
    StartError::new(format!(
        "PostgreSQL is not installed: {how}; if it lies in an unusual place set PG_BIN to its bin folder; \
         or give a server that runs elsewhere by DATABASE_URL and DATABASE_OWNER_URL"
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Binaries, major_of};

    #[test]
    fn a_postgresql_that_is_not_installed_is_answered_with_how_to_get_one() {
        let sentence = Binaries::among(Vec::new(), None).expect_err("there is none").to_string();
        for said in ["PostgreSQL is not installed", "install", "PG_BIN", "DATABASE_URL"] {
            assert!(sentence.contains(said), "{said} in: {sentence}");
        }
        let newer = Binaries { folder: PathBuf::from("/usr/lib/postgresql/17/bin"), major: 17 };
        let sentence = Binaries::among(vec![newer], Some(15)).expect_err("another version").to_string();
        assert!(
            sentence.contains("PostgreSQL 15, which is not installed") && sentence.contains("--data"),
            "{sentence}"
        );
    }

    #[test]
    fn major_version_is_read_off_every_form() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major_of("postgres (PostgreSQL)"), None);
    }
}
