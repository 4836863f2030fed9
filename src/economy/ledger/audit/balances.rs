//! Compares accounts, balances and wallets with what the journal comes to.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::fold::Fold;
use super::report::{Report, Rule};
use super::snapshots::Snapshots;
use super::store::{self, AccountRow, BalanceRow};
use crate::economy::ledger::posting::System;
use crate::kit::error::Result;

/// Compares at most `limit` accounts above the id `after` with the fold of the journal up to this snapshot. Gives the
/// last of them; `None` if it reached the end.
pub(super) async fn page(
    connection: &mut PgConnection,
    fold: &Fold,
    system: &System,
    after: i64,
    limit: i64,
    report: &mut Report,
) -> Result<Option<i64>> {
    let accounts = store::accounts(connection, after, limit).await?;
    let last = accounts.last().map(|row| row.id).filter(|_| accounts.len() as i64 == limit);
    let until = last.unwrap_or(i64::MAX);
    let balances = store::balances(connection, after, until).await?;
    compare_accounts(fold, system, &accounts, &balances, report);
    compare_balances(fold, &accounts, &balances, report);
    for (id, account) in fold.between(after, until) {
        if !account.is_missing && accounts.binary_search_by_key(&id, |row| row.id).is_err() {
            let detail = format!("does not exist; the journal comes to {}", account.amount);
            report.add(Rule::BalanceIsFold, format!("account {id}"), detail);
        }
    }
    Ok(last)
}

fn compare_accounts(
    fold: &Fold,
    system: &System,
    accounts: &[AccountRow],
    balances: &[BalanceRow],
    report: &mut Report,
) {
    let issuance: Vec<i64> =
        system.accounts().filter(|(name, _)| name.ends_with("_issuance")).map(|(_, account)| account).collect();
    let with_balance: HashSet<i64> = balances.iter().map(|row| row.id).collect();
    for row in accounts {
        report.accounts += 1;
        let subject = || format!("account {}", row.id);
        if row.may_overdraw && !issuance.contains(&row.id) {
            report.add(Rule::Overdraft, subject(), "may overdraw but is not an issuance account");
        }
        let account = fold.account(row.id);
        if account.last_transfer != 0 && account.currency != row.currency {
            let detail = format!("is of currency {}, its rows of {}", row.currency, account.currency);
            report.add(Rule::LegCurrency, subject(), detail);
        }
        if !with_balance.contains(&row.id) {
            let detail = format!("has no balance row; the journal comes to {}", account.amount);
            report.add(Rule::BalanceIsFold, subject(), detail);
        }
    }
}

fn compare_balances(fold: &Fold, accounts: &[AccountRow], balances: &[BalanceRow], report: &mut Report) {
    for row in balances {
        let subject = || format!("account {}", row.id);
        let account = fold.account(row.id);
        if (row.amount, row.xp, row.last_transfer) != (account.amount, account.xp, account.last_transfer) {
            let detail = format!(
                "holds amount {}, xp {}, last transfer {}; the journal comes to {}, {}, {}",
                row.amount, row.xp, row.last_transfer, account.amount, account.xp, account.last_transfer
            );
            report.add(Rule::BalanceIsFold, subject(), detail);
        }
        let Ok(place) = accounts.binary_search_by_key(&row.id, |account| account.id) else {
            report.add(Rule::BalanceIsFold, subject(), "has a balance and does not exist");
            continue;
        };
        let may_overdraw = accounts[place].may_overdraw;
        if row.amount < 0 && !may_overdraw {
            report.add(Rule::NeverNegative, subject(), format!("stands at {}", row.amount));
        }
        if row.may_overdraw != may_overdraw {
            report.add(
                Rule::Overdraft,
                subject(),
                "its balance and the account do not agree on whether it may overdraw",
            );
        }
    }
}

/// Checks that every wallet has its two accounts, page by page.
pub(super) async fn wallets(snapshots: &mut Snapshots<'_>, page: i64, report: &mut Report) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let look = async |snapshot: &mut PgConnection| Ok(store::broken_wallets(snapshot, after, page).await?);
        let (last, broken) = snapshots.take(look).await?;
        for (user, flaw) in broken {
            report.add(Rule::WalletWhole, format!("user {user}"), flaw);
        }
        let Some(last) = last else { return Ok(()) };
        after = last;
    }
}
