//! The audit: it checks every invariant of the books, and reports the rows that break one.
//!
//! It reads as the role parlor_audit or parlor_app, and changes nothing in the database. It reads page by page in short
//! snapshots, while servers may post at full speed; `walk` explains why that raises no false alarm. Its memory grows
//! with the accounts, the rooms and the records of the kinds, and not with the journal. With a [`Checkpoint`] it goes
//! on where an earlier audit has ended.

mod anchored;
mod balances;
mod chain_walk;
mod checkpoint;
mod first_form;
mod fold;
mod openings;
mod postings;
mod refusals;
mod report;
mod snapshots;
mod store;
mod walk;

pub(in crate::economy::ledger) use self::anchored::difference;
pub use self::checkpoint::{Checkpoint, Found, Keeper};
pub use self::report::{Report, Rule, Since, Violation};

use sqlx::PgConnection;

use self::snapshots::Snapshots;
use self::walk::Walk;
use super::anchor::Series;
use super::posting::Kinds;
use crate::db;
use crate::kit::error::{Error, Result};
use crate::kit::hex::hex;

/// The most rows of one page, and so of one snapshot.
const PAGE: i64 = 5_000;

/// The tables that money depends on. Whatever is added to one is a finding, also where a newer program's migration may
/// have added it: what this program proves of its rows is then not all that there is to them.
pub const MONEY: &[&str] = &[
    "accounts",
    "agencies",
    "agency_members",
    "agency_memberships",
    "agency_rate_versions",
    "balances",
    "chain_links",
    "coin_requests",
    "first_form_ends",
    "first_form_refusals",
    "gift_versions",
    "gifts",
    "journal",
    "openings",
    "refusals",
    "room_totals",
    "system_accounts",
    "transfer_days",
    "wallets",
    "writers",
];

/// Where an audit stands, for whoever waits for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What is read: `journal`, `records`, `balances`, `refusals`, `first form`, `owners`, `anchors`.
    pub step: &'static str,
    /// How much of it has been, where that is known.
    pub percent: Option<u8>,
    /// Rows of the journal so far.
    pub transfers: u64,
}

/// What an audit checks, and how.
pub struct Plan<'a> {
    kinds: &'a Kinds,
    anchors: Option<&'a Series>,
    from: Option<Checkpoint>,
    page: i64,
    told: &'a (dyn Fn(Progress) + Sync),
}

impl<'a> Plan<'a> {
    /// An audit from the first row of the books, without anchors.
    pub fn of(kinds: &'a Kinds) -> Self {
        Self { kinds, anchors: None, from: None, page: PAGE, told: &|_| {} }
    }

    /// Also compares the books with these anchors.
    #[must_use]
    pub fn beside(self, anchors: Option<&'a Series>) -> Self {
        Self { anchors, ..self }
    }

    /// Goes on from the checkpoint of an earlier audit.
    #[must_use]
    pub fn from(self, from: Option<Checkpoint>) -> Self {
        Self { from, ..self }
    }

    /// Reads at most `page` rows in a snapshot.
    #[must_use]
    pub fn in_pages_of(self, page: i64) -> Self {
        Self { page, ..self }
    }

    /// Calls `told` with the progress, again and again.
    #[must_use]
    pub fn telling(self, told: &'a (dyn Fn(Progress) + Sync)) -> Self {
        Self { told, ..self }
    }
}

/// The result of an audit.
pub struct Audited {
    /// What the audit found.
    pub report: Report,
    /// From where the next audit may go on. `None` if the books are not clean, so that every audit finds what is wrong
    /// until it is put right.
    pub checkpoint: Option<Checkpoint>,
}

/// Audits the books in short snapshots.
///
/// # Errors
/// A fault or an outage of the store. Broken books are no error: the report names what is wrong.
pub async fn audit(connection: &mut PgConnection, plan: Plan<'_>) -> Result<Audited> {
    audited(Snapshots::Short(connection), plan).await
}

/// Audits the books within the caller's transaction, so that its uncommitted changes are audited too.
///
/// # Errors
/// As [`audit`].
pub async fn audit_within(connection: &mut PgConnection, plan: Plan<'_>) -> Result<Audited> {
    audited(Snapshots::Whole(connection), plan).await
}

async fn audited(mut snapshots: Snapshots<'_>, plan: Plan<'_>) -> Result<Audited> {
    let mut report = Report::default();
    snapshots.take(async |snapshot| schema(snapshot, &mut report).await).await?;
    let checkpoint = match books(&mut snapshots, plan, &mut report).await {
        // A changed schema may not be readable. That it was changed has been reported already.
        Err(error) if !report.is_clean() => {
            report.notes.push(format!("not everything could be read: {error}"));
            None
        }
        done => done?,
    };
    Ok(Audited { checkpoint: checkpoint.filter(|_| report.is_clean()), report })
}

/// Audits the content of the tables.
async fn books(snapshots: &mut Snapshots<'_>, plan: Plan<'_>, report: &mut Report) -> Result<Option<Checkpoint>> {
    let Plan { kinds, anchors, from, page, told } = plan;
    let from = match from {
        Some(from) => snapshots.take(async |snapshot| checkpoint::stands(snapshot, from, kinds, report).await).await?,
        None => None,
    };
    let mut openings = from.as_ref().map(|from| from.openings.clone()).unwrap_or_default();
    let mut walk = snapshots.take(async |snapshot| Walk::open(snapshot, kinds, from, page, report).await).await?;
    walk.journal(snapshots, told, report).await?;
    let tell = |step, percent, report: &Report| told(Progress { step, percent, transfers: report.transfers });

    tell("records", None, report);
    for kind in walk.kinds() {
        snapshots.take(async |snapshot| walk.records(snapshot, kind, report).await).await?;
    }
    let (mut after, last) = (0, snapshots.take(async |snapshot| Ok(store::last_account(snapshot).await?)).await?);
    while let Some(until) = snapshots.take(async |snapshot| walk.balances(snapshot, after, report).await).await? {
        tell("balances", percent(until, 0, last), report);
        after = until;
    }
    balances::wallets(snapshots, page, report).await?;
    tell("refusals", None, report);
    refusals::check(snapshots, page, report).await?;
    tell("first form", None, report);
    snapshots.take(async |snapshot| first_form::check(snapshot, report).await).await?;
    openings::chain(snapshots, &mut openings, page, report).await?;
    openings::owners(snapshots, page, report, |until, report| tell("owners", percent(until, 0, last), report)).await?;
    if let Some(series) = anchors {
        tell("anchors", None, report);
        anchored::check(snapshots, series, report).await?;
    }
    walk.checkpoint(openings, report)
}

/// How far `at` is on the way from `first` to `last`, in percent.
fn percent(at: i64, first: i64, last: i64) -> Option<u8> {
    let whole = i128::from(last) - i128::from(first);
    let part = (i128::from(at) - i128::from(first)).clamp(0, whole.max(0));
    u8::try_from(part * 100 / whole.max(1)).ok()
}

/// Compares the schema and its grants with what the migrations make.
async fn schema(snapshot: &mut PgConnection, report: &mut Report) -> Result<()> {
    let newer = db::unknown_migrations(snapshot).await.map_err(Error::internal)?;
    for difference in db::schema::differences(snapshot).await? {
        let of_money = difference.table.as_deref().is_some_and(|table| MONEY.contains(&table));
        if newer > 0 && difference.is_more && !of_money {
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
