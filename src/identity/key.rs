//! The keys that sign and verify tokens. They are random, each purpose has its own, and they are stored in the database
//! and kept in memory.
//!
//! An old key is followed by a new one. The new key signs once every node has had two chances to read it; the old key
//! verifies until the longest-lived of its tokens has surely expired. No secret leaves this file except in a signature.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey};
use parlor_protocol::{RoomId, UserId};
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::token::{self, Access, AccessClaims, Claims, Purpose, RoomClaims, Token};
use super::{Settings, store};
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::edge::{Edge, Reads};
use crate::kit::error::{Error, Result};
use crate::kit::tx::Tx;

/// How often every node reads the keys.
pub(super) const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// A key signs from this age on, because then every node has read it. If there is no older key, it signs at once.
const RIPE_MS: i64 = 2 * 60 * 1_000 + 10_000;
/// A token with an unknown key makes the node read the keys again, but no more often than this.
const READ_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// How much longer a key is kept than its successor needs to sign and its own last token to expire.
const SPARE_SECONDS: i64 = 24 * 60 * 60;

/// Signs and verifies access and room tokens.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    /// Reads keys that another node has made. Nothing is written by it.
    reads: Reads,
    /// Makes the ids of tokens.
    chance: Chance,
    settings: Settings,
    ring: RwLock<Arc<Ring>>,
    /// When the keys were last read for an unknown key. The lock is held while they are read, so that one reads for
    /// all.
    read_at: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Ring {
    /// The keys by the header of their tokens, which names purpose and key.
    verifying: HashMap<String, (Purpose, DecodingKey)>,
    signing: HashMap<Purpose, (Uuid, EncodingKey)>,
}

/// A key as the store has it.
pub(super) struct StoredKey {
    pub(super) id: Uuid,
    pub(super) purpose: String,
    pub(super) secret: Vec<u8>,
    /// The key's age in milliseconds, by the database's clock.
    pub(super) age_ms: i64,
}

impl Keys {
    /// Reads the keys, and makes those that are missing.
    pub async fn load(edge: &Edge, settings: Settings) -> Result<Self> {
        let (reads, chance) = (edge.reads(), edge.chance().clone());
        let keys =
            Self(Arc::new(Inner { reads, chance, settings, ring: RwLock::default(), read_at: Mutex::new(None) }));
        keys.tend(edge).await?;
        Ok(keys)
    }

    /// Makes keys where one is missing or old, deletes those that verify nothing any more, and reads the rest, all in
    /// one transaction.
    pub async fn tend(&self, edge: &Edge) -> Result<()> {
        let mut tx = edge.begin().await?;
        self.succeed(&mut tx, edge.now(), edge.chance()).await?;
        let stored = store::signing_keys(&mut tx).await?;
        tx.commit().await?;
        self.hold(stored)
    }

    /// Makes keys where one is missing or old, and deletes those that verify nothing any more.
    pub(super) async fn succeed(&self, tx: &mut Tx, now: Timestamp, chance: &Chance) -> Result<()> {
        let settings = &self.0.settings;
        let key_seconds = i64::from(settings.key_days) * 24 * 60 * 60;
        let longest_minutes = settings.access_token_minutes.max(settings.room_token_minutes);
        let outlived_seconds = RIPE_MS / 1_000 + i64::from(longest_minutes) * 60 + SPARE_SECONDS;
        // With the lock, nodes that start at the same time make one key, not one each.
        store::lock_signing_keys(tx).await?;
        for purpose in Purpose::ALL {
            let (id, secret) = (chance.id_at(now), chance.bytes::<32>());
            store::succeed_key(tx, id, purpose.name(), &secret, key_seconds).await?;
        }
        store::delete_outlived_keys(tx, outlived_seconds).await
    }

    /// Signs an access token for this session of the user.
    pub fn sign_access(&self, user: UserId, session: Uuid, now: Timestamp) -> Result<Token> {
        let claims = AccessClaims::new(user, session, self.0.chance.id(), now, self.0.settings.access_token_minutes);
        self.signed(Purpose::Access, &claims)
    }

    /// Signs a token that admits this user to this room.
    pub fn sign_room(&self, user: UserId, room: RoomId, now: Timestamp) -> Result<Token> {
        let claims = RoomClaims::new(user, room, now, self.0.settings.room_token_minutes);
        self.signed(Purpose::Room, &claims)
    }

    /// Verifies an access token and gives its content; `unauthenticated` or `token_expired` if it is not valid. It does
    /// not check whether the session has ended.
    pub async fn verify_access(&self, token: &str, now: Timestamp) -> Result<Access> {
        self.verified::<AccessClaims>(Purpose::Access, token, now).await?.access()
    }

    /// Checks that the token admits this user to this room; `room_token_invalid` if not.
    pub async fn verify_room(&self, token: &str, room: RoomId, user: UserId, now: Timestamp) -> Result<()> {
        let claims = self.verified::<RoomClaims>(Purpose::Room, token, now).await?;
        if claims.admits(user, room) { Ok(()) } else { Err(Purpose::Room.refused()) }
    }

    fn signed(&self, purpose: Purpose, claims: &(impl serde::Serialize + Claims)) -> Result<Token> {
        let ring = self.ring();
        let (kid, key) = ring.signing.get(&purpose).ok_or_else(|| Error::internal("there is no key to sign with"))?;
        token::signed(purpose, *kid, key, claims)
    }

    async fn verified<C>(&self, purpose: Purpose, token: &str, now: Timestamp) -> Result<C>
    where
        C: serde::de::DeserializeOwned + Claims,
    {
        let header = token::header_in(purpose, token)?;
        let mut ring = self.ring();
        if ring.verifying(purpose, header).is_none() {
            self.read_again().await?;
            ring = self.ring();
        }
        let key = ring.verifying(purpose, header).ok_or_else(|| purpose.refused())?;
        token::verified(purpose, token, key, now)
    }

    /// Reads the keys because a token names an unknown one. Calls that come while the keys are read, or right after,
    /// use what was read, because a key can be read long before it signs.
    async fn read_again(&self) -> Result<()> {
        let mut read_at = self.0.read_at.lock().await;
        if read_at.is_some_and(|at| at.elapsed() < READ_AT_MOST_EVERY) {
            return Ok(());
        }
        *read_at = Some(Instant::now());
        self.read().await
    }

    /// Reads the keys. Each node does this so often that it knows a new key long before it signs.
    pub(super) async fn read(&self) -> Result<()> {
        let stored = store::signing_keys(&mut *self.0.reads.conn().await?).await?;
        self.hold(stored)
    }

    fn hold(&self, stored: Vec<StoredKey>) -> Result<()> {
        let ring = Arc::new(Ring::of(&stored)?);
        *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.0.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ring {
    fn verifying(&self, purpose: Purpose, header: &str) -> Option<&DecodingKey> {
        self.verifying.get(header).filter(|(of, _)| *of == purpose).map(|(_, key)| key)
    }

    fn of(stored: &[StoredKey]) -> Result<Self> {
        let mut ring = Self::default();
        for purpose in Purpose::ALL {
            let keys = || stored.iter().filter(|key| key.purpose == purpose.name());
            for key in keys() {
                let header = token::header_of(purpose, key.id, &EncodingKey::from_secret(&key.secret))?;
                ring.verifying.insert(header, (purpose, DecodingKey::from_secret(&key.secret)));
            }
            // The newest key that every node has had time to read signs. In the first minutes of a new database there
            // is none, and the oldest signs.
            let ripe = keys().filter(|key| key.age_ms >= RIPE_MS).min_by_key(|key| (key.age_ms, key.id));
            if let Some(key) = ripe.or_else(|| keys().max_by_key(|key| (key.age_ms, key.id))) {
                ring.signing.insert(purpose, (key.id, EncodingKey::from_secret(&key.secret)));
            }
        }
        Ok(ring)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{EncodingKey, Purpose, RIPE_MS, Ring, StoredKey, token};

    fn key(n: u128, purpose: Purpose, age_ms: i64) -> StoredKey {
        StoredKey { id: Uuid::from_u128(n), purpose: purpose.name().to_owned(), secret: vec![n as u8; 32], age_ms }
    }

    fn signs(ring: &Ring, purpose: Purpose) -> Option<u128> {
        ring.signing.get(&purpose).map(|(kid, _)| kid.as_u128())
    }

    #[test]
    fn a_new_key_verifies_at_once_and_signs_when_every_node_knows_it() {
        let old = key(1, Purpose::Access, RIPE_MS * 1_000);
        let ring = Ring::of(&[old, key(2, Purpose::Access, RIPE_MS - 1)]).expect("headers");
        assert_eq!((signs(&ring, Purpose::Access), ring.verifying.len()), (Some(1), 2));
        let old = key(1, Purpose::Access, RIPE_MS * 1_000);
        let ring = Ring::of(&[old, key(2, Purpose::Access, RIPE_MS)]).expect("headers");
        assert_eq!(signs(&ring, Purpose::Access), Some(2));
    }

    #[test]
    fn the_first_key_signs_at_once_and_each_purpose_has_its_own() {
        let ring = Ring::of(&[key(1, Purpose::Access, 0), key(2, Purpose::Room, 0)]).expect("headers");
        assert_eq!((signs(&ring, Purpose::Access), signs(&ring, Purpose::Room)), (Some(1), Some(2)));
        let header = |purpose| {
            let secret = EncodingKey::from_secret(&[1; 32]);
            token::header_of(purpose, Uuid::from_u128(1), &secret).expect("a header")
        };
        assert!(ring.verifying(Purpose::Access, &header(Purpose::Access)).is_some());
        assert!(ring.verifying(Purpose::Room, &header(Purpose::Access)).is_none());
        assert!(ring.verifying(Purpose::Room, &header(Purpose::Room)).is_none());
        assert_eq!(signs(&Ring::of(&[]).expect("none"), Purpose::Room), None);
    }
}
