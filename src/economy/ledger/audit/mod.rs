//! Checks every invariant of the books and names the rows that break one.
//!
//! It reads one snapshot of the database (repeatable read, read only) as parlor_audit or parlor_app, in
//! pages: what it holds in memory grows with accounts and rooms, not with the journal. It changes nothing.

mod chain_walk;
mod fold;
mod postings;
mod report;
mod store;

pub use report::{Report, Rule, Violation};

use sqlx::{Connection, PgConnection};

use self::chain_walk::ChainWalk;
use self::fold::Fold;
use self::postings::Postings;
use super::posting::{Kinds, System};
use crate::kit::error::Result;

/// Rows of one page.
const PAGE: i64 = 2_000;

/// Audits the books from their first row.
///
/// # Errors
/// A fault or an outage of the store. Broken books are no error: they stand in the report.
pub async fn audit(connection: &mut PgConnection, kinds: &Kinds) -> Result<Report> {
    let mut snapshot = connection.begin_with("begin isolation level repeatable read read only").await?;
    let mut report = Report::default();

    let mut fold = Fold::default();
    let mut after = 0;
    loop {
        let page = store::accounts(&mut snapshot, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        fold.open(page, &mut report);
    }
    let system = System::of(store::system_accounts(&mut snapshot).await?);
    fold.system(&system, &mut report);
    let mut postings = Postings::open(&mut snapshot, kinds, system).await?;

    let mut walk = ChainWalk::default();
    let mut after = i64::MIN;
    loop {
        let page = store::transfers(&mut snapshot, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        let until = last.id;
        walk.expect(store::links(&mut snapshot, after, until).await?);
        after = until;
        for (transfer, flaw) in page {
            if let Some(flaw) = flaw {
                report.add(Rule::RowWhole, format!("transfer {}", transfer.id), flaw);
            }
            fold.transfer(&transfer, &mut report);
            postings.transfer(&transfer, &mut report);
            walk.transfer(&transfer, &mut report);
        }
    }
    walk.expect(store::links(&mut snapshot, after, i64::MAX).await?);
    walk.finish(&mut report);

    let mut after = 0;
    loop {
        let page = store::balances(&mut snapshot, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        fold.balances(&page, &mut report);
    }
    fold.finish(&mut report);
    postings.close(&mut snapshot, &mut report).await?;

    for (op, actor) in store::operations_twice(&mut snapshot).await? {
        let detail = "stands in the journal and among the refusals";
        report.add(Rule::OperationOnce, format!("operation {op} of account {actor}"), detail);
    }
    for (user, flaw) in store::broken_wallets(&mut snapshot).await? {
        report.add(Rule::WalletWhole, format!("user {user}"), flaw);
    }
    report.refusals = store::refusals(&mut snapshot).await?;
    snapshot.rollback().await?;
    Ok(report)
}
