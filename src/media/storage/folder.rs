//! A folder of this machine in place of an object store, for development. Its addresses are signed by a key that this
//! process made, and are served by this process.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};

/// The path below which the folder's objects are served.
pub(in crate::media) const PATH: &str = "/media/";

/// The most bytes of a key. The server's own have some 60; a file system allows 255 in a name.
const KEY_BYTES: usize = 200;

/// The folder, and the key that signs its addresses.
pub(in crate::media) struct Folder {
    root: PathBuf,
    key: [u8; 32],
    /// Names the files that are still being written.
    chance: Chance,
}

impl Folder {
    /// Opens the folder, and makes it if it does not exist.
    pub(in crate::media) fn open(root: &Path, chance: Chance) -> std::io::Result<Self> {
        std::fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned(), key: chance.bytes(), chance })
    }

    pub(super) fn put_address(
        &self,
        key: &str,
        content_type: &str,
        bytes: u32,
        holds: Duration,
        now: Timestamp,
    ) -> String {
        self.signed("put", key, &put_words(content_type, u64::from(bytes)), holds, now)
    }

    pub(super) fn get_address(&self, key: &str, holds: Duration, now: Timestamp) -> String {
        self.signed("get", key, "", holds, now)
    }

    pub(super) fn public_address(&self, key: &str) -> String {
        format!("{PATH}{key}")
    }

    fn signed(&self, method: &str, key: &str, words: &str, holds: Duration, now: Timestamp) -> String {
        let until = now.plus_ms(i64::try_from(holds.as_millis()).unwrap_or(i64::MAX)).0;
        let signature = self.mac(method, key, words, until).finalize().into_bytes();
        format!("{PATH}{key}?until={until}&signature={}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn mac(&self, method: &str, key: &str, words: &str, until: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(format!("{method}\n{key}\n{words}\n{until}").as_bytes());
        mac
    }

    fn is_signed(&self, method: &str, key: &str, words: &str, until: i64, signature: &str, now: Timestamp) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        until > now.0 && self.mac(method, key, words, until).verify_slice(&signature).is_ok()
    }

    /// Whether this is an address that this process signed for uploading an object of this type and size, and that has
    /// not expired.
    pub(in crate::media) fn allows_put(
        &self,
        key: &str,
        (content_type, bytes): (&str, u64),
        (until, signature): (i64, &str),
        now: Timestamp,
    ) -> bool {
        self.is_signed("put", key, &put_words(content_type, bytes), until, signature, now)
    }

    /// Whether the object may be read: it is public, or this process signed the address and it has not expired.
    pub(in crate::media) fn allows_get(&self, key: &str, signed: Option<(i64, &str)>, now: Timestamp) -> bool {
        key.starts_with("public/")
            || signed.is_some_and(|(until, signature)| self.is_signed("get", key, "", until, signature, now))
    }

    pub(in crate::media) async fn read(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>> {
        let Some(path) = self.path(key) else { return Ok(None) };
        let file = match tokio::fs::File::open(path).await {
            Ok(file) => file,
            // A key that goes on behind a file names nothing either.
            Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => return Ok(None),
            Err(error) => return Err(Error::internal(error)),
        };
        // A folder can be opened and not read.
        if !file.metadata().await.map_err(Error::internal)?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes).await.map_err(Error::internal)?;
        Ok(Some(bytes))
    }

    /// Writes an object whole or not at all: to a draft with a name of its own, which is then renamed.
    pub(in crate::media) async fn write(&self, key: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(key).ok_or_else(|| Error::internal("an object cannot have this key"))?;
        let folder = path.parent().unwrap_or(&self.root);
        tokio::fs::create_dir_all(folder).await.map_err(Error::internal)?;
        let draft = folder.join(format!(".{}", self.chance.id()));
        let written = async {
            tokio::fs::write(&draft, bytes).await?;
            tokio::fs::rename(&draft, &path).await
        }
        .await;
        if written.is_err() {
            // The draft may not exist. If it cannot be removed, it is a hidden file that nothing reads.
            let _ = tokio::fs::remove_file(&draft).await;
        }
        written.map_err(Error::internal)
    }

    /// Adds an object whole and synced to the disk; `false` if there is an object with this key already.
    pub(in crate::media) async fn add(&self, key: &str, bytes: &[u8]) -> Result<bool> {
        let path = self.path(key).ok_or_else(|| Error::internal("an object cannot have this key"))?;
        let folder = path.parent().unwrap_or(&self.root);
        tokio::fs::create_dir_all(folder).await.map_err(Error::internal)?;
        let draft = folder.join(format!(".{}", self.chance.id()));
        let added = async {
            let mut file = tokio::fs::File::create_new(&draft).await?;
            file.write_all(bytes).await?;
            file.sync_all().await?;
            // A hard link fails if its name is taken, while renaming would replace the file that has it.
            tokio::fs::hard_link(&draft, &path).await
        }
        .await;
        // The draft may not exist. If it cannot be removed, it is a hidden file that nothing reads.
        let _ = tokio::fs::remove_file(&draft).await;
        match added {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Error::internal(error)),
        }
    }

    pub(super) async fn remove(&self, key: &str) -> Result<()> {
        let Some(path) = self.path(key) else { return Ok(()) };
        match tokio::fs::remove_file(path).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::internal(error)),
            _ => Ok(()),
        }
    }

    /// The file of a key; `None` for a key that could leave the folder or name a hidden file, and for one that is too
    /// long for a file. No key that the server makes is of that kind.
    fn path(&self, key: &str) -> Option<PathBuf> {
        let fits = key.len() <= KEY_BYTES
            && key.split('/').all(|part| {
                !part.is_empty()
                    && !part.starts_with('.')
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            });
        fits.then(|| self.root.join(key))
    }
}

fn put_words(content_type: &str, bytes: u64) -> String {
    format!("{content_type}\n{bytes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Folder {
        Folder { root: PathBuf::from("/nowhere"), key: [7; 32], chance: Chance::seeded(1) }
    }

    /// The end and the signature in the query of an address.
    fn signed(address: &str) -> (i64, String) {
        let query = address.split_once("?until=").expect("signed").1;
        let (until, signature) = query.split_once("&signature=").expect("signed");
        (until.parse().expect("a number"), signature.to_owned())
    }

    #[test]
    fn an_address_holds_for_its_object_type_size_and_time_alone() {
        let (folder, now) = (folder(), Timestamp(1_000));
        let address = folder.put_address("incoming/a", "image/png", 10, Duration::from_secs(60), now);
        let (until, signature) = signed(&address);
        let sign = (until, signature.as_str());
        assert!(folder.allows_put("incoming/a", ("image/png", 10), sign, now));
        assert!(!folder.allows_put("incoming/b", ("image/png", 10), sign, now));
        assert!(!folder.allows_put("incoming/a", ("image/jpeg", 10), sign, now));
        assert!(!folder.allows_put("incoming/a", ("image/png", 11), sign, now));
        assert!(!folder.allows_put("incoming/a", ("image/png", 10), sign, Timestamp(until)));
        assert!(!folder.allows_put("incoming/a", ("image/png", 10), (until + 1, sign.1), now));
        assert!(!folder.allows_put("incoming/a", ("image/png", 10), (until, ""), now));
        assert!(!folder.allows_get("incoming/a", Some(sign), now), "an address to upload to does not read");
    }

    #[test]
    fn public_files_are_read_by_anybody_and_private_ones_by_their_address() {
        let (folder, now) = (folder(), Timestamp(1_000));
        assert!(folder.allows_get("public/avatar/a.png", None, now));
        assert!(!folder.allows_get("private/proof/a.png", None, now));
        let (until, signature) = signed(&folder.get_address("private/proof/a.png", Duration::from_secs(60), now));
        assert!(folder.allows_get("private/proof/a.png", Some((until, &signature)), now));
        assert!(!folder.allows_get("private/proof/b.png", Some((until, &signature)), now));
    }

    #[test]
    fn no_key_leaves_the_folder() {
        let folder = folder();
        assert!(folder.path("public/avatar/0a-1.png").is_some());
        assert_eq!(folder.path(&format!("public/{}", "a".repeat(194))), None);
        for key in ["", "..", "public/../../etc/passwd", "/etc/passwd", "public//a", "public/.hidden", "a\\b", "a\0"] {
            assert_eq!(folder.path(key), None, "{key:?}");
        }
    }
}
