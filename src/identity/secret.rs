//! Secrets of other slices, hashed as passwords are: by argon2id, in turns, within the memory that hashing may take.

use parlor_protocol::UserId;

use super::Identity;
use super::hashing::Asker;
use crate::kit::chance::Chance;
use crate::kit::error::Result;

impl Identity {
    /// The hash of a secret that this user sets, as a PHC string. It takes a core for some 20 ms: hold no connection
    /// meanwhile.
    ///
    /// # Errors
    /// `busy` if too many wait.
    pub async fn hash_secret(&self, user: UserId, secret: String, chance: &Chance) -> Result<String> {
        self.passwords().hash(Asker::User(user), secret, chance.bytes()).await
    }

    /// Whether the secret that this user has entered is the one with this hash. It takes as long.
    ///
    /// # Errors
    /// `busy` if too many wait.
    pub async fn is_secret(&self, user: UserId, secret: String, hash: String) -> Result<bool> {
        Ok(self.passwords().verify(Asker::User(user), secret, Some(hash)).await?.right)
    }
}
