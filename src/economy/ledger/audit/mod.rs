//! Checks every invariant of the books and names the rows that break one.
//!
//! It reads one snapshot of the database (repeatable read, read only) as parlor_audit or parlor_app, in
//! pages: what it holds in memory grows with accounts and rooms, not with the journal. It changes nothing.

mod anchored;
mod chain_walk;
mod fold;
mod openings;
mod postings;
mod refusals;
mod report;
mod store;

pub use report::{Report, Rule, Violation};

use sqlx::{Connection, PgConnection};

use self::chain_walk::ChainWalk;
use self::fold::Fold;
use self::postings::Postings;
use super::anchor::Series;
use super::posting::{Kinds, System};
use crate::db;
use crate::kit::error::{Error, Result};
use crate::kit::hex::hex;

/// Rows of one page.
const PAGE: i64 = 2_000;

/// Audits the books from their first row, and beside the anchors that were taken of them.
///
/// # Errors
/// A fault or an outage of the store. Broken books are no error: they stand in the report.
pub async fn audit(connection: &mut PgConnection, kinds: &Kinds, anchors: Option<&Series>) -> Result<Report> {
    let mut snapshot = connection.begin_with("begin isolation level repeatable read read only").await?;
    let report = audit_within(&mut snapshot, kinds, anchors).await?;
    snapshot.rollback().await?;
    Ok(report)
}

/// The same inside a transaction that the caller has opened: what it has changed and not committed is
/// audited too.
///
/// # Errors
/// As [`audit`].
pub async fn audit_within(snapshot: &mut PgConnection, kinds: &Kinds, anchors: Option<&Series>) -> Result<Report> {
    let mut report = Report::default();
    schema(snapshot, &mut report).await?;
    match books(snapshot, kinds, anchors, &mut report).await {
        // A schema that somebody has changed may not be readable; that it was changed has been said.
        Err(error) if !report.is_clean() => report.notes.push(format!("not everything could be read: {error}")),
        done => done?,
    }
    Ok(report)
}

/// What stands in the tables.
async fn books(
    snapshot: &mut PgConnection,
    kinds: &Kinds,
    anchors: Option<&Series>,
    report: &mut Report,
) -> Result<()> {
    let mut fold = Fold::default();
    let mut after = 0;
    loop {
        let page = store::accounts(snapshot, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        fold.open(page, report);
    }
    let system = System::of(store::system_accounts(snapshot).await?);
    fold.system(&system, report);
    let mut postings = Postings::open(snapshot, kinds, system).await?;

    let mut walk = ChainWalk::of(store::writers(snapshot).await?);
    let mut after = i64::MIN;
    loop {
        let page = store::transfers(snapshot, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        let until = last.id;
        walk.expect(store::links(snapshot, after, until).await?);
        for (again, first) in store::operations_repeated(snapshot, after, until).await? {
            let detail = format!("does the operation of transfer {first} once more");
            report.add(Rule::OperationOnce, format!("transfer {again}"), detail);
        }
        after = until;
        for (transfer, flaw) in page {
            if let Some(flaw) = flaw {
                report.add(Rule::RowWhole, format!("transfer {}", transfer.id), flaw);
            }
            fold.transfer(&transfer, report);
            postings.transfer(&transfer, report);
            walk.transfer(&transfer, report);
        }
    }
    walk.expect(store::links(snapshot, after, i64::MAX).await?);
    walk.finish(report);

    let mut after = 0;
    loop {
        let page = store::balances(snapshot, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        fold.balances(&page, report);
    }
    fold.finish(report);
    postings.close(snapshot, report).await?;

    for (op, actor) in store::operations_twice(snapshot).await? {
        let detail = "stands in the journal and among the refusals";
        report.add(Rule::OperationOnce, format!("operation {op} of account {actor}"), detail);
    }
    for (user, flaw) in store::broken_wallets(snapshot).await? {
        report.add(Rule::WalletWhole, format!("user {user}"), flaw);
    }
    refusals::check(snapshot, report).await?;
    openings::check(snapshot, report).await?;
    if let Some(series) = anchors {
        anchored::check(snapshot, series, report).await?;
    }
    Ok(())
}

/// Compares the schema and its rights with what the migrations make.
async fn schema(snapshot: &mut PgConnection, report: &mut Report) -> Result<()> {
    let newer = db::unknown_migrations(snapshot).await.map_err(Error::internal)?;
    for difference in db::schema::differences(snapshot).await? {
        if newer > 0 && difference.is_more {
            report.notes.push(format!(
                "{}: {}, perhaps one of the {newer} that this program does not know",
                difference.object, difference.detail
            ));
        } else {
            report.add(Rule::SchemaMigrated, difference.object, difference.detail);
        }
    }
    Ok(())
}
