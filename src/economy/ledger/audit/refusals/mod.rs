//! Compares the stored refusals with the links that hash them. All refusals of a batch are there, or all are gone
//! because they are old.

mod store;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use parlor_protocol::Op;
use sqlx::PgConnection;
use uuid::Uuid;

use self::store::{RefusalRow, RefusedRow};
use super::report::{Report, Rule};
use super::snapshots::Snapshots;
use crate::economy::ledger::REFUSALS_KEPT;
use crate::economy::ledger::chain::{self, Hash};
use crate::kit::error::Result;

/// A link's key: the writer, and the link's number in the writer's chain.
type LinkKey = (i64, i64);

/// Checks every refusal together with the others of its batch, and every link whose refusals must still be there. A
/// checkpoint saves nothing here, because old refusals are removed.
pub(super) async fn check(snapshots: &mut Snapshots<'_>, page: i64, report: &mut Report) -> Result<()> {
    let mut judged = HashSet::new();
    let mut after = Some((Uuid::nil(), i64::MIN));
    while let Some(from) = after {
        let look = async |snapshot: &mut PgConnection| {
            let rows = store::refusals(snapshot, from, page).await?;
            let links = placed(&rows, report);
            let new: BTreeMap<_, _> = links.into_iter().filter(|(link, _)| judged.insert(*link)).collect();
            batches(snapshot, &new, report).await?;
            Ok(rows.last().map(|row| (row.op, row.actor)))
        };
        after = snapshots.take(look).await?;
    }
    let mut after = Some((DateTime::<Utc>::UNIX_EPOCH, i64::MIN, i64::MIN));
    while let Some(from) = after {
        let look = async |snapshot: &mut PgConnection| {
            let rows = store::young_links(snapshot, from, REFUSALS_KEPT.as_secs_f64(), page).await?;
            for row in rows.iter().filter(|row| !row.has_refusals) {
                let subject = format!("link {}/{}", row.writer, row.batch_no);
                report.add(Rule::RefusalTrue, subject, "its refusals are gone before their time");
            }
            Ok(rows.last().map(|row| (row.at, row.writer, row.batch_no)))
        };
        after = snapshots.take(look).await?;
    }
    Ok(())
}

/// What a link says about its refusals: their number and their hash.
type Said = (i32, Option<Vec<u8>>);

/// Checks that each refusal has its link, and gives the links.
fn placed(rows: &[RefusalRow], report: &mut Report) -> BTreeMap<LinkKey, Said> {
    let mut links = BTreeMap::new();
    for row in rows {
        report.refusals += 1;
        let subject = || format!("operation {} of account {}", row.op, row.actor);
        if row.is_done {
            report.add(Rule::OperationOnce, subject(), "stands in the journal and among the refusals");
        }
        match (row.writer.zip(row.batch_no), row.linked_at.zip(row.refusals)) {
            (Some(key), Some((linked_at, refusals))) => {
                if linked_at != row.at {
                    report.add(Rule::RefusalTrue, subject(), "does not have the same time as its link");
                }
                links.insert(key, (refusals, row.hash.clone()));
            }
            // Beside the seals of the first form.
            (None, _) if row.writer.is_none() && row.batch_no.is_none() => {}
            _ => report.add(Rule::RefusalTrue, subject(), "is refused, but no link hashes the refusal"),
        }
    }
    links
}

/// Compares the refusals of these links with the links' hashes.
async fn batches(snapshot: &mut PgConnection, links: &BTreeMap<LinkKey, Said>, report: &mut Report) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let (writers, batch_nos): (Vec<_>, Vec<_>) = links.keys().copied().unzip();
    let mut hashes: BTreeMap<LinkKey, Vec<Hash>> = BTreeMap::new();
    for row in store::refused(snapshot, &writers, &batch_nos).await? {
        hashes.entry((row.writer, row.batch_no)).or_default().push(hash(&row));
    }
    for (key, (refusals, said)) in links {
        let found = hashes.remove(key).unwrap_or_default();
        let count = found.len();
        let subject = || format!("link {}/{}", key.0, key.1);
        match said {
            None => report.add(Rule::RefusalTrue, subject(), format!("hashes no refusals, but {count} name it")),
            Some(said) if i64::from(*refusals) == count as i64 && chain::refusals(found)[..] == said[..] => {}
            Some(_) => {
                let detail = format!(
                    "its {refusals} refusals do not hash to what it holds, {count} are there: one was changed, added \
                     or removed"
                );
                report.add(Rule::RefusalTrue, subject(), detail);
            }
        }
    }
    Ok(())
}

fn hash(row: &RefusedRow) -> Hash {
    chain::refusal(Op(row.op), row.actor, &row.body_hash, row.at.timestamp_micros(), &row.error)
}
