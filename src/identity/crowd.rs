//! Accounts by the thousand, for load tests: real ones, with wallets, sessions and tokens, made in a few
//! statements. Nobody knows their password.

use std::collections::HashSet;

use parlor_protocol::UserId;
use uuid::Uuid;

use super::service::Identity;
use super::{Token, profile, store};
use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// Accounts in one transaction.
const BATCH: usize = 500;
/// An id that is taken makes one account fewer; so many batches more than needed are tried.
const SPARE_BATCHES: usize = 8;

impl Identity {
    /// Makes so many accounts, signs each in and gives it what newcomers are given.
    ///
    /// # Errors
    /// What the store or the ledger refuses.
    pub async fn register_many(&self, people: usize, now: Timestamp) -> Result<Vec<(UserId, Token)>> {
        let password = self.passwords().hash(Uuid::new_v4().to_string()).await?;
        let mut made = Vec::with_capacity(people);
        for _ in 0..people.div_ceil(BATCH) + SPARE_BATCHES {
            let wanted = BATCH.min(people - made.len());
            if wanted == 0 {
                return Ok(made);
            }
            made.extend(self.register_batch(wanted, &password, now).await?);
        }
        Err(Error::internal("no unused ids were found for accounts"))
    }

    async fn register_batch(&self, people: usize, password: &str, now: Timestamp) -> Result<Vec<(UserId, Token)>> {
        let mut ids = HashSet::with_capacity(people);
        while ids.len() < people {
            ids.insert(rand::random_range(100_000_000..1_000_000_000_i64));
        }
        let ids: Vec<i64> = ids.into_iter().collect();
        let emails: Vec<String> =
            ids.iter().map(|_| format!("{}@load.parlor.example", Uuid::new_v4().simple())).collect();
        let mut tx = self.pool().begin().await?;
        let users = store::insert_people(&mut tx, &ids, &emails, password).await?;
        for user in &users {
            profile::service::give_signature(&mut tx, *user, false).await?;
            self.wallets().open(&mut tx, *user).await?;
        }
        let sessions: Vec<Uuid> = users.iter().map(|_| Uuid::now_v7()).collect();
        store::insert_sessions(&mut tx, &sessions, &users, "load").await?;
        tx.commit().await?;
        // Together, so that the ledger commits them together.
        let welcomes = futures_util::future::join_all(users.iter().map(|user| self.wallets().welcome(*user))).await;
        welcomes.into_iter().collect::<Result<Vec<()>>>()?;
        let signed = users.into_iter().zip(sessions);
        signed.map(|(user, session)| Ok((user, self.keys().sign_access(user, session, now)?))).collect()
    }
}
