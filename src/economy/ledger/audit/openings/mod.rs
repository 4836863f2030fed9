//! Checks who owns the accounts: every account was opened once, in the chain of openings, and its only owner is the one
//! for whom it was opened.

mod store;

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use self::store::{OpeningRow, OwnerRow};
use super::hex;
use super::report::{Report, Rule};
use super::snapshots::Snapshots;
use crate::economy::ledger::anchor::OpeningsHead;
use crate::kit::error::Result;

/// Checks the chain of openings after `head`, and moves `head` to the end of the chain.
pub(super) async fn chain(
    snapshots: &mut Snapshots<'_>,
    head: &mut OpeningsHead,
    page: i64,
    report: &mut Report,
) -> Result<()> {
    loop {
        let look = async |snapshot: &mut PgConnection| Ok(store::openings(snapshot, head.no, page).await?);
        let rows = snapshots.take(look).await?;
        if rows.is_empty() {
            return Ok(());
        }
        rows.iter().for_each(|row| link(head, row, report));
    }
}

/// Compares every account with its opening and its owner, page by page. `told` is called with the last account of each
/// page.
pub(super) async fn owners(
    snapshots: &mut Snapshots<'_>,
    page: i64,
    report: &mut Report,
    told: impl Fn(i64, &Report),
) -> Result<()> {
    let mut after = i64::MIN;
    loop {
        let look = async |snapshot: &mut PgConnection| {
            let accounts = store::accounts(snapshot, after, page).await?;
            let last = accounts.last().copied().filter(|_| accounts.len() as i64 == page);
            let until = last.unwrap_or(i64::MAX);
            let seals = store::seals(snapshot, after, until).await?;
            let owners = store::owners(snapshot, after, until).await?;
            owned(&accounts, &seals, &owners, report);
            Ok(last)
        };
        let Some(last) = snapshots.take(look).await? else { return Ok(()) };
        told(last, report);
        after = last;
    }
}

/// Checks that an opening follows the previous one and has the right hash.
fn link(head: &mut OpeningsHead, row: &OpeningRow, report: &mut Report) {
    let subject = || format!("opening {}", row.no);
    if row.no != head.no + 1 {
        report.add(
            Rule::OpeningWhole,
            subject(),
            format!("follows opening {}: the openings between them are gone", head.no),
        );
    }
    match (row.currency, row.may_overdraw, row.created_at) {
        (Some(currency), Some(may_overdraw), Some(created_at)) => {
            let words = [
                "parlor opening 1".to_owned(),
                head.hash.clone(),
                row.no.to_string(),
                row.account.to_string(),
                currency.to_string(),
                if may_overdraw { "overdraws" } else { "covers" }.to_owned(),
                created_at.timestamp_micros().to_string(),
                row.at.timestamp_micros().to_string(),
                hex(&row.seal),
            ];
            if hash(&words)[..] != row.hash {
                let detail = format!(
                    "does not have the hash that it holds: it, the opening before it or account {} was changed",
                    row.account
                );
                report.add(Rule::OpeningWhole, subject(), detail);
            }
        }
        _ => report.add(Rule::OpeningWhole, subject(), format!("names account {}, which does not exist", row.account)),
    }
    *head = OpeningsHead { no: row.no, hash: hex(&row.hash) };
}

/// Compares accounts with those for whom they were opened. The three lists belong to the same range of ids.
fn owned(accounts: &[i64], seals: &[(i64, Vec<u8>)], owners: &[OwnerRow], report: &mut Report) {
    let seals: HashMap<i64, &[u8]> = seals.iter().map(|(account, seal)| (*account, &seal[..])).collect();
    let mut of: HashMap<i64, Vec<&OwnerRow>> = HashMap::new();
    for row in owners {
        of.entry(row.account).or_default().push(row);
        if accounts.binary_search(&row.account).is_err() {
            report.add(Rule::OwnerTrue, name(row), format!("names account {}, which does not exist", row.account));
        }
    }
    for account in accounts {
        let subject = || format!("account {account}");
        let Some(seal) = seals.get(account) else {
            report.add(Rule::OwnerTrue, subject(), "has no opening");
            continue;
        };
        match of.get(account).map(Vec::as_slice).unwrap_or_default() {
            [] => report.add(Rule::OwnerTrue, subject(), "has no owner: the one for whom it was opened was removed"),
            [owner] if sealed(owner)[..] == **seal => {}
            [owner] => {
                let detail = format!("belongs to {}, for whom it was not opened", name(owner));
                report.add(Rule::OwnerTrue, subject(), detail);
            }
            several => {
                let names: Vec<_> = several.iter().map(|owner| name(owner)).collect();
                report.add(Rule::OwnerTrue, subject(), format!("has several owners: {}", names.join(", ")));
            }
        }
    }
}

fn name(owner: &OwnerRow) -> String {
    format!("{}.{} of {}", owner.held_in, owner.held_as, owner.owner)
}

/// The seal of an owner, computed as by the database function `open_account`.
fn sealed(owner: &OwnerRow) -> [u8; 32] {
    let account = owner.account.to_string();
    hash(&["parlor owner 1", &owner.held_in, &owner.held_as, &owner.owner, &account, &owner.salt])
}

fn hash(words: &[impl AsRef<str>]) -> [u8; 32] {
    let words: Vec<_> = words.iter().map(AsRef::as_ref).collect();
    Sha256::digest(words.join("\n")).into()
}
