//! The walk through the journal, in short snapshots, while servers post.
//!
//! The walk goes in rounds. A round begins by reading the heads of all chains in one snapshot. What is committed up to
//! these heads is complete, because a batch's rows and link are one commit, and it never changes. So the round reads it
//! page by page in later snapshots, and leaves what follows the heads to the next round. Ids are drawn under the locks
//! of what a batch changes. If the later one of two batches has the lower ids, they have no row in common. So the order
//! of the ids within a round, and then of the rounds, is one in which the batches could have been committed. A row that
//! belongs to no link is wrong in every snapshot.
//!
//! Balances and records change with each batch. Each page of them is compared in one snapshot, after the walk has
//! caught up with the end of the journal in this snapshot.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::balances;
use super::chain_walk::ChainWalk;
use super::checkpoint::Checkpoint;
use super::fold::Fold;
use super::postings::Postings;
use super::report::{Report, Rule};
use super::snapshots::Snapshots;
use super::store;
use super::{Progress, percent};
use crate::economy::ledger::anchor::OpeningsHead;
use crate::economy::ledger::posting::{Kinds, System};
use crate::kit::error::{Error, Result};

/// The most rounds. If servers post at least half as fast as the audit reads, the rounds do not end by themselves: once
/// a round is not half as long as the one before, the rest is read in one snapshot.
const ROUNDS: usize = 16;
/// If a round had fewer links than this, the rest is read in one snapshot.
const FEW: u64 = 128;

/// The state of the walk.
pub(super) struct Walk<'a> {
    system: System,
    fold: Fold,
    chains: ChainWalk,
    postings: Postings<'a>,
    /// The id up to which the journal has been walked.
    reached: i64,
    page: i64,
    /// When the walk began, in Unix milliseconds by the database's clock.
    began: i64,
    /// The rows and the links that the checkpoint has verified.
    before: (u64, u64),
}

/// A part of the journal: the ids above `after` and up to `until`.
#[derive(Clone, Copy)]
struct Stretch {
    after: i64,
    until: i64,
}

impl<'a> Walk<'a> {
    /// A walk from the beginning of the journal, or from the checkpoint.
    pub async fn open(
        connection: &mut PgConnection,
        kinds: &'a Kinds,
        from: Option<Checkpoint>,
        page: i64,
        report: &mut Report,
    ) -> Result<Self> {
        let system = System::of(store::system_accounts(connection).await?);
        let began = store::now(connection).await?.timestamp_millis();
        let walk = Self {
            postings: Postings::open(kinds, from.as_ref().map(|from| &from.kinds)).map_err(Error::internal)?,
            system,
            fold: Fold::default(),
            chains: ChainWalk::default(),
            reached: i64::MIN,
            page,
            began,
            before: (0, 0),
        };
        let Some(from) = from else { return Ok(walk) };
        report.since = Some(from.since());
        Ok(Self {
            before: (from.transfers, from.links),
            reached: from.reached,
            chains: ChainWalk::behind(from.heads),
            fold: Fold::of(from.accounts),
            ..walk
        })
    }

    /// The checkpoint from which the next audit may go on.
    pub fn checkpoint(self, openings: OpeningsHead, report: &Report) -> Result<Option<Checkpoint>> {
        Ok(Some(Checkpoint {
            is: Checkpoint::IS.to_owned(),
            at: self.began,
            transfers: self.before.0 + report.transfers,
            links: self.before.1 + report.links,
            reached: self.reached,
            heads: self.chains.heads(),
            openings,
            accounts: self.fold.kept(),
            kinds: self.postings.kept().map_err(Error::internal)?,
        }))
    }

    /// The numbers of the kinds that have records to compare.
    pub fn kinds(&self) -> Vec<i16> {
        self.postings.numbers()
    }

    /// Walks the journal, until only a little is left that was posted meanwhile.
    pub async fn journal(
        &mut self,
        snapshots: &mut Snapshots<'_>,
        told: &(dyn Fn(Progress) + Sync),
        report: &mut Report,
    ) -> Result<()> {
        let mut former = u64::MAX;
        for _ in 0..ROUNDS {
            let (links, transfers) = (report.links, report.transfers);
            let stretch = snapshots.take(async |snapshot| self.stretch(snapshot).await).await?;
            let mut after = Some(stretch.after);
            while let Some(at) = after {
                let rest = Stretch { after: at, ..stretch };
                after = snapshots.take(async |snapshot| self.read(snapshot, rest, report).await).await?;
                // The first row's id is a little above 0, so the percentage is counted from 0.
                let percent = percent(after.unwrap_or(stretch.until), stretch.after.max(0), stretch.until);
                told(Progress { step: "journal", percent, transfers: report.transfers });
            }
            self.reached = self.reached.max(stretch.until);
            self.chains.finish(report);
            let (links, transfers) = (report.links - links, report.transfers - transfers);
            if (links < FEW && transfers < self.page.unsigned_abs()) || transfers > former / 2 {
                break;
            }
            former = transfers;
        }
        Ok(())
    }

    /// Compares a kind's own records with the journal.
    pub async fn records(&mut self, snapshot: &mut PgConnection, kind: i16, report: &mut Report) -> Result<()> {
        self.catch_up(snapshot, report).await?;
        Ok(self.postings.close(snapshot, kind, report).await?)
    }

    /// Compares a page of balances above the account `after` with the journal. Gives the last account of the page;
    /// `None` if it was the last page.
    pub async fn balances(
        &mut self,
        snapshot: &mut PgConnection,
        after: i64,
        report: &mut Report,
    ) -> Result<Option<i64>> {
        self.catch_up(snapshot, report).await?;
        balances::page(snapshot, &self.fold, &self.system, after, self.page, report).await
    }

    /// Reads everything that has been posted up to this snapshot.
    async fn catch_up(&mut self, snapshot: &mut PgConnection, report: &mut Report) -> Result<()> {
        let stretch = self.stretch(snapshot).await?;
        let mut after = Some(stretch.after);
        while let Some(at) = after {
            after = self.read(snapshot, Stretch { after: at, until: i64::MAX }, report).await?;
        }
        self.reached = self.reached.max(stretch.until);
        self.chains.finish(report);
        Ok(())
    }

    /// Begins a round that ends at the present heads of the chains, and gives the part of the journal that contains the
    /// new rows up to them.
    async fn stretch(&mut self, snapshot: &mut PgConnection) -> Result<Stretch> {
        let heads = store::heads(snapshot).await?;
        let until = heads.iter().map(|head| head.reaches).fold(self.reached.max(0), i64::max);
        self.chains.begin(&heads, self.reached);
        let (writers, walked) = self.chains.walked(&heads);
        // If no link has been checked yet, everything is new.
        let first = if walked.iter().all(|number| *number == 0) {
            None
        } else {
            store::first_transfer(snapshot, &writers, &walked).await?
        };
        let after = first.map_or(self.reached, |first| first.saturating_sub(1).min(self.reached));
        Ok(Stretch { after, until })
    }

    /// Reads a page of a stretch. Gives the id after which the next page begins; `None` at the end of the stretch.
    async fn read(
        &mut self,
        snapshot: &mut PgConnection,
        Stretch { after, until }: Stretch,
        report: &mut Report,
    ) -> Result<Option<i64>> {
        let mut next = None;
        let mut links = store::links(snapshot, after, until, self.page + 1).await?;
        if links.len() as i64 > self.page
            && let Some(more) = links.pop()
        {
            // An attacker may have made many links that begin at the same id. None of them must be skipped.
            next = Some((more.first_transfer - 1).max(after + 1));
        }
        let rows = store::transfers(snapshot, after, next.unwrap_or(until), self.page).await?;
        let last = rows.last().map(|(row, _)| row.id);
        if rows.len() as i64 == self.page {
            next = last;
        }
        let until = next.unwrap_or(until);
        links.retain(|link| link.first_transfer <= until);
        self.chains.expect(links);
        let new: Vec<_> = rows.into_iter().filter(|(row, _)| self.chains.transfer(row, report)).collect();
        let ids: HashSet<i64> = new.iter().map(|(row, _)| row.id).collect();
        if !new.is_empty() {
            for (again, first) in store::operations_repeated(snapshot, after, until).await? {
                if ids.contains(&again) {
                    let detail = format!("repeats the operation of transfer {first}");
                    report.add(Rule::OperationOnce, format!("transfer {again}"), detail);
                }
            }
            let unknown = self.fold.unknown(new.iter().map(|(row, _)| row));
            self.fold.open(store::accounts_of(snapshot, &unknown).await?);
            self.postings.read(snapshot, new.iter().map(|(row, _)| row)).await?;
        }
        for (transfer, flaw) in &new {
            if let Some(flaw) = flaw {
                report.add(Rule::RowWhole, format!("transfer {}", transfer.id), *flaw);
            }
            self.fold.transfer(transfer, report);
            self.postings.transfer(transfer, &self.system, report);
        }
        self.reached = self.reached.max(last.unwrap_or(i64::MIN));
        Ok(next)
    }
}
