//! An archive for objects that are added and never changed: a folder, or a bucket of the object store. The operator
//! sets it up so that this server cannot remove or change what is in it (by an object lock, or another owner).

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::settings::{S3Settings, Settings};
use super::storage::folder::Folder;
use super::storage::s3::S3;
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};

/// An archive: objects can be added to it and read.
pub struct Archive {
    place: Place,
    /// The folder or the bucket, for messages.
    name: String,
}

enum Place {
    Folder(Folder),
    Bucket(S3),
}

impl Archive {
    /// An archive in a folder, which is made if it does not exist. `chance` names the files that are still being
    /// written.
    ///
    /// # Errors
    /// `internal` if the folder can be neither found nor made.
    pub fn folder(root: &Path, chance: Chance) -> Result<Self> {
        let unusable = |error| Error::internal(format!("the folder {} cannot be used: {error}", root.display()));
        let place = Place::Folder(Folder::open(root, chance).map_err(unusable)?);
        Ok(Self { place, name: root.display().to_string() })
    }

    /// An archive in this bucket of the object store of `media.s3`, with the same credentials.
    ///
    /// # Errors
    /// `internal` if these settings name no object store.
    pub fn bucket(store: &S3Settings, bucket: &str) -> Result<Self> {
        let s3 = S3Settings { bucket: Some(bucket.to_owned()), ..store.clone() };
        let found = S3::of(&Settings { s3, ..Settings::default() })?;
        let name = format!("bucket {bucket}");
        found
            .map(|s3| Self { place: Place::Bucket(s3), name })
            .ok_or_else(|| Error::internal("media.s3 names no object store"))
    }

    /// The object's bytes; `None` if there is no such object. At most `limit + 1` bytes are read, so that a caller can
    /// tell that an object is too large.
    ///
    /// # Errors
    /// An outage or a fault of the folder or the object store.
    pub async fn read(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>> {
        match &self.place {
            Place::Folder(folder) => folder.read(key, limit).await,
            Place::Bucket(s3) => s3.read(key, limit).await,
        }
    }

    /// Adds a whole object. `false` if there is an object with this key already; it is not changed.
    ///
    /// # Errors
    /// An outage or a fault of the folder or the object store.
    pub async fn add(&self, key: &str, bytes: Vec<u8>) -> Result<bool> {
        match &self.place {
            Place::Folder(folder) => folder.add(key, &bytes).await,
            Place::Bucket(s3) => s3.add(key, bytes).await,
        }
    }
}

impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Whether a folder can be written to, or can be made: in it, or in the folder above it that exists, another folder is
/// made and removed again.
///
/// # Errors
/// What the system answers.
pub fn writable(folder: &Path) -> std::io::Result<()> {
    let whole = std::path::absolute(folder)?;
    let there = whole.ancestors().find(|folder| folder.exists()).map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
    let probe = there.join(format!(".parlor-{}", std::process::id()));
    match std::fs::create_dir(&probe) {
        // Another one is looking at this moment, and could write.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made?,
    }
    match std::fs::remove_dir(&probe) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
