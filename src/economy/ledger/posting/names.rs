//! What postings are judged by: accounts, wallets, the system's accounts, and the users behind accounts. Plain data.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parlor_protocol::{Op, UserId};

use super::row::Authority;

/// An account's balance: first as it was read under its lock, then as the judged orders leave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// The balance in minor units.
    pub amount: i64,
    /// The experience in 1/10,000 point.
    pub xp: i64,
    /// The account's last transfer; 0 if it has none.
    pub last_transfer: i64,
    /// Whether the balance may be below 0; only the system's issuance accounts may.
    pub may_overdraw: bool,
    /// Whether a transfer of this batch has changed it.
    pub changed: bool,
}

/// The accounts of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wallet {
    /// The account for coins. The user's operations are scoped to it.
    pub coin: i64,
    /// The account for diamonds.
    pub diamond: i64,
}

/// The accounts of the system itself, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct System(Arc<[(String, i64)]>);

impl System {
    /// The accounts in these rows of `system_accounts`.
    pub fn of(accounts: impl IntoIterator<Item = (String, i64)>) -> Self {
        Self(accounts.into_iter().collect())
    }

    /// The account with this name. If there is none it is 0, which is no account's id, so a posting that needs it is
    /// refused as a fault.
    pub fn account(&self, name: &str) -> i64 {
        self.0.iter().find(|(other, _)| other == name).map_or(0, |(_, account)| *account)
    }

    /// Every account with its name.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, account)| (name.as_str(), *account))
    }
}

/// The owner of an operation. Operations are scoped to one of the owner's accounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A user. Their operations are scoped to their coin account.
    User(UserId),
    /// The account of the system with this name, for operations that are no user's.
    System(&'static str),
}

/// The accounts behind what orders name. They are read before any lock is taken, and decide which balances are locked.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The system's accounts.
    pub system: System,
    /// The wallets of all users that the batch's orders name.
    pub wallets: HashMap<UserId, Wallet>,
    /// When the batch is posted, in Unix microseconds.
    pub at_us: i64,
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

/// Users by their accounts. Erased users are absent.
#[derive(Clone, Debug, Default)]
pub struct People(pub(in crate::economy::ledger) HashMap<i64, UserId>);

impl People {
    /// The user who owns this account.
    pub fn of(&self, account: i64) -> Option<UserId> {
        self.0.get(&account).copied()
    }

    pub(in crate::economy::ledger) fn of_wallets(wallets: &HashMap<UserId, Wallet>) -> Self {
        let accounts = wallets.iter().flat_map(|(user, wallet)| [(wallet.coin, *user), (wallet.diamond, *user)]);
        Self(accounts.collect())
    }
}

/// What an order is judged by, in addition to its kind's own rows.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Wallets and the system's accounts.
    pub names: &'a Names,
    /// The locked balances, as the orders before this one leave them.
    pub accounts: &'a BTreeMap<i64, Account>,
    /// The operation's id.
    pub op: Op,
    /// The operation's owner.
    pub actor: Actor,
    /// The account that the operation is scoped to.
    pub account: i64,
    /// Who ordered the posting.
    pub authority: Authority,
    /// The posting's time, in Unix microseconds.
    pub at_us: i64,
}

/// The accounts that a batch locks, in the order in which they are locked.
pub type Locks = BTreeSet<i64>;
