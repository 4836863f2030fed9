//! The journal folded: what balances, lists and rooms must be. Pure.

use std::collections::HashMap;

use parlor_protocol::Currency;

use super::report::{Report, Rule};
use super::store::{AccountRow, BalanceRow};
use crate::economy::ledger::posting::{System, Transfer, xp};

#[derive(Default)]
struct Account {
    currency: i16,
    may_overdraw: bool,
    amount: i64,
    xp: i64,
    last_transfer: i64,
    /// Named once; what follows from it in every later row is not named again.
    named_negative: bool,
    named_answer: bool,
    has_balance: bool,
}

/// The state of the fold after some rows.
#[derive(Default)]
pub(super) struct Fold {
    accounts: HashMap<i64, Account>,
}

impl Fold {
    /// Accounts that exist.
    pub fn open(&mut self, page: Vec<AccountRow>, report: &mut Report) {
        for row in page {
            report.accounts += 1;
            let account = Account { currency: row.currency, may_overdraw: row.may_overdraw, ..Account::default() };
            self.accounts.insert(row.id, account);
        }
    }

    /// The system's accounts: only issuance may overdraw.
    pub fn system(&mut self, system: &System, report: &mut Report) {
        let issuance: Vec<i64> =
            system.accounts().filter(|(name, _)| name.ends_with("_issuance")).map(|(_, account)| account).collect();
        for (id, account) in &self.accounts {
            if account.may_overdraw && !issuance.contains(id) {
                report.add(Rule::Overdraft, format!("account {id}"), "may overdraw and is no issuance");
            }
        }
    }

    /// The next row of the journal, by id.
    pub fn transfer(&mut self, row: &Transfer, report: &mut Report) {
        report.transfers += 1;
        let subject = || format!("transfer {}", row.id);
        self.check_shape(row, report);
        for leg in &row.legs {
            let account = self.accounts.entry(leg.account).or_insert_with(|| {
                report.add(Rule::ListWhole, subject(), format!("account {} does not exist", leg.account));
                Account { currency: leg.currency, ..Account::default() }
            });
            if account.currency != leg.currency {
                let detail =
                    format!("account {} is of currency {}, the leg of {}", leg.account, account.currency, leg.currency);
                report.add(Rule::LegCurrency, subject(), detail);
            }
            if leg.previous != account.last_transfer {
                let detail = format!(
                    "names {} as the transfer before it of account {}, the journal has {}",
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
            let detail = format!("answered a balance of {}, the journal comes to {}", row.actor_balance, actor.amount);
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

    /// Stored balances, beside the fold.
    pub fn balances(&mut self, page: &[BalanceRow], report: &mut Report) {
        for row in page {
            let account = self.accounts.entry(row.id).or_default();
            account.has_balance = true;
            let subject = || format!("account {}", row.id);
            if (row.amount, row.xp, row.last_transfer) != (account.amount, account.xp, account.last_transfer) {
                let detail = format!(
                    "holds amount {}, xp {}, last transfer {}; the journal comes to {}, {}, {}",
                    row.amount, row.xp, row.last_transfer, account.amount, account.xp, account.last_transfer
                );
                report.add(Rule::BalanceIsFold, subject(), detail);
            }
            if row.amount < 0 && !account.may_overdraw {
                report.add(Rule::NeverNegative, subject(), format!("stands at {}", row.amount));
            }
            if row.may_overdraw != account.may_overdraw {
                report.add(Rule::Overdraft, subject(), "its balance row says otherwise than the account");
            }
        }
    }

    /// What the journal knows and the tables do not.
    pub fn finish(self, report: &mut Report) {
        let mut without: Vec<_> = self.accounts.iter().filter(|(_, account)| !account.has_balance).collect();
        without.sort_by_key(|(id, _)| **id);
        for (id, account) in without {
            let detail = format!("has no balance row; the journal comes to {}", account.amount);
            report.add(Rule::BalanceIsFold, format!("account {id}"), detail);
        }
    }
}
