//! The lock that allows one server per store. The system releases it when the process that holds it ends, however it
//! ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// Held while this process runs the store's PostgreSQL.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock of the store in the folder `data`, and writes into the file who holds it (`who`, as `parlor
    /// dev`). `None` if another process has it.
    ///
    /// # Errors
    /// The lock's file cannot be opened, locked or written.
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

    /// Who holds the lock of the store in `data`, in words for a message.
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
