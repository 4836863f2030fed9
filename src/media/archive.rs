//! An archive for objects that are added and never changed: a folder, or a bucket of the object store. The operator
//! sets it up so that this server cannot remove or change what is in it (by an object lock, or another owner).

use std::path::Path;

use super::settings::{S3Settings, Settings};
use super::storage::folder::Folder;
use super::storage::s3::S3;
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};

/// An archive: objects can be added to it and read.
pub struct Archive(Place);

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
        Ok(Self(Place::Folder(Folder::open(root, chance).map_err(Error::internal)?)))
    }

    /// An archive in this bucket of the object store of `media.s3`, with the same credentials.
    ///
    /// # Errors
    /// `internal` if these settings name no object store.
    pub fn bucket(store: &S3Settings, bucket: &str) -> Result<Self> {
        let s3 = S3Settings { bucket: Some(bucket.to_owned()), ..store.clone() };
        let found = S3::of(&Settings { s3, ..Settings::default() })?;
        found.map(|s3| Self(Place::Bucket(s3))).ok_or_else(|| Error::internal("media.s3 names no object store"))
    }

    /// The object's bytes; `None` if there is no such object. At most `limit + 1` bytes are read, so that a caller can
    /// tell that an object is too large.
    ///
    /// # Errors
    /// An outage or a fault of the folder or the object store.
    pub async fn read(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>> {
        match &self.0 {
            Place::Folder(folder) => folder.read(key, limit).await,
            Place::Bucket(s3) => s3.read(key, limit).await,
        }
    }

    /// Adds a whole object. `false` if there is an object with this key already; it is not changed.
    ///
    /// # Errors
    /// An outage or a fault of the folder or the object store.
    pub async fn add(&self, key: &str, bytes: Vec<u8>) -> Result<bool> {
        match &self.0 {
            Place::Folder(folder) => folder.add(key, &bytes).await,
            Place::Bucket(s3) => s3.add(key, bytes).await,
        }
    }
}
