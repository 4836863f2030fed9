//! Keyed hashes of addresses and codes. Without the key, nobody can find six digits or a phone number by trying all.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The key of the hashes, which is the same for all nodes.
pub(super) struct ContactKey(Vec<u8>);

impl ContactKey {
    pub(super) fn new(secret: Vec<u8>) -> Self {
        Self(secret)
    }

    /// The hash of these parts. Each part is hashed with its length, so that other parts with the same text differ.
    pub(super) fn hash(&self, parts: &[&str]) -> Vec<u8> {
        self.mac(parts).finalize().into_bytes().to_vec()
    }

    /// Whether `hash` is the hash of these parts; compared in constant time.
    pub(super) fn fits(&self, parts: &[&str], hash: &[u8]) -> bool {
        self.mac(parts).verify_slice(hash).is_ok()
    }

    fn mac(&self, parts: &[&str]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::ContactKey;

    #[test]
    fn a_hash_is_bound_to_the_key_and_to_each_part() {
        let key = ContactKey::new(vec![1; 32]);
        let hash = key.hash(&["reset", "a@b.c", "123456"]);
        assert!(key.fits(&["reset", "a@b.c", "123456"], &hash));
        for parts in [["register", "a@b.c", "123456"], ["reset", "a@b.cc", "123456"], ["reset", "a@b.c1", "23456"]] {
            assert!(!key.fits(&parts, &hash), "{parts:?}");
        }
        assert!(!ContactKey::new(vec![2; 32]).fits(&["reset", "a@b.c", "123456"], &hash));
    }
}
