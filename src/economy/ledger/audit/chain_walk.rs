//! The chains beside the journal: every row in its link, every link behind the one before. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use super::report::{Report, Rule};
use super::store::LinkRow;
use crate::economy::ledger::chain::{GENESIS, Link, Version};
use crate::economy::ledger::posting::Transfer;

/// A link whose rows are being read.
struct Open {
    row: LinkRow,
    link: Link,
    /// The id that comes next where no row is missing.
    next: i64,
    seen: i64,
}

/// Where the walk stands.
#[derive(Default)]
pub(super) struct ChainWalk {
    ahead: VecDeque<LinkRow>,
    open: Option<Open>,
    writers: HashSet<i64>,
    /// Of each writer: number and hash of its last link.
    heads: HashMap<i64, (i64, Vec<u8>)>,
}

impl ChainWalk {
    /// Behind these writers' chains.
    pub fn of(writers: Vec<i64>) -> Self {
        Self { writers: writers.into_iter().collect(), ..Self::default() }
    }

    /// Links that come next, by their first transfer.
    pub fn expect(&mut self, links: Vec<LinkRow>) {
        self.ahead.extend(links);
    }

    /// The next row of the journal, by id.
    pub fn transfer(&mut self, row: &Transfer, report: &mut Report) {
        self.advance(row.id, report);
        match &mut self.open {
            Some(open) if row.id >= open.row.first_transfer => {
                missing(&open.row, open.next, row.id - 1, report);
                open.next = row.id + 1;
                open.seen += 1;
                open.link.add(row);
                if row.at_us != open.row.at.timestamp_micros() {
                    let detail = format!("is dated otherwise than {}", name(&open.row));
                    report.add(Rule::LinkWhole, format!("transfer {}", row.id), detail);
                }
                // What a link doesn't hash, anybody could have added to its rows later.
                let says_more = row.authority.is_some() || row.stored.detail.is_some();
                if says_more == (open.row.version == Version::First.number()) {
                    let detail = format!("is not in the form of {}, version {}", name(&open.row), open.row.version);
                    report.add(Rule::RowWhole, format!("transfer {}", row.id), detail);
                }
            }
            _ => report.add(Rule::LinkWhole, format!("transfer {}", row.id), "stands in no link of any chain"),
        }
    }

    /// After the last row.
    pub fn finish(&mut self, report: &mut Report) {
        self.advance(i64::MAX, report);
    }

    /// Closes what ends before `id`, opens what begins at or before it.
    fn advance(&mut self, id: i64, report: &mut Report) {
        loop {
            if self.open.as_ref().is_some_and(|open| open.row.last_transfer >= id) {
                return;
            }
            if let Some(open) = self.open.take() {
                close(open, report);
            }
            if self.ahead.front().is_none_or(|next| next.first_transfer > id) {
                return;
            }
            let row = self.ahead.pop_front().expect("looked at right above");
            self.open = Some(self.begin(row, report));
        }
    }

    fn begin(&mut self, row: LinkRow, report: &mut Report) -> Open {
        report.links += 1;
        let subject = || name(&row);
        let (batch_no, head) = self.heads.remove(&row.writer).unwrap_or_else(|| (0, GENESIS.to_vec()));
        if !self.writers.contains(&row.writer) {
            report.add(Rule::ChainWhole, subject(), format!("is of writer {}, who is gone", row.writer));
        }
        if row.batch_no != batch_no + 1 {
            report.add(Rule::ChainWhole, subject(), format!("stands behind link {batch_no}: what was between is gone"));
        } else if row.previous != head {
            report.add(Rule::ChainWhole, subject(), "does not name the hash of the link before it");
        }
        self.heads.insert(row.writer, (row.batch_no, row.hash.clone()));
        let previous = row.previous.as_slice().try_into().unwrap_or(GENESIS);
        let version = Version::from_number(row.version).unwrap_or_else(|| {
            report.add(Rule::ChainWhole, subject(), format!("is of version {}, which there is not", row.version));
            Version::NEWEST
        });
        let link = Link::behind(&previous, version, row.writer, row.batch_no);
        Open { link, next: row.first_transfer, seen: 0, row }
    }
}

fn close(open: Open, report: &mut Report) {
    let Open { row, mut link, next, seen } = open;
    if row.refusals < 0 || (row.refusals > 0) != row.refusals_hash.is_some() {
        report.add(Rule::LinkWhole, name(&row), format!("has {} refusals and no hash that fits it", row.refusals));
    }
    if let Some(hash) = &row.refusals_hash {
        link.refuse(row.refusals.into(), hash);
    }
    missing(&row, next, row.last_transfer, report);
    if seen != i64::from(row.transfers) {
        report.add(Rule::LinkWhole, name(&row), format!("has {} transfers, {seen} are there", row.transfers));
    }
    if link.hash()[..] != row.hash {
        let detail = format!(
            "its rows (transfers {} to {}) do not hash to what it holds: one was changed, added or removed",
            row.first_transfer, row.last_transfer
        );
        report.add(Rule::LinkHash, name(&row), detail);
    }
}

/// Names the rows from `first` to `last`, which are not there. A link that claims more than a batch can
/// have is broken itself: its count says so.
fn missing(row: &LinkRow, first: i64, last: i64, report: &mut Report) {
    for id in (first..=last).take(512) {
        report.add(Rule::LinkWhole, format!("transfer {id}"), format!("is missing; it belongs to {}", name(row)));
    }
}

fn name(row: &LinkRow) -> String {
    format!("link {}/{}", row.writer, row.batch_no)
}
