//! Where an audit has ended, so that the next one goes on from there.
//!
//! A checkpoint decides what is not looked at again. So it is kept where those whom an audit is to find out cannot
//! write: in a file of whoever audits, not in the database; and it is signed with the key of the anchors, so that
//! one that was written by somebody else is named. An older one of one's own in its place only makes the next audit
//! longer. What it says of the chains is looked at again each time.

mod keeper;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

pub use self::keeper::{Found, Keeper};
use super::postings::Postings;
use super::report::{Report, Rule, Since};
use super::{anchored, hex};
use crate::economy::ledger::anchor::{Head, OpeningsHead};
use crate::economy::ledger::posting::Kinds;
use crate::kit::error::Result;

/// What an audit has verified, and where it stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Always [`Checkpoint::IS`], so that nothing else that the key signs can be taken for one.
    pub(super) is: String,
    /// When the audit began, Unix milliseconds of the database.
    pub(super) at: i64,
    /// Rows of the journal up to it.
    pub(super) transfers: u64,
    /// Links up to it.
    pub(super) links: u64,
    /// Every id up to this one has been gone by.
    pub(super) reached: i64,
    /// The last link of every chain.
    pub(super) heads: Vec<Head>,
    /// The end of the chain of openings.
    pub(super) openings: OpeningsHead,
    /// What every account that was moved has come to.
    pub(super) accounts: Vec<Kept>,
    /// What the kinds keep, by their numbers.
    pub(super) kinds: BTreeMap<i16, Value>,
}

/// An account: its id, its currency, whether it may overdraw, amount, experience, last transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Kept(pub i64, pub i16, pub bool, pub i64, pub i64, pub i64);

impl Checkpoint {
    /// What a checkpoint says that it is, with the version of its form.
    pub(super) const IS: &'static str = "parlor audit checkpoint 1";

    /// For the report of the audit that goes on from it.
    pub(super) fn since(&self) -> Since {
        Since { at: self.at, transfers: self.transfers }
    }
}

/// The checkpoint, if the books still have what it says of them. Where they have not, that is named, and
/// everything is audited anew, which finds the rows.
pub(super) async fn stands(
    snapshot: &mut PgConnection,
    from: Checkpoint,
    kinds: &Kinds,
    report: &mut Report,
) -> Result<Option<Checkpoint>> {
    if let Err(error) = Postings::open(kinds, Some(&from.kinds)) {
        report.notes.push(format!("the checkpoint is of another program, so all is audited anew: {error}"));
        return Ok(None);
    }
    let found = report.found;
    let (writers, batch_nos): (Vec<_>, Vec<_>) = from.heads.iter().map(|head| (head.writer, head.batch_no)).unzip();
    let hashes = anchored::store::hashes(snapshot, &writers, &batch_nos).await?;
    for (head, hash) in from.heads.iter().zip(hashes) {
        if hash.as_deref().map(hex).as_ref() != Some(&head.hash) {
            let detail = "is gone or not the one that the checkpoint knows: it, or what is before it, was written anew";
            report.add(Rule::CheckpointTrue, format!("link {}/{}", head.writer, head.batch_no), detail);
        }
    }
    if from.openings.no > 0 {
        let hashes = anchored::store::opening_hashes(snapshot, &[from.openings.no]).await?;
        if hashes.into_iter().flatten().next().as_deref().map(hex).as_ref() != Some(&from.openings.hash) {
            let detail = "is gone or not the one that the checkpoint knows: openings were written anew";
            report.add(Rule::CheckpointTrue, format!("opening {}", from.openings.no), detail);
        }
    }
    Ok((report.found == found).then_some(from))
}
