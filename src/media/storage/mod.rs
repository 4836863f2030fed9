//! Where the bytes lie: an S3-compatible store, or a folder of this machine.
//!
//! Keys are made here alone, of letters, digits, `/`, `-`, `_` and `.`; `incoming/` is where clients write, `public/` and
//! `private/` are the server's.

pub(super) mod folder;
pub(super) mod s3;

use std::time::Duration;

use self::folder::Folder;
use self::s3::S3;
use crate::kit::clock::Timestamp;
use crate::kit::error::Result;

/// An address that a client may put one object to, with the headers that it has to send.
pub(super) struct PutAddress {
    /// Absolute, or a path on this server.
    pub url: String,
    /// Signed along with the address.
    pub headers: Vec<(&'static str, String)>,
}

/// One of the two.
pub(super) enum Storage {
    /// For people.
    S3(S3),
    /// For one developer.
    Folder(Folder),
}

impl Storage {
    /// The address to put an object of this type and size to.
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

    /// The address to read a private object by.
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

    /// The object's bytes, one more than `limit` at most; `None` where there is none.
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

    /// Removes an object; that it is not there is as good.
    pub(super) async fn remove(&self, key: &str) -> Result<()> {
        match self {
            Self::S3(s3) => s3.remove(key).await,
            Self::Folder(folder) => folder.remove(key).await,
        }
    }
}
