//! Accounts by the thousand, for load tests: real ones, with wallets, sessions and tokens, made in a few
//! statements. Nobody knows their password.

use std::collections::HashSet;

use parlor_protocol::UserId;
use uuid::Uuid;

use super::service::Identity;
use super::{Token, profile, store};
use crate::kit::clock::Timestamp;
use crate::kit::error::{Error, Result};

/// Accounts in one transaction, and newcomers who are welcomed together: a batch of the ledger.
const BATCH: usize = 500;
/// An id that is taken makes one account fewer: so many batches are tried beyond twice those needed.
const SPARE_BATCHES: usize = 8;

impl Identity {
    /// Makes so many accounts, signs each in and gives it what newcomers are given.
    ///
    /// # Errors
    /// What the store or the ledger refuses.
    pub async fn register_many(&self, people: usize, now: Timestamp) -> Result<Vec<(UserId, Token)>> {
        let password = self.passwords().hash(Uuid::new_v4().to_string()).await?;
        let mut made: Vec<(UserId, Token)> = Vec::with_capacity(people);
        let mut newcomers = Vec::new();
        for _ in 0..people.div_ceil(BATCH) * 2 + SPARE_BATCHES {
            // The ledger welcomes those of one batch while the next one is made.
            let wanted = BATCH.min(people - made.len());
            let (welcomed, batch) =
                tokio::join!(self.welcome_all(&newcomers), self.register_batch(wanted, &password, now));
            welcomed?;
            let batch = batch?;
            newcomers = batch.iter().map(|(user, _)| *user).collect();
            made.extend(batch);
            if made.len() == people {
                self.welcome_all(&newcomers).await?;
                return Ok(made);
            }
        }
        Err(Error::internal("no unused ids were found for accounts"))
    }

    /// Together, so that the ledger commits them together.
    async fn welcome_all(&self, users: &[UserId]) -> Result<()> {
        let welcomes = futures_util::future::join_all(users.iter().map(|user| self.wallets().welcome(*user))).await;
        welcomes.into_iter().collect()
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
        profile::service::give_signatures(&mut tx, &users).await?;
        self.wallets().open_all(&mut tx, &users).await?;
        let sessions: Vec<Uuid> = users.iter().map(|_| Uuid::now_v7()).collect();
        store::insert_sessions(&mut tx, &sessions, &users, "load").await?;
        tx.commit().await?;
        let signed = users.into_iter().zip(sessions);
        signed.map(|(user, session)| Ok((user, self.keys().sign_access(user, session, now)?))).collect()
    }
}
