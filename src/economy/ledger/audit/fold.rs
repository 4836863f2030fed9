//! The fold of the journal: the balances and the lists of transfers that its rows come to. There is no I/O here.

use std::collections::{BTreeMap, BTreeSet};

use parlor_protocol::Currency;

use super::checkpoint::Kept;
use super::report::{Report, Rule};
use super::store::AccountRow;
use crate::economy::ledger::posting::{Transfer, xp};

/// The state of an account after some rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Account {
    pub currency: i16,
    pub may_overdraw: bool,
    pub amount: i64,
    pub xp: i64,
    pub last_transfer: i64,
    /// The account does not exist, which was reported at its first row.
    pub is_missing: bool,
    /// These flaws have been reported, so that they are not reported again for every later row.
    named_negative: bool,
    named_answer: bool,
}

/// The state of the fold after some rows: the accounts that the rows changed.
#[derive(Default)]
pub(super) struct Fold {
    accounts: BTreeMap<i64, Account>,
}

impl Fold {
    /// The fold that a checkpoint has stored.
    pub fn of(kept: Vec<Kept>) -> Self {
        let accounts = kept.into_iter().map(|Kept(id, currency, may_overdraw, amount, xp, last_transfer)| {
            (id, Account { currency, may_overdraw, amount, xp, last_transfer, ..Account::default() })
        });
        Self { accounts: accounts.collect() }
    }

    /// The fold in the form that a checkpoint stores.
    pub fn kept(&self) -> Vec<Kept> {
        let kept =
            |(id, of): (&i64, &Account)| Kept(*id, of.currency, of.may_overdraw, of.amount, of.xp, of.last_transfer);
        self.accounts.iter().map(kept).collect()
    }

    /// The accounts of these rows that the fold does not have yet.
    pub fn unknown<'a>(&self, rows: impl Iterator<Item = &'a Transfer>) -> Vec<i64> {
        let named: BTreeSet<i64> = rows.flat_map(|row| row.legs.iter().map(|leg| leg.account)).collect();
        named.into_iter().filter(|account| !self.accounts.contains_key(account)).collect()
    }

    /// Adds accounts that exist, before their first rows.
    pub fn open(&mut self, accounts: Vec<AccountRow>) {
        for row in accounts {
            let account = Account { currency: row.currency, may_overdraw: row.may_overdraw, ..Account::default() };
            self.accounts.insert(row.id, account);
        }
    }

    /// The state of an account; an account without rows has nothing.
    pub fn account(&self, id: i64) -> Account {
        self.accounts.get(&id).copied().unwrap_or_default()
    }

    /// The accounts with rows above `after` and at most `until`.
    pub fn between(&self, after: i64, until: i64) -> impl Iterator<Item = (i64, Account)> {
        self.accounts.range(after.saturating_add(1)..=until).map(|(id, account)| (*id, *account))
    }

    /// Adds the next row of the journal.
    pub fn transfer(&mut self, row: &Transfer, report: &mut Report) {
        report.transfers += 1;
        let subject = || format!("transfer {}", row.id);
        self.check_shape(row, report);
        for leg in &row.legs {
            let account = self.accounts.entry(leg.account).or_insert_with(|| {
                report.add(Rule::ListWhole, subject(), format!("account {} does not exist", leg.account));
                Account { currency: leg.currency, is_missing: true, ..Account::default() }
            });
            if account.currency != leg.currency {
                let detail = format!(
                    "account {} has currency {}, but its leg has currency {}",
                    leg.account, account.currency, leg.currency
                );
                report.add(Rule::LegCurrency, subject(), detail);
            }
            if leg.previous != account.last_transfer {
                let detail = format!(
                    "names {} as the previous transfer of account {}, but the journal has {}",
                    leg.previous, leg.account, account.last_transfer
                );
                report.add(Rule::ListWhole, subject(), detail);
            }
            account.amount = account.amount.saturating_add(leg.amount);
            account.xp = account.xp.saturating_add(xp(leg, &row.stored).unwrap_or_default());
            account.last_transfer = row.id;
            if account.amount < 0 && !account.may_overdraw && !account.named_negative {
                account.named_negative = true;
                report.add(
                    Rule::NeverNegative,
                    subject(),
                    format!("leaves account {} at {}", leg.account, account.amount),
                );
            }
        }
        if let Some(actor) = self.accounts.get_mut(&row.actor)
            && actor.amount != row.actor_balance
            && !actor.named_answer
        {
            actor.named_answer = true;
            let detail = format!(
                "was answered with a balance of {}, but the journal comes to {}",
                row.actor_balance, actor.amount
            );
            report.add(Rule::AnswerTrue, subject(), detail);
        }
    }

    fn check_shape(&self, row: &Transfer, report: &mut Report) {
        let ascending = row.legs.windows(2).all(|pair| pair[0].account < pair[1].account);
        if row.legs.len() < 2 || !ascending || row.legs.iter().any(|leg| leg.amount == 0) {
            report.add(Rule::RowWhole, format!("transfer {}", row.id), "its legs are empty, repeated or out of order");
        }
        for currency in Currency::ALL {
            let legs = row.legs.iter().filter(|leg| leg.currency == currency.number());
            let sum: i128 = legs.map(|leg| i128::from(leg.amount)).sum();
            if sum != 0 {
                report.add(Rule::ZeroSum, format!("transfer {}", row.id), format!("sums to {sum} in {currency:?}"));
            }
        }
    }
}
