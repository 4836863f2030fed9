//! Stored refusals beside the links that hash them. A batch's refusals are all there, or, when no retry can come
//! any more, all gone.

mod store;

use std::collections::HashMap;

use chrono::TimeDelta;
use parlor_protocol::Op;
use sqlx::PgConnection;
use uuid::Uuid;

use self::store::{LinkRow, RefusalRow};
use super::report::{Report, Rule};
use crate::economy::ledger::REFUSALS_KEPT;
use crate::economy::ledger::chain::{self, Hash};
use crate::kit::error::Result;

/// Rows of one page.
const PAGE: i64 = 2_000;

/// The refusals of one link, while they are gathered.
#[derive(Default)]
struct Batch {
    hashes: Vec<Hash>,
    /// When they were written, in microseconds.
    at_us: i64,
}

/// Checks every refusal and every link that hashes some.
pub(super) async fn check(connection: &mut PgConnection, report: &mut Report) -> Result<()> {
    let (began, now) = store::times(connection).await?;
    let mut batches: HashMap<(i64, i64), Batch> = HashMap::new();
    let mut after = (Uuid::nil(), i64::MIN);
    loop {
        let page = store::refusals(connection, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.op, last.actor);
        for row in page {
            report.refusals += 1;
            let subject = || format!("operation {} of account {}", row.op, row.actor);
            match row.writer.zip(row.batch_no) {
                Some(link) => {
                    let batch = batches.entry(link).or_default();
                    batch.at_us = row.at.timestamp_micros();
                    batch.hashes.push(hash(&row));
                }
                None if row.writer.is_none() && row.batch_no.is_none() && began.is_none_or(|began| row.at < began) => {}
                None => report.add(Rule::RefusalTrue, subject(), "is refused, and no link knows of it"),
            }
        }
    }
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let page = store::links(connection, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.writer, last.batch_no);
        for link in page {
            let batch = batches.remove(&(link.writer, link.batch_no)).unwrap_or_default();
            let old = now - link.at > TimeDelta::from_std(REFUSALS_KEPT).unwrap_or(TimeDelta::MAX);
            judge(&link, batch, old, report);
        }
    }
    for ((writer, batch_no), batch) in batches {
        let detail = format!("hashes no refusals, and {} name it", batch.hashes.len());
        report.add(Rule::RefusalTrue, format!("link {writer}/{batch_no}"), detail);
    }
    Ok(())
}

fn judge(link: &LinkRow, batch: Batch, old: bool, report: &mut Report) {
    let subject = || format!("link {}/{}", link.writer, link.batch_no);
    if batch.hashes.is_empty() {
        if !old {
            report.add(Rule::RefusalTrue, subject(), "its refusals are gone before their time");
        }
        return;
    }
    if batch.at_us != link.at.timestamp_micros() {
        report.add(Rule::RefusalTrue, subject(), "is dated otherwise than its refusals");
    }
    let found = batch.hashes.len();
    if i64::from(link.refusals) != found as i64 || chain::refusals(batch.hashes)[..] != link.hash {
        let detail = format!(
            "its {} refusals do not hash to what it holds, {found} are there: one was changed, added or removed",
            link.refusals
        );
        report.add(Rule::RefusalTrue, subject(), detail);
    }
}

fn hash(row: &RefusalRow) -> Hash {
    chain::refusal(Op(row.op), row.actor, &row.body_hash, row.at.timestamp_micros(), &row.error)
}
