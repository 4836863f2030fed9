//! Compares what the owner of an account was told about it: the balance (`/v1/wallet`), the entries
//! (`/v1/wallet/entries`), and the receipts of the gifts that they sent. It does no I/O.

use std::collections::{HashMap, VecDeque};

use serde::Deserialize;

/// A balance as `/v1/wallet` gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// The balance in minor units.
    pub amount: i64,
    /// The account's last transfer; 0 before the first one.
    pub version: i64,
}

/// An entry as `/v1/wallet/entries` gives it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Movement {
    /// The transfer in the ledger.
    pub transfer: i64,
    /// The kind of posting.
    pub kind: String,
    /// The amount in minor units; negative if it left the account.
    pub amount: i64,
    /// If the kind is a gift: the owner's part in it.
    #[serde(default)]
    pub gift: Option<Part>,
}

/// The part of the account's owner in a gift.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Part {
    /// `sender`, `receiver` or `room_owner`.
    pub role: String,
}

/// The receipt of a gift that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Paid {
    /// The transfer in the ledger.
    pub receipt: i64,
    /// Its price in coins.
    pub total: i64,
    /// The sender's coins right after it.
    pub balance: i64,
}

/// The newest receipts of one sender that are kept: more than the entries that are read.
const KEPT: usize = 1_000;

/// The receipts of one sender, bounded so that a run may have any length.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Receipts {
    newest: VecDeque<Paid>,
    /// The price of all gifts together.
    spent: i64,
}

impl Receipts {
    /// Adds a receipt; the oldest is dropped beyond the bound.
    pub fn add(&mut self, paid: Paid) {
        self.spent += paid.total;
        if self.newest.len() == KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(paid);
    }
}

/// An account before and after a run, with its entries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statement {
    /// The balance before the run.
    pub before: Standing,
    /// The balance after the run.
    pub after: Standing,
    /// The newest entries, newest first.
    pub movements: Vec<Movement>,
    /// The entries reach back to the account's first one.
    pub is_whole: bool,
}

impl Statement {
    /// The flaws of a coin account whose owner has these receipts and sent `open` more gifts without learning their
    /// outcome. Besides the rules for all accounts: each receipt has exactly one entry with its price and its balance,
    /// and there is no entry that the owner did not cause.
    pub fn flaws_of_coins(&self, paid: &Receipts, open: u64) -> Vec<String> {
        let mut flaws = self.flaws();
        let mut receipts: HashMap<i64, &Paid> = HashMap::with_capacity(paid.newest.len());
        for paid in &paid.newest {
            if receipts.insert(paid.receipt, paid).is_some() {
                flaws.push(format!("two gifts were answered with the receipt {}", paid.receipt));
            }
        }
        let (mut unknown, mut strays) = (Vec::new(), false);
        for (movement, balance) in self.of_the_run().zip(self.balances()) {
            let is_gift = movement.kind == "gift" && movement.role() == "sender";
            match receipts.remove(&movement.transfer) {
                Some(paid) if !is_gift || movement.amount != -paid.total => {
                    flaws.push(format!("{movement:?} is of a gift that cost {}", paid.total));
                }
                // All older balances are off by the same amount, so only the first is reported.
                Some(paid) if balance != paid.balance && !strays => {
                    strays = true;
                    flaws.push(format!("{movement:?} leaves {balance}, and by its receipt {}", paid.balance));
                }
                Some(_) => {}
                None if is_gift => unknown.push(movement.transfer),
                None => flaws.push(format!("{movement:?} is nothing that was asked for")),
            }
        }
        if unknown.len() as u64 > open {
            flaws.push(format!("{unknown:?} are gifts without a receipt, and {open} were sent without an answer"));
        }
        let reach = if self.is_complete() { self.before.version } else { self.oldest() };
        let mut missing: Vec<i64> = receipts.into_keys().filter(|receipt| *receipt > reach).collect();
        missing.sort_unstable();
        flaws.extend(missing.iter().map(|receipt| format!("the gift {receipt} has a receipt and no entry")));
        let spent = paid.spent;
        if open == 0 && self.before.amount - self.after.amount != spent {
            flaws.push(format!("{} coins became {}, and {spent} were spent", self.before.amount, self.after.amount));
        }
        flaws
    }

    /// The flaws of a diamond account. Besides the rules for all accounts: every new entry is a gift received.
    pub fn flaws_of_diamonds(&self) -> Vec<String> {
        let mut flaws = self.flaws();
        let is_received = |movement: &Movement| {
            movement.kind == "gift" && matches!(movement.role(), "receiver" | "room_owner") && movement.amount > 0
        };
        let strange = self.of_the_run().filter(|movement| !is_received(movement));
        flaws.extend(strange.map(|movement| format!("{movement:?} is nothing that is received in a room")));
        flaws
    }

    /// The flaws by the rules for all accounts: the newest entry is the balance's version; entries come newest first,
    /// each once; and subtracting them from the balance gives the balance before the run, and zero before the first
    /// entry.
    fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let newest = self.movements.first().map_or(0, |movement| movement.transfer);
        if newest != self.after.version {
            flaws.push(format!("the balance is of transfer {}, and the newest entry is {newest}", self.after.version));
        }
        for pair in self.movements.windows(2) {
            let (newer, older) = (pair[0].transfer, pair[1].transfer);
            if newer == older {
                flaws.push(format!("the entry {newer} is there twice"));
            } else if newer < older {
                flaws.push(format!("the entry {older} comes behind {newer}"));
            }
        }
        if let Some((movement, balance)) = self.movements.iter().zip(self.balances()).find(|(_, balance)| *balance < 0)
        {
            flaws.push(format!("{movement:?} leaves {balance}"));
        }
        let before = self.movements.iter().zip(self.balances()).find(|(old, _)| old.transfer <= self.before.version);
        match before {
            Some((old, _)) if old.transfer != self.before.version => {
                flaws.push(format!("the entry {} was there before, and is not any more", self.before.version));
            }
            Some((old, balance)) if balance != self.before.amount => {
                flaws.push(format!(
                    "the entries above {} fold back to {balance}, and it was {}",
                    old.transfer, self.before.amount
                ));
            }
            None if self.is_whole && self.before.version != 0 => {
                flaws.push(format!("the entry {} was there before, and is not any more", self.before.version));
            }
            _ => {}
        }
        let first = self.after.amount - self.movements.iter().map(|movement| movement.amount).sum::<i64>();
        if self.is_whole && first != 0 {
            let (sum, amount) = (self.after.amount - first, self.after.amount);
            flaws.push(format!("all entries come to {sum}, and the balance is {amount}"));
        }
        flaws
    }

    /// The entries that the run made.
    fn of_the_run(&self) -> impl Iterator<Item = &Movement> {
        self.movements.iter().take_while(|movement| movement.transfer > self.before.version)
    }

    /// The balance after each entry, computed back from the present one.
    fn balances(&self) -> impl Iterator<Item = i64> {
        self.movements.iter().scan(self.after.amount, |balance, movement| {
            let left = *balance;
            *balance -= movement.amount;
            Some(left)
        })
    }

    /// Whether all entries of the run were read.
    fn is_complete(&self) -> bool {
        self.is_whole || self.oldest() <= self.before.version
    }

    fn oldest(&self) -> i64 {
        self.movements.last().map_or(0, |movement| movement.transfer)
    }
}

impl Movement {
    fn role(&self) -> &str {
        self.gift.as_ref().map_or("", |part| &part.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movement(transfer: i64, amount: i64, role: &str) -> Movement {
        let kind = if role.is_empty() { "grant" } else { "gift" };
        let gift = (!role.is_empty()).then(|| Part { role: role.to_owned() });
        Movement { transfer, kind: kind.to_owned(), amount, gift }
    }

    /// An account that was given 100 coins before the run, and three gifts for 10, 20 and 5.
    fn coins() -> (Statement, Vec<Paid>) {
        let statement = Statement {
            before: Standing { amount: 100, version: 7 },
            after: Standing { amount: 65, version: 12 },
            movements: vec![
                movement(12, -5, "sender"),
                movement(10, -20, "sender"),
                movement(9, -10, "sender"),
                movement(7, 100, ""),
            ],
            is_whole: true,
        };
        let paid = [(9, 10, 90), (10, 20, 70), (12, 5, 65)];
        (statement, paid.map(|(receipt, total, balance)| Paid { receipt, total, balance }).to_vec())
    }

    fn receipts(paid: &[Paid]) -> Receipts {
        let mut receipts = Receipts::default();
        paid.iter().for_each(|paid| receipts.add(*paid));
        receipts
    }

    #[test]
    fn only_the_newest_receipts_are_kept_but_all_are_summed() {
        let paid = |receipt| Paid { receipt, total: 2, balance: 0 };
        let all: Vec<Paid> = (0..KEPT as i64 + 5).map(paid).collect();
        let receipts = receipts(&all);
        assert_eq!((receipts.newest.len(), receipts.spent), (KEPT, 2 * all.len() as i64));
        assert_eq!((receipts.newest.front(), receipts.newest.back()), (Some(&all[5]), all.last()));
    }

    /// Changes a sound statement and expects these words among its flaws.
    fn found(words: &str, change: impl FnOnce(&mut Statement, &mut Vec<Paid>)) {
        let (mut statement, mut paid) = coins();
        change(&mut statement, &mut paid);
        let flaws = statement.flaws_of_coins(&receipts(&paid), 0).join("\n");
        assert!(flaws.contains(words), "{words}: {flaws}");
    }

    #[test]
    fn a_sound_statement_has_no_flaws() {
        let (mut statement, paid) = coins();
        assert_eq!(statement.flaws_of_coins(&receipts(&paid), 0), Vec::<String>::new());
        // With the newest entries only, older receipts are not missed.
        (statement.movements, statement.is_whole) = (statement.movements[..2].to_vec(), false);
        assert_eq!(statement.flaws_of_coins(&receipts(&paid), 0), Vec::<String>::new());
        assert_eq!(
            Statement { is_whole: true, ..Statement::default() }.flaws_of_coins(&receipts(&[]), 0),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_flaw_is_found_and_names_the_entry() {
        found("the newest entry is 10", |statement, _| drop(statement.movements.remove(0)));
        found("the gift 10 has a receipt and no entry", |statement, _| drop(statement.movements.remove(1)));
        found("entry 10 is there twice", |statement, _| statement.movements.insert(1, statement.movements[1].clone()));
        found("entry 12 comes behind 10", |statement, _| statement.movements.swap(0, 1));
        found("transfer: 10, kind: \"gift\", amount: -21", |statement, _| statement.movements[1].amount = -21);
        found("transfer: 9, kind: \"gift\", amount: -10", |_, paid| paid[0].balance = 91);
        found("the entry 7 was there before", |statement, _| drop(statement.movements.pop()));
        found("all entries come to 64", |statement, _| statement.movements[3].amount = 99);
        found("fold back to 100, and it was 101", |statement, _| statement.before.amount = 101);
        found("35 were spent", |statement, _| statement.after.amount = 64);
        found("[12] are gifts without a receipt", |_, paid| paid.truncate(2));
        found("nothing that was asked for", |statement, paid| {
            paid.pop();
            statement.movements[0] = movement(12, -5, "");
        });
        found("two gifts were answered with the receipt 12", |_, paid| paid.push(paid[2]));
        found("leaves -1", |statement, _| statement.after = Standing { amount: -1, version: 12 });
    }

    #[test]
    fn a_gift_whose_answer_was_lost_may_be_there() {
        let (statement, mut paid) = coins();
        paid.pop();
        assert_eq!(statement.flaws_of_coins(&receipts(&paid), 1), Vec::<String>::new());
    }

    #[test]
    fn a_diamond_entry_must_be_a_gift_received() {
        let mut statement = Statement {
            after: Standing { amount: 300, version: 4 },
            movements: vec![movement(4, 100, "room_owner"), movement(2, 200, "receiver")],
            is_whole: true,
            ..Statement::default()
        };
        assert_eq!(statement.flaws_of_diamonds(), Vec::<String>::new());
        statement.movements[0] = movement(4, 100, "");
        assert_eq!(statement.flaws_of_diamonds().len(), 1);
        statement.movements.remove(0);
        assert_eq!(statement.flaws_of_diamonds().len(), 2);
    }
}
