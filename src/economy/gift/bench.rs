//! Access for `benches/` to the judgement of a batch of gifts, with books in memory. The server does not use it.

use parlor_protocol::room::Person;
use parlor_protocol::{GiftId, Op, RoomId, UserId};
use uuid::Uuid;

use super::posting::{Gift, Gifts, State};
use crate::economy::ledger::Kinds;
use crate::economy::ledger::judge::{Books, Parts, judge};
use crate::economy::ledger::posting::{Account, Kind, Names, System, Wallet};
use crate::economy::ledger::{By, Order};
use crate::kit::operation::Operation;

/// A batch of orders for gifts, with everything that they are judged by.
#[derive(Debug)]
pub struct Batch {
    gifts: i64,
    receivers: i64,
    kinds: Kinds,
    books: Books,
    state: State,
    orders: Vec<Order>,
}

/// A clone is a new batch that has not been judged, because judging a batch changes it.
impl Clone for Batch {
    fn clone(&self) -> Self {
        Self::of_gifts(self.gifts, self.receivers)
    }
}

impl Batch {
    /// A batch of `gifts` gifts in one room, each from a sender of its own, spread over `receivers` receivers.
    pub fn of_gifts(gifts: i64, receivers: i64) -> Self {
        let person = |index: i64| {
            let id = UserId::new(100_000_000 + index).expect("in range");
            Person::named(id, format!("user {index}"))
        };
        let room = RoomId::new(900_000_000).expect("in range");
        let gift = GiftId::new(1).expect("in range");
        let names = ["coin_issuance", "promotion", "gift_revenue", "diamond_issuance"];
        let system = System::of(names.map(str::to_owned).into_iter().zip(1..));
        let mut books = Books { names: Names { system, ..Names::default() }, ..Books::default() };
        let system = [(1, true), (2, false), (3, false), (4, true)];
        books.accounts.extend(system.map(|(id, may_overdraw)| (id, Account { may_overdraw, ..Account::default() })));
        for index in 0..gifts + receivers {
            let coin = 10 + 2 * index;
            books.names.wallets.insert(person(index).id, Wallet { coin, diamond: coin + 1 });
            books.accounts.insert(coin, Account { amount: 1_000_000, ..Account::default() });
            books.accounts.insert(coin + 1, Account::default());
        }
        let orders = (0..gifts).map(|index| {
            let sender = person(receivers + index);
            let op = Op(Uuid::from_u128(index as u128 + 1));
            let operation = Operation { op, actor: sender.id, body_hash: [0; 16] };
            let receivers = Ok(vec![person(index % receivers)]);
            let gift = Gift { room, owner: person(0).id, sender, gift, count: 1, receivers };
            Order::new::<Gifts>(operation, By::User, gift, tokio::sync::oneshot::channel().0)
        });
        let (orders, state) = (orders.collect(), State::of_one_price(gift, 10, room));
        Self { gifts, receivers, kinds: Kinds::default().with(Gifts), books, state, orders }
    }

    /// Judges the batch; returns how many orders became transfers.
    pub fn judge(&mut self) -> usize {
        let requests = || self.orders.iter().map(|order| &order.request);
        let mut parts = Parts::of(&self.kinds, requests());
        *parts.state(Gifts::NUMBER).expect("the batch has gifts") = self.state.clone();
        judge(&mut self.books, &mut parts, requests(), 1, 1).transfers.len()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_gift_of_the_batch_is_paid() {
        assert_eq!(super::Batch::of_gifts(512, 8).judge(), 512);
    }
}
