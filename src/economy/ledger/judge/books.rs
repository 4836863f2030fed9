//! What a batch is judged by: the rows that were read, most of them under their locks. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlor_protocol::{ErrorBody, GiftId, Op, RoomId, UserId};

use crate::economy::ledger::order::{Actor, Intent, Receipt, Request};
use crate::kit::operation::BodyHash;

/// No amount and no experience passes this, so that every client reads them exactly.
pub(in crate::economy::ledger) const LIMIT: i64 = parlor_protocol::id::NUMBER_LIMIT - 1;

/// A balance row, as locked and then as judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::economy::ledger) struct Account {
    pub amount: i64,
    pub xp: i64,
    pub last_transfer: i64,
    pub may_overdraw: bool,
    /// A transfer of this batch has touched it.
    pub changed: bool,
}

/// A room's totals, as locked and then as judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::economy::ledger) struct RoomTotal {
    pub gift_no: i64,
    pub coins: i64,
    pub changed: bool,
}

/// The accounts of a user, and who shares in what the user receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::economy::ledger) struct Wallet {
    pub coin: i64,
    pub diamond: i64,
    /// The agency's diamond account and its rate in basis points.
    pub agency: Option<(i64, i32)>,
}

/// A gift of the catalogue, as far as money is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::economy::ledger) struct Price {
    pub coins: i64,
    pub xp_bp: i32,
    pub enabled: bool,
    pub vip_level: i16,
}

/// The accounts of the system itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::economy::ledger) struct System {
    pub coin_issuance: i64,
    pub promotion: i64,
    pub gift_revenue: i64,
    pub diamond_issuance: i64,
}

/// The stored first answer of an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::economy::ledger) struct Answered {
    pub body_hash: BodyHash,
    pub answer: Result<Receipt, ErrorBody>,
}

/// What orders name, looked up before any lock: these rows decide which balances are locked.
#[derive(Clone, Debug, Default)]
pub(in crate::economy::ledger) struct Names {
    pub system: System,
    pub wallets: HashMap<UserId, Wallet>,
    pub prices: HashMap<GiftId, Price>,
}

impl Names {
    /// The coin account that an operation is scoped to; `None` for a user without a wallet.
    pub fn actor(&self, actor: Actor) -> Option<i64> {
        match actor {
            Actor::User(user) => self.wallets.get(&user).map(|wallet| wallet.coin),
            Actor::Promotion => Some(self.system.promotion),
        }
    }

    /// The accounts and rooms that these requests may change, in the order of their locks.
    pub fn touched<'a>(&self, requests: impl Iterator<Item = &'a Request>) -> (BTreeSet<i64>, BTreeSet<RoomId>) {
        let (mut accounts, mut rooms) = (BTreeSet::new(), BTreeSet::new());
        for request in requests {
            // Always locked, whatever comes of it: under it a retry waits for the first.
            accounts.extend(self.actor(request.actor));
            match &request.intent {
                Intent::Gift(gift) => {
                    let Ok(receivers) = &gift.receivers else { continue };
                    rooms.insert(gift.room);
                    accounts.extend([self.system.gift_revenue, self.system.diamond_issuance]);
                    accounts.extend(self.wallets.get(&gift.owner).map(|wallet| wallet.diamond));
                    for wallet in receivers.iter().filter_map(|receiver| self.wallets.get(&receiver.id)) {
                        accounts.insert(wallet.diamond);
                        accounts.extend(wallet.agency.map(|(account, _)| account));
                    }
                }
                Intent::Grant(grant) => {
                    accounts.insert(self.system.promotion);
                    accounts.extend(self.wallets.get(&grant.to).map(|wallet| wallet.coin));
                }
                Intent::Issuance(_) => accounts.extend([self.system.coin_issuance, self.system.promotion]),
            }
        }
        (accounts, rooms)
    }
}

/// Everything a batch is judged by.
#[derive(Clone, Debug, Default)]
pub(in crate::economy::ledger) struct Books {
    pub names: Names,
    pub accounts: BTreeMap<i64, Account>,
    pub rooms: BTreeMap<RoomId, RoomTotal>,
    /// By operation and the actor's coin account, looked up after the locks.
    pub answered: HashMap<(Op, i64), Answered>,
}
