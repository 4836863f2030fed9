//! The storage for files: an S3-compatible object store, or a folder of this machine.
//!
//! The server makes every key. A key consists of letters, digits, `/`, `-`, `_` and `.`. Clients write below
//! `incoming/`; only the server writes below `public/` and `private/`.

pub(super) mod folder;
pub(super) mod s3;

use std::time::Duration;

use self::folder::Folder;
use self::s3::S3;
use crate::kit::clock::Timestamp;
use crate::kit::error::Result;

/// An address to which a client may upload one object, with the headers that it must send.
pub(super) struct PutAddress {
    /// An absolute address, or a path on this server.
    pub url: String,
    /// The headers, which are signed with the address.
    pub headers: Vec<(&'static str, String)>,
}

/// The storage that the settings choose.
pub(super) enum Storage {
    /// An object store, for real operation.
    S3(S3),
    /// A folder, for development.
    Folder(Folder),
}

impl Storage {
    /// The address to which an object of this type and size may be uploaded.
    pub(super) fn put_address(
        &self,
        key: &str,
        content_type: &str,
        bytes: u32,
        holds: Duration,
        now: Timestamp,
    ) -> PutAddress {
        let headers = vec![("content-type", content_type.to_owned()), ("content-length", bytes.to_string())];
        let url = match self {
            Self::S3(s3) => s3.put_address(key, content_type, bytes, holds, now),
            Self::Folder(folder) => folder.put_address(key, content_type, bytes, holds, now),
        };
        PutAddress { url, headers }
    }

    /// The address by which a private object is read, for a while.
    pub(super) fn get_address(&self, key: &str, holds: Duration, now: Timestamp) -> String {
        match self {
            Self::S3(s3) => s3.get_address(key, holds, now),
            Self::Folder(folder) => folder.get_address(key, holds, now),
        }
    }

    /// The lasting address of a public object.
    pub(super) fn public_address(&self, key: &str) -> String {
        match self {
            Self::S3(s3) => s3.public_address(key),
            Self::Folder(folder) => folder.public_address(key),
        }
    }

    /// The object's bytes, at most `limit + 1` of them; `None` if there is no such object.
    pub(super) async fn read(&self, key: &str, limit: u32) -> Result<Option<Vec<u8>>> {
        match self {
            Self::S3(s3) => s3.read(key, limit as usize).await,
            Self::Folder(folder) => folder.read(key, limit as usize).await,
        }
    }

    /// Writes an object whole.
    pub(super) async fn write(&self, key: &str, content_type: &str, is_public: bool, bytes: Vec<u8>) -> Result<()> {
        match self {
            Self::S3(s3) => s3.write(key, content_type, is_public, bytes).await,
            Self::Folder(folder) => folder.write(key, &bytes).await,
        }
    }

    /// Removes an object. It is no error if it does not exist.
    pub(super) async fn remove(&self, key: &str) -> Result<()> {
        match self {
            Self::S3(s3) => s3.remove(key).await,
            Self::Folder(folder) => folder.remove(key).await,
        }
    }
}
