//! The keys that sign anchors and check their signatures (Ed25519). The secret key is never stored in the database.

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::kit::chance::Chance;
use crate::kit::error::{Error, Result};

/// The secret key that signs anchors.
pub struct AnchorKey(SigningKey);

/// The public key that checks signatures. Everybody may know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey(VerifyingKey);

impl AnchorKey {
    /// Parses a key: 32 bytes in base64, as `openssl rand -base64 32` prints them.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = STANDARD.decode(text.trim()).ok()?.try_into().ok()?;
        Some(Self(SigningKey::from_bytes(&bytes)))
    }

    /// The key of a file, which is made where it is not there: for one developer. Only its owner may read it.
    ///
    /// # Errors
    /// `internal` where it can neither be read nor made, or holds something else.
    pub fn of_file(path: &Path, chance: &Chance) -> Result<Self> {
        let unusable = |error| Error::internal(format!("the key in {} cannot be used: {error}", path.display()));
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let text = STANDARD.encode(chance.bytes::<32>());
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(unusable)?;
                }
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(unusable)?;
                text
            }
            text => text.map_err(unusable)?,
        };
        // An earlier version made it readable for everybody.
        let _ = std::fs::set_permissions(path, Permissions::from_mode(0o600));
        Self::parse(&text).ok_or_else(|| {
            Error::internal(format!(
                "{} holds no key of anchors: give it 32 bytes in base64, or remove it, and another key is made (what the \
                 former one signed then counts no more)",
                path.display()
            ))
        })
    }

    /// The public key that checks this key's signatures.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The signature of these bytes, in base64.
    pub(in crate::economy::ledger) fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.0.sign(bytes).to_bytes())
    }
}

impl PublicKey {
    /// Parses a key: 32 bytes in base64, as `parlor ledger anchor` prints them.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = STANDARD.decode(text.trim()).ok()?.try_into().ok()?;
        VerifyingKey::from_bytes(&bytes).ok().map(Self)
    }

    /// Whether `signature` (base64) was made for these bytes by the secret key that belongs to this one.
    pub(in crate::economy::ledger) fn signed(&self, bytes: &[u8], signature: &str) -> bool {
        let signature = STANDARD.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        signature.is_some_and(|signature| self.0.verify_strict(bytes, &signature).is_ok())
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&STANDARD.encode(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_valid_only_for_its_bytes_and_its_key() {
        let [key, other] = [[1_u8; 32], [2; 32]].map(|seed| AnchorKey::parse(&STANDARD.encode(seed)).expect("a key"));
        let signature = key.sign(b"words");
        assert!(key.public().signed(b"words", &signature));
        assert!(!key.public().signed(b"other", &signature));
        assert!(!other.public().signed(b"words", &signature));
        assert!(!key.public().signed(b"words", "none"));
        assert_eq!(PublicKey::parse(&key.public().to_string()), Some(key.public()));
        assert!(AnchorKey::parse("too short").is_none());
    }
}
