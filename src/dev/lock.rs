//! One server per store: a lock that ends with the process that holds it, however that ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// Held while this process runs the store's PostgreSQL.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock of the store in `data` and says in it who holds it (`parlor dev`); `None` where
    /// another process has it.
    pub fn take(data: &Path, who: &str) -> io::Result<Option<Self>> {
        let mut file = File::options().create(true).read(true).write(true).truncate(false).open(path(data))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{who}, process {}", std::process::id())?;
        Ok(Some(Self { _file: file }))
    }

    /// Who holds it, for a sentence.
    pub fn holder(data: &Path) -> String {
        match fs::read_to_string(path(data)) {
            Ok(holder) if !holder.is_empty() => holder,
            _ => "another parlor".to_owned(),
        }
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("lock")
}
