//! A door for `benches/`: the pure part of a batch, on books in memory. Never used by the server.

use std::collections::{BTreeMap, HashMap};

use parlor_protocol::room::Person;
use parlor_protocol::{GiftId, Op, RoomId, UserId};
use uuid::Uuid;

use super::judge::{Account, Books, Names, Price, RoomTotal, System, Wallet, judge};
use super::order::{Actor, Gift, Intent, Request};

const SYSTEM: System = System { coin_issuance: 1, promotion: 2, gift_revenue: 3, diamond_issuance: 4 };

/// Orders of gifts with everything that they are judged by.
#[derive(Clone)]
pub struct Batch {
    books: Books,
    requests: Vec<Request>,
}

impl Batch {
    /// So many gifts, each of another sender, spread over so many receivers in one room.
    pub fn of_gifts(gifts: i64, receivers: i64) -> Self {
        let person = |index: i64| Person {
            id: UserId::new(100_000_000 + index).expect("in range"),
            name: format!("user {index}"),
        };
        let room = RoomId::new(900_000_000).expect("in range");
        let gift = GiftId::new(1).expect("in range");
        let mut names = Names { system: SYSTEM, ..Names::default() };
        names.prices.insert(gift, Price { coins: 10, xp_bp: 10_000, enabled: true, vip_level: 0 });
        let mut accounts: BTreeMap<i64, Account> = [(1, true), (2, false), (3, false), (4, true)]
            .map(|(account, may_overdraw)| (account, Account { may_overdraw, ..Account::default() }))
            .into();
        for index in 0..gifts + receivers {
            let coin = 10 + 2 * index;
            names.wallets.insert(person(index).id, Wallet { coin, diamond: coin + 1, agency: None });
            accounts.insert(coin, Account { amount: 1_000_000, ..Account::default() });
            accounts.insert(coin + 1, Account::default());
        }
        let requests = (0..gifts).map(|index| {
            let sender = person(receivers + index);
            let receivers = Ok(vec![person(index % receivers)]);
            Request {
                op: Op(Uuid::from_u128(index as u128 + 1)),
                actor: Actor::User(sender.id),
                body_hash: [0; 16],
                intent: Intent::Gift(Gift { room, owner: person(0).id, sender, gift, count: 1, receivers }),
            }
        });
        let requests = requests.collect();
        let rooms = BTreeMap::from([(room, RoomTotal::default())]);
        Self { books: Books { names, accounts, rooms, answered: HashMap::new() }, requests }
    }

    /// Judges them; returns how many became transfers.
    pub fn judge(&mut self) -> usize {
        judge(&mut self.books, self.requests.iter(), 1, 1).transfers.len()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_gift_of_the_batch_is_paid() {
        assert_eq!(super::Batch::of_gifts(512, 8).judge(), 512);
    }
}
