//! The clock of the wall of a program under test, which a test sets back and forward while the program runs. It is
//! libfaketime's: monotonic clocks go on as they are, as when an operator or NTP sets the time.

use std::fs;
use std::path::{Path, PathBuf};

use parlor::kit::clock::Timestamp;
use uuid::Uuid;

use crate::support::now;

/// Debian's package `libfaketime` puts the library into a folder of this folder, by the machine's architecture.
/// `./parlor test` installs it.
const PLACES: &str = "/usr/lib";

fn library() -> Option<PathBuf> {
    let folders = fs::read_dir(PLACES).ok()?.filter_map(Result::ok);
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

/// A clock that differs from the machine's by what a test sets.
pub struct ServersClock {
    library: PathBuf,
    file: PathBuf,
    ahead_seconds: i64,
}

impl ServersClock {
    /// One that shows the machine's time; `None` on systems other than Linux, for which there is no such library. On Linux
    /// the test fails without it, because it would show nothing.
    pub fn new() -> Option<Self> {
        let library = match library() {
            None if cfg!(target_os = "linux") => {
                panic!("libfaketime is not installed: `./parlor test` does so, or apt-get install libfaketime")
            }
            library => library?,
        };
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clock-{}", Uuid::now_v7().simple()));
        let mut clock = Self { library, file, ahead_seconds: 0 };
        clock.set(0);
        Some(clock)
    }

    /// What a program's environment needs, so that it goes by this clock.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Sets it so many seconds ahead of the machine's clock; less than 0 is behind.
    pub fn set(&mut self, ahead_seconds: i64) {
        self.ahead_seconds = ahead_seconds;
        // It is read at any moment, so it is replaced as a whole.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{ahead_seconds:+}\n")).expect("the folder of the tests can be written to");
        fs::rename(&new, &self.file).expect("the same folder");
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        now().plus_ms(self.ahead_seconds * 1_000)
    }
}

impl Drop for ServersClock {
    fn drop(&mut self) {
        // What is left of it is a few bytes below the target.
        let _ = fs::remove_file(&self.file);
    }
}
