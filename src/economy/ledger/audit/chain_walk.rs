//! Checks the chains along the journal: every row belongs to a link, and every link follows the previous one. There is
//! no I/O here. The check goes in rounds, each of which ends at the heads that the chains had when it began.

use std::collections::{HashMap, HashSet, VecDeque};

use super::hex;
use super::report::{Report, Rule};
use super::store::{HeadRow, LinkRow};
use crate::economy::ledger::anchor::Head;
use crate::economy::ledger::chain::{GENESIS, Link, Version};
use crate::economy::ledger::posting::Transfer;

/// A link whose rows are being read.
struct Open {
    row: LinkRow,
    place: Place,
    /// The id that comes next if no row is missing.
    next: i64,
    seen: i64,
}

/// The round to which a link belongs.
enum Place {
    /// It is checked in this round.
    Now(Link),
    /// It was checked in an earlier round, or will be in a later one.
    Another,
}

/// The state of the check after some rows.
#[derive(Default)]
pub(super) struct ChainWalk {
    ahead: VecDeque<LinkRow>,
    open: Option<Open>,
    /// Of each writer: the number of its last link that was walked, and that link's hash in hexadecimal.
    heads: HashMap<i64, (i64, String)>,
    /// The same numbers when the round began, and the id up to which the journal had been gone by.
    before: HashMap<i64, i64>,
    reached: i64,
    /// Where the round ends: the number of each writer's last link, and whether the writer is there.
    ends: HashMap<i64, (i64, bool)>,
    /// Writers who are gone, which was named.
    gone: HashSet<i64>,
    /// Rows in no link, which were named.
    orphans: HashSet<i64>,
}

impl ChainWalk {
    /// A check that goes on after these links, the last of each writer.
    pub fn behind(heads: Vec<Head>) -> Self {
        let heads = heads.into_iter().map(|head| (head.writer, (head.batch_no, head.hash)));
        Self { heads: heads.collect(), ..Self::default() }
    }

    /// The last link of each writer that was checked.
    pub fn heads(&self) -> Vec<Head> {
        let head = |(writer, (batch_no, hash)): (&i64, &(i64, String))| Head {
            writer: *writer,
            batch_no: *batch_no,
            hash: hash.clone(),
        };
        let mut heads: Vec<_> = self.heads.iter().map(head).collect();
        heads.sort_by_key(|head| head.writer);
        heads
    }

    /// Begins a round that ends at these heads. The journal has been walked up to the id `reached`.
    pub fn begin(&mut self, ends: &[HeadRow], reached: i64) {
        self.ends = ends.iter().map(|head| (head.writer, (head.batch_no, head.is_there))).collect();
        self.before = self.heads.iter().map(|(writer, (number, _))| (*writer, *number)).collect();
        self.reached = reached;
    }

    /// These writers, and for each the number of its last link that was checked.
    pub fn walked(&self, heads: &[HeadRow]) -> (Vec<i64>, Vec<i64>) {
        let number = |writer| self.heads.get(&writer).map_or(0, |(number, _)| *number);
        heads.iter().map(|head| (head.writer, number(head.writer))).unzip()
    }

    /// Adds the links that come next, ordered by their first transfer.
    pub fn expect(&mut self, links: Vec<LinkRow>) {
        self.ahead.extend(links);
    }

    /// Takes the next row of the journal, by id. Gives whether it is judged in this round.
    pub fn transfer(&mut self, row: &Transfer, report: &mut Report) -> bool {
        self.advance(row.id, report);
        match &mut self.open {
            Some(Open { place: Place::Another, row: link, .. }) if row.id >= link.first_transfer => return false,
            Some(open) if row.id >= open.row.first_transfer => {
                let Place::Now(link) = &mut open.place else { return false };
                missing(&open.row, open.next, row.id - 1, report);
                open.next = row.id + 1;
                open.seen += 1;
                link.add(row);
                if row.at_us != open.row.at.timestamp_micros() {
                    let detail = format!("does not have the same time as {}", name(&open.row));
                    report.add(Rule::LinkWhole, format!("transfer {}", row.id), detail);
                }
                // A link of the first version does not hash authority and detail, nor experience without a line, so its
                // rows must not have them: anybody could have added them later.
                let has_experience_alone = row.stored.xp_bp.is_some() && row.stored.line.is_none();
                let says_more = row.authority.is_some()
                    || row.stored.detail.is_some()
                    || (open.row.version == Version::First.number() && has_experience_alone);
                if says_more == (open.row.version == Version::First.number()) {
                    let detail = format!("is not in the form of {}, version {}", name(&open.row), open.row.version);
                    report.add(Rule::RowWhole, format!("transfer {}", row.id), detail);
                }
            }
            _ if !self.orphans.insert(row.id) => return false,
            _ => report.add(Rule::LinkWhole, format!("transfer {}", row.id), "belongs to no link of any chain"),
        }
        true
    }

    /// Ends a round, after its last row.
    pub fn finish(&mut self, report: &mut Report) {
        self.advance(i64::MAX, report);
        for (writer, (number, is_there)) in &self.ends {
            if !is_there && self.gone.insert(*writer) {
                let subject = format!("link {writer}/{number}");
                report.add(Rule::ChainWhole, subject, format!("is of writer {writer}, who is gone"));
            }
            let walked = self.heads.get(writer).map_or(0, |(walked, _)| *walked);
            if walked != *number {
                let detail = format!("is there, and the way through the journal ends at link {walked} of its writer");
                report.add(Rule::ChainWhole, format!("link {writer}/{number}"), detail);
                // The link is taken as checked, so that it is reported once.
                self.heads.insert(*writer, (*number, String::new()));
            }
        }
    }

    /// Closes the links that end before `id`, and opens those that begin at or before it.
    fn advance(&mut self, id: i64, report: &mut Report) {
        loop {
            if self.open.as_ref().is_some_and(|open| open.row.last_transfer >= id) {
                return;
            }
            if let Some(Open { row, place: Place::Now(link), next, seen }) = self.open.take() {
                close(row, link, next, seen, report);
            }
            if self.ahead.front().is_none_or(|next| next.first_transfer > id) {
                return;
            }
            let row = self.ahead.pop_front().expect("the queue was found not empty just above");
            self.open = Some(self.open(row, report));
        }
    }

    /// Whether a link belongs to another round: it is above the end of this round, or an earlier round has checked it.
    fn is_of_another_round(&self, row: &LinkRow) -> bool {
        let last = self.ends.get(&row.writer).map_or(0, |(last, _)| *last);
        let walked = self.before.get(&row.writer).is_some_and(|before| (1..=*before).contains(&row.batch_no));
        row.batch_no > last || (walked && row.first_transfer <= self.reached)
    }

    fn open(&mut self, row: LinkRow, report: &mut Report) -> Open {
        if self.is_of_another_round(&row) {
            return Open { next: row.first_transfer, seen: 0, place: Place::Another, row };
        }
        report.links += 1;
        let subject = || name(&row);
        let (batch_no, head) = self.heads.remove(&row.writer).unwrap_or_else(|| (0, hex(&GENESIS)));
        if row.batch_no != batch_no + 1 {
            report.add(
                Rule::ChainWhole,
                subject(),
                format!("follows link {batch_no}: the links between them are gone"),
            );
        } else if hex(&row.previous) != head {
            report.add(Rule::ChainWhole, subject(), "does not name the hash of the link before it");
        }
        self.heads.insert(row.writer, (row.batch_no, hex(&row.hash)));
        let previous = row.previous.as_slice().try_into().unwrap_or(GENESIS);
        let version = Version::from_number(row.version).unwrap_or_else(|| {
            report.add(Rule::ChainWhole, subject(), format!("has the unknown version {}", row.version));
            Version::NEWEST
        });
        let link = Link::behind(&previous, version, row.writer, row.batch_no);
        Open { place: Place::Now(link), next: row.first_transfer, seen: 0, row }
    }
}

fn close(row: LinkRow, mut link: Link, next: i64, seen: i64, report: &mut Report) {
    if row.refusals < 0 || (row.refusals > 0) != row.refusals_hash.is_some() {
        report.add(
            Rule::LinkWhole,
            name(&row),
            format!("says {} refusals, and does not have a hash exactly if there are some", row.refusals),
        );
    }
    if let Some(hash) = &row.refusals_hash {
        link.refuse(row.refusals.into(), hash);
    }
    missing(&row, next, row.last_transfer, report);
    if seen != i64::from(row.transfers) {
        report.add(
            Rule::LinkWhole,
            name(&row),
            format!("should have {} transfers, but {seen} are there", row.transfers),
        );
    }
    if row.transfers == 0 && row.last_transfer != row.first_transfer - 1 {
        let detail = "has no transfers, so it should end before the one at which it begins";
        report.add(Rule::LinkWhole, name(&row), detail);
    }
    if link.hash()[..] != row.hash {
        let detail = format!(
            "its rows (transfers {} to {}) do not have the hash that it holds: one was changed, added or removed",
            row.first_transfer, row.last_transfer
        );
        report.add(Rule::LinkHash, name(&row), detail);
    }
}

/// Reports the rows from `first` to `last` as missing, at most the 512 of a batch. If a link claims more, it is broken
/// itself, which its count shows.
fn missing(row: &LinkRow, first: i64, last: i64, report: &mut Report) {
    for id in (first..=last).take(512) {
        report.add(Rule::LinkWhole, format!("transfer {id}"), format!("is missing; it belongs to {}", name(row)));
    }
}

fn name(row: &LinkRow) -> String {
    format!("link {}/{}", row.writer, row.batch_no)
}
