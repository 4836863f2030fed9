//! Compares the books with their anchors: what an anchor names must still be there, unchanged.

pub(super) mod store;

use sqlx::PgConnection;

use super::hex;
use super::report::{Report, Rule};
use super::snapshots::Snapshots;
use crate::economy::ledger::anchor::{Anchor, Series};
use crate::kit::error::Result;

/// How many anchors are compared in one snapshot.
const AT_ONCE: usize = 200;

/// Compares the books with every anchor of the series.
pub(super) async fn check(snapshots: &mut Snapshots<'_>, series: &Series, report: &mut Report) -> Result<()> {
    report.anchors = series.anchors.len() as u64;
    for unsound in &series.unsound {
        report.add(Rule::AnchorTrue, format!("anchor {}", unsound.number), unsound.detail.clone());
    }
    for anchors in series.anchors.chunks(AT_ONCE) {
        let compare = async |snapshot: &mut PgConnection| {
            heads(snapshot, anchors, report).await?;
            openings(snapshot, anchors, report).await
        };
        snapshots.take(compare).await?;
    }
    let Some(newest) = series.anchors.last() else { return Ok(()) };
    let extent = async |snapshot: &mut PgConnection| Ok(store::extent(snapshot).await?);
    let (links, last_transfer) = snapshots.take(extent).await?;
    let subject = || format!("anchor {}", newest.number);
    if links < newest.links {
        let detail = format!(
            "names {} links, but there are {links}: an older state was restored, or links were removed",
            newest.links
        );
        report.add(Rule::Anchored, subject(), detail);
    }
    if last_transfer < newest.last_transfer {
        let detail = format!(
            "names transfer {}, but the journal ends at {last_transfer}: its end was cut off",
            newest.last_transfer
        );
        report.add(Rule::Anchored, subject(), detail);
    }
    Ok(())
}

/// What the books have otherwise than this anchor, as a part of a sentence; `None` if they go on from it.
pub(in crate::economy::ledger) async fn difference(
    connection: &mut PgConnection,
    anchor: &Anchor,
) -> Result<Option<String>> {
    let mut report = Report::default();
    let anchors = std::slice::from_ref(anchor);
    heads(connection, anchors, &mut report).await?;
    openings(connection, anchors, &mut report).await?;
    let (links, last_transfer) = store::extent(connection).await?;
    if links < anchor.links || last_transfer < anchor.last_transfer {
        return Ok(Some(format!("it knows {} links, {links} are there", anchor.links)));
    }
    Ok(report.violations.first().map(|one| format!("{} {}", one.subject, one.detail)))
}

async fn heads(connection: &mut PgConnection, anchors: &[Anchor], report: &mut Report) -> Result<()> {
    let heads = || anchors.iter().flat_map(|anchor| anchor.heads.iter().map(move |head| (anchor, head)));
    let (writers, batch_nos): (Vec<_>, Vec<_>) = heads().map(|(_, head)| (head.writer, head.batch_no)).unzip();
    let hashes = store::hashes(connection, &writers, &batch_nos).await?;
    for ((anchor, head), hash) in heads().zip(hashes) {
        let subject = || format!("link {}/{}", head.writer, head.batch_no);
        match hash {
            Some(hash) if hex(&hash) == head.hash => {}
            Some(_) => {
                let detail = format!(
                    "has another hash than in anchor {}: it, or what is before it, was written anew",
                    anchor.number
                );
                report.add(Rule::Anchored, subject(), detail);
            }
            None => {
                let detail = format!("is gone, but anchor {} names it", anchor.number);
                report.add(Rule::Anchored, subject(), detail);
            }
        }
    }
    Ok(())
}

async fn openings(connection: &mut PgConnection, anchors: &[Anchor], report: &mut Report) -> Result<()> {
    let anchors: Vec<_> = anchors.iter().filter(|anchor| anchor.openings.no > 0).collect();
    let numbers: Vec<_> = anchors.iter().map(|anchor| anchor.openings.no).collect();
    for (anchor, hash) in anchors.iter().zip(store::opening_hashes(connection, &numbers).await?) {
        if hash.as_deref().map(hex).as_ref() != Some(&anchor.openings.hash) {
            let detail =
                format!("is gone or not the one that anchor {} names: openings were written anew", anchor.number);
            report.add(Rule::Anchored, format!("opening {}", anchor.openings.no), detail);
        }
    }
    Ok(())
}
