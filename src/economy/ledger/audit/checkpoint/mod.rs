//! Checkpoints: what an audit has verified, so that the next one goes on from there.
//!
//! A checkpoint decides what is not read again. So it is not kept in the database but in a file of whoever audits,
//! where those whom an audit should find out cannot write. It is signed with the key of the anchors, so that one that
//! somebody else wrote is reported. Replacing it by an older one of the same key only makes the next audit longer. What
//! it says about the ends of the chains is compared with the books each time.

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

/// What an audit has verified.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Always [`Checkpoint::IS`], so that nothing else that the key signs can be taken for one.
    pub(super) is: String,
    /// When the audit began, in Unix milliseconds by the database's clock.
    pub(super) at: i64,
    /// How many rows of the journal have been verified.
    pub(super) transfers: u64,
    /// How many links have been verified.
    pub(super) links: u64,
    /// The id up to which the journal has been walked.
    pub(super) reached: i64,
    /// The last link of every chain.
    pub(super) heads: Vec<Head>,
    /// The last link of the chain of openings.
    pub(super) openings: OpeningsHead,
    /// The state of every account with transfers.
    pub(super) accounts: Vec<Kept>,
    /// What the kinds of postings remember, by their numbers.
    pub(super) kinds: BTreeMap<i16, Value>,
}

/// The state of an account: id, currency, whether it may overdraw, amount, experience, last transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Kept(pub i64, pub i16, pub bool, pub i64, pub i64, pub i64);

impl Checkpoint {
    /// The name and the version of the form of a checkpoint.
    pub(super) const IS: &'static str = "parlor audit checkpoint 1";

    /// What the report of the next audit says about this checkpoint.
    pub(super) fn since(&self) -> Since {
        Since { at: self.at, transfers: self.transfers }
    }
}

/// The checkpoint, if the books still contain what it names. If they do not, that is reported, and everything is
/// audited again, which finds the rows that changed.
pub(super) async fn stands(
    snapshot: &mut PgConnection,
    from: Checkpoint,
    kinds: &Kinds,
    report: &mut Report,
) -> Result<Option<Checkpoint>> {
    if let Err(error) = Postings::open(kinds, Some(&from.kinds)) {
        report.notes.push(format!(
            "another version of this program made the checkpoint, so everything is audited again: {error}"
        ));
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
