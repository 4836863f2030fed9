//! The file with a checkpoint: its content as JSON, and the signature of exactly these bytes in base64.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::Checkpoint;
use crate::economy::ledger::anchor::{AnchorKey, PublicKey};
use crate::kit::error::{Error, Result};

/// What was found in the file.
#[derive(Debug)]
pub enum Found {
    /// There is no such file yet.
    Nothing,
    /// A valid checkpoint.
    Checkpoint(Box<Checkpoint>),
    /// Something that is not valid, and why.
    Unsound(String),
}

/// Keeps the newest checkpoint in a file.
#[derive(Clone, Debug)]
pub struct Keeper(PathBuf);

impl Keeper {
    /// A keeper with this file.
    pub fn of(file: &Path) -> Self {
        Self(file.to_owned())
    }

    /// Reads the checkpoint. It is valid only if one of `keys` has signed it.
    ///
    /// # Errors
    /// `internal` if the file exists and cannot be read.
    pub fn read(&self, keys: &[PublicKey]) -> Result<Found> {
        let text = match std::fs::read(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            text => text.map_err(Error::internal)?,
        };
        Ok(match sound(&text, keys) {
            Ok(checkpoint) => Found::Checkpoint(Box::new(checkpoint)),
            Err(why) => Found::Unsound(why),
        })
    }

    /// Signs a checkpoint and replaces the file by it, whole or not at all.
    ///
    /// # Errors
    /// `internal` if the file cannot be written.
    pub fn keep(&self, checkpoint: &Checkpoint, key: &AnchorKey) -> Result<()> {
        let words = serde_json::to_string(checkpoint).map_err(Error::internal)?;
        let signature = key.sign(words.as_bytes());
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(Error::internal)?;
        let draft = self.0.with_extension("draft");
        let write = || {
            let mut file = std::fs::File::create(&draft)?;
            file.write_all(words.as_bytes())?;
            file.write_all(format!("\n{signature}\n").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&draft, &self.0)
        };
        write().map_err(Error::internal)
    }
}

fn sound(text: &[u8], keys: &[PublicKey]) -> std::result::Result<Checkpoint, String> {
    let text = std::str::from_utf8(text).map_err(|_| "is no text")?;
    let (words, signature) = text.split_once('\n').ok_or("is not whole")?;
    if !keys.iter().any(|key| key.signed(words.as_bytes(), signature.trim_end())) {
        return Err("is not signed by a key that counts: somebody else has written it".to_owned());
    }
    let checkpoint: Checkpoint = serde_json::from_str(words).map_err(|error| format!("cannot be read: {error}"))?;
    if checkpoint.is != Checkpoint::IS {
        return Err(format!("says that it is a {}", checkpoint.is));
    }
    Ok(checkpoint)
}
