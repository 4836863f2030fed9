//! The settings of anchors: where they are kept, and which keys sign them.

use std::path::{Path, PathBuf};

use super::{AnchorKey, PublicKey};
use crate::config::Secret;
use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};
use crate::media::{Archive, S3Settings, writable};

crate::settings! {
    /// The ledger's anchors outside the database.
    pub struct AnchorSettings at "ledger.anchor", checked by Self::contradictions {
        /// The key that signs anchors: 32 random bytes in base64 (`openssl rand -base64 32`). It is never stored in the
        /// database.
        key: Option<Secret> = None, shown "none; in `dev` a file of the data folder";
        /// Further public keys whose signatures are valid: for an audit without the key, or after the key was changed.
        #[serde(deserialize_with = "crate::config::list::with_commas")]
        public_keys: Vec<String> = Vec::new();
        /// The folder to which anchors are added.
        folder: Option<PathBuf> = None, shown "none; in `dev` one of the data folder";
        /// The bucket of the object store of `media.s3` to which anchors are added, instead of a folder.
        bucket: Option<String> = None;
        /// Minutes between two anchors.
        minutes: u32 = 60, in 1..=10_080;
        /// The file in which `parlor ledger audit` keeps a checkpoint of what it has verified, signed with the key, so
        /// that the next audit goes on from there. Nobody who can write to the database should be able to write to it.
        checkpoint: Option<PathBuf> = None, shown "none; in `dev` a file of the data folder";
    }
    beside {
        /// The file with the key, in `dev` if no key is given.
        key_file: Option<PathBuf>;
    }
}

impl AnchorSettings {
    fn contradictions(&self, problems: &mut Vec<String>) {
        if self.key.as_ref().is_some_and(|key| AnchorKey::parse(key.reveal()).is_none()) {
            problems.push(
                "ledger.anchor.key: give 32 bytes in base64, as `openssl rand -base64 32` prints them".to_owned(),
            );
        }
        if self.public_keys.iter().any(|key| PublicKey::parse(key).is_none()) {
            problems.push("ledger.anchor.public_keys: give keys as `parlor ledger anchor` prints them".to_owned());
        }
        if self.folder.is_some() && self.bucket.is_some() {
            problems.push("ledger.anchor.folder: give this or ledger.anchor.bucket".to_owned());
        }
    }

    /// The settings for `dev`: what is not given becomes a file or folder in `folder`, beside the database.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Self {
        let folder = folder.join("ledger");
        self.key_file = Some(folder.join("anchor.key"));
        if self.checkpoint.is_none() {
            self.checkpoint = Some(folder.join("audit.checkpoint"));
        }
        if self.folder.is_none() && self.bucket.is_none() {
            self.folder = Some(folder);
        }
        self
    }

    /// What keeps anchors from being added, as `ledger.anchor.folder: …`; `None` if nothing does or no folder is given.
    /// An audit only reads them, so it does not ask.
    pub fn unwritable(&self) -> Option<String> {
        let folder = self.folder.as_ref()?;
        let error = writable(folder).err()?;
        Some(format!("ledger.anchor.folder: {} cannot be written to ({error})", folder.display()))
    }

    /// The key that signs; in `dev`, if none is given, the one of the key file. `None` if there is neither.
    ///
    /// # Errors
    /// `internal` if the key file cannot be used.
    pub fn signing_key(&self, chance: &Chance) -> Result<Option<AnchorKey>> {
        match (&self.key, &self.key_file) {
            (Some(key), _) => Ok(AnchorKey::parse(key.reveal())),
            (None, Some(file)) => AnchorKey::of_file(file, chance).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The place where anchors are kept; `None` if none is given.
    ///
    /// # Errors
    /// `internal` if the place cannot be used.
    pub fn place(&self, store: &S3Settings, chance: &Chance) -> Result<Option<Archive>> {
        match (&self.folder, &self.bucket) {
            (Some(folder), _) => Archive::folder(folder, chance.clone()).map(Some),
            (None, Some(bucket)) => Archive::bucket(store, bucket).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The public keys whose signatures are valid: that of `key`, and those of the settings.
    ///
    /// # Errors
    /// `internal` if one of the settings is not a key. The check at the start reports that first.
    pub fn counted(&self, key: Option<&AnchorKey>) -> Result<Vec<PublicKey>> {
        let given = self.public_keys.iter().map(|key| {
            PublicKey::parse(key)
                .ok_or_else(|| Error::internal("ledger.anchor.public_keys contains something that is not a key"))
        });
        key.map(|key| Ok(key.public())).into_iter().chain(given).collect()
    }
}
