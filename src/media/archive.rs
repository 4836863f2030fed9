//! A place for objects that are only ever added, never changed: a folder, or a bucket of the object store.
//! Whoever runs it makes it so that this server cannot take anything away again (object lock, another owner).

use std::path::Path;

use super::settings::{S3Settings, Settings};
use super::storage::folder::Folder;
use super::storage::s3::S3;
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};

/// The place.
pub struct Archive(Place);

enum Place {
    Folder(Folder),
    Bucket(S3),
}

impl Archive {
    /// A folder, made where it is not there; chance names its drafts.
    ///
    /// # Errors
    /// `internal` where it can be neither found nor made.
    pub fn folder(root: &Path, chance: Chance) -> Result<Self> {
        Ok(Self(Place::Folder(Folder::open(root, chance).map_err(Error::internal)?)))
    }

    /// A bucket of the object store that `media.s3` names, by the same key.
    ///
    /// # Errors
    /// `internal` where these settings name no object store.
    pub fn bucket(store: &S3Settings, bucket: &str) -> Result<Self> {
        let s3 = S3Settings { bucket: Some(bucket.to_owned()), ..store.clone() };
        let found = S3::of(&Settings { s3, ..Settings::default() })?;
        found.map(|s3| Self(Place::Bucket(s3))).ok_or_else(|| Error::internal("media.s3 names no object store"))
    }

    /// The object's bytes, at most `limit` of them and one more; `None` where there is none.
    ///
    /// # Errors
    /// An outage or a fault of the place.
    pub async fn read(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>> {
        match &self.0 {
            Place::Folder(folder) => folder.read(key, limit).await,
            Place::Bucket(s3) => s3.read(key, limit).await,
        }
    }

    /// Adds an object whole. `false`: another one stands there, and is untouched.
    ///
    /// # Errors
    /// An outage or a fault of the place.
    pub async fn add(&self, key: &str, bytes: Vec<u8>) -> Result<bool> {
        match &self.0 {
            Place::Folder(folder) => folder.add(key, &bytes).await,
            Place::Bucket(s3) => s3.add(key, bytes).await,
        }
    }
}
