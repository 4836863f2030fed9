//! What a posting is judged by and named with: accounts, wallets, the system's accounts. Plain data.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parlor_protocol::{Op, UserId};

use super::row::Authority;

/// A balance row, as locked and then as judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// Minor units.
    pub amount: i64,
    /// Experience in 1/10,000.
    pub xp: i64,
    /// The head of the account's list.
    pub last_transfer: i64,
    /// The system's issuance alone.
    pub may_overdraw: bool,
    /// A transfer of this batch has touched it.
    pub changed: bool,
}

/// The accounts of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wallet {
    /// Holds coins; operations are scoped to it.
    pub coin: i64,
    /// Holds diamonds.
    pub diamond: i64,
}

/// The accounts of the system itself, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct System(Arc<[(String, i64)]>);

impl System {
    /// From the rows of `system_accounts`.
    pub fn of(accounts: impl IntoIterator<Item = (String, i64)>) -> Self {
        Self(accounts.into_iter().collect())
    }

    /// The account of this name. Where there is none: 0, which is no account, so that a posting that
    /// needs it is refused as a fault.
    pub fn account(&self, name: &str) -> i64 {
        self.0.iter().find(|(other, _)| other == name).map_or(0, |(_, account)| *account)
    }

    /// Every account with its name.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, account)| (name.as_str(), *account))
    }
}

/// Who an operation belongs to: it is scoped to this account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A user: the coin account.
    User(UserId),
    /// An account of the system: what the system does for nobody in particular.
    System(&'static str),
}

/// What orders name, looked up before any lock: it decides which balances are locked.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The system's accounts.
    pub system: System,
    /// The wallets of all users that the batch's orders name.
    pub wallets: HashMap<UserId, Wallet>,
}

impl Names {
    /// The account that an operation is scoped to; `None` for a user without a wallet.
    pub fn actor(&self, actor: Actor) -> Option<i64> {
        match actor {
            Actor::User(user) => self.wallets.get(&user).map(|wallet| wallet.coin),
            Actor::System(name) => Some(self.system.account(name)),
        }
    }

    /// A user's wallet.
    pub fn wallet(&self, user: UserId) -> Option<Wallet> {
        self.wallets.get(&user).copied()
    }
}

/// Users by their accounts; who was erased is absent.
#[derive(Clone, Debug, Default)]
pub struct People(pub(in crate::economy::ledger) HashMap<i64, UserId>);

impl People {
    /// Whose account this is.
    pub fn of(&self, account: i64) -> Option<UserId> {
        self.0.get(&account).copied()
    }

    pub(in crate::economy::ledger) fn of_wallets(wallets: &HashMap<UserId, Wallet>) -> Self {
        let accounts = wallets.iter().flat_map(|(user, wallet)| [(wallet.coin, *user), (wallet.diamond, *user)]);
        Self(accounts.collect())
    }
}

/// What an order is judged by, beside its kind's own rows.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Wallets and the system's accounts.
    pub names: &'a Names,
    /// The locked balances, as the orders before this one leave them.
    pub accounts: &'a BTreeMap<i64, Account>,
    /// The operation.
    pub op: Op,
    /// Who it belongs to.
    pub actor: Actor,
    /// The account that it is scoped to.
    pub account: i64,
    /// On whose word.
    pub authority: Authority,
    /// The posting's time, Unix microseconds.
    pub at_us: i64,
}

/// The accounts that a batch locks, in the order of their locks.
pub type Locks = BTreeSet<i64>;
