//! Thousands of accounts for worlds that are made at once (`parlor seed --scale`) and for load tests. They are real
//! accounts with wallets, sessions and tokens, but they are made in a few statements and share a random password that
//! nobody knows.

use std::collections::HashSet;

use parlor_protocol::UserId;
use uuid::Uuid;

use super::hashing::Asker;
use super::service::Identity;
use super::{Token, profile, store};
use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};
use crate::kit::tx::Tx;

/// The accounts that are made in one transaction, and the newcomers who get their welcome coins together: about one
/// batch of the ledger.
const BATCH: usize = 500;
/// Ids are random, and an id that is taken makes one account fewer. So at most this many batches more than twice those
/// needed are tried.
const SPARE_BATCHES: usize = 8;

impl Identity {
    /// Makes `people` accounts, signs each in and gives it the welcome coins. Gives each user with an access token.
    ///
    /// # Errors
    /// A fault or an outage of the store; what the ledger answers to the welcome coins.
    pub async fn register_many(&self, edge: &Edge, people: usize) -> Result<Vec<(UserId, Token)>> {
        let password =
            self.passwords().hash(Asker::Operator, edge.chance().id().to_string(), edge.chance().bytes()).await?;
        let mut made: Vec<(UserId, Token)> = Vec::with_capacity(people);
        let mut newcomers = Vec::new();
        for _ in 0..people.div_ceil(BATCH) * 2 + SPARE_BATCHES {
            // The ledger books the welcome coins of one batch while the next batch is made.
            let wanted = BATCH.min(people - made.len());
            let (welcomed, batch) =
                tokio::join!(self.welcome_all(&newcomers), self.register_batch(edge, wanted, &password));
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

    /// Gives these users their welcome coins, all at the same time, so that the ledger commits them in few batches.
    async fn welcome_all(&self, users: &[UserId]) -> Result<()> {
        let welcomes = futures_util::future::join_all(users.iter().map(|user| self.wallets().welcome(*user))).await;
        welcomes.into_iter().collect()
    }

    async fn register_batch(&self, edge: &Edge, people: usize, password: &str) -> Result<Vec<(UserId, Token)>> {
        let now = edge.now();
        let mut tx = edge.begin().await?;
        let signed_in = self.open_accounts(&mut tx, people, password, (now, edge.chance())).await?;
        tx.commit().await?;
        signed_in.into_iter().map(|(user, session)| Ok((user, self.keys().sign_access(user, session, now)?))).collect()
    }

    /// Makes accounts with signatures, wallets and a session each. An id that is taken makes no account.
    async fn open_accounts(
        &self,
        tx: &mut Tx,
        people: usize,
        password_hash: &str,
        (now, chance): (Timestamp, &Chance),
    ) -> Result<Vec<(UserId, Uuid)>> {
        let mut ids = HashSet::with_capacity(people);
        while ids.len() < people {
            ids.insert(chance.in_range(100_000_000..1_000_000_000));
        }
        let ids: Vec<i64> = ids.into_iter().collect();
        let emails: Vec<String> = ids.iter().map(|_| format!("{}@load.parlor.example", chance.id().simple())).collect();
        let users = store::insert_people(tx, &ids, &emails, password_hash).await?;
        profile::service::give_signatures(tx, chance, &users).await?;
        self.wallets().open_all(tx, &users).await?;
        let sessions: Vec<Uuid> = users.iter().map(|_| chance.id_at(now)).collect();
        store::insert_sessions(tx, &sessions, &users, "load").await?;
        Ok(users.into_iter().zip(sessions).collect())
    }
}
