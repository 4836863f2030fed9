//! Has every row judged again by its kind, and has each kind compare its own records with the journal.
//!
//! Only the kinds know how to do that. What a kind remembers grows with its own records (rooms, versions, approved coin
//! requests, reversals), and not with the other rows of the journal.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::PgConnection;

use super::report::{Report, Rule};
use crate::economy::ledger::posting::{AnyAudit, AnyKind, Authority, Flaw, Flaws, Kinds, System, Transfer};

/// A kind, with what it remembers while the journal is walked.
struct Open<'a> {
    kind: &'a dyn AnyKind,
    audit: AnyAudit,
}

/// The kinds in an audit.
pub(super) struct Postings<'a>(BTreeMap<i16, Open<'a>>);

impl<'a> Postings<'a> {
    /// The kinds at the beginning of the journal, or with what a checkpoint has stored.
    ///
    /// # Errors
    /// What was stored does not have the form of this program.
    pub fn open(kinds: &'a Kinds, kept: Option<&BTreeMap<i16, Value>>) -> serde_json::Result<Self> {
        let open = kinds.iter().map(|kind| {
            let audit = kind.audit(kept.and_then(|kept| kept.get(&kind.number())))?;
            Ok((kind.number(), Open { kind, audit }))
        });
        open.collect::<serde_json::Result<_>>().map(Self)
    }

    /// What a checkpoint stores for each kind.
    pub fn kept(&self) -> serde_json::Result<BTreeMap<i16, Value>> {
        self.0.iter().map(|(number, Open { kind, audit })| Ok((*number, kind.audit_kept(audit)?))).collect()
    }

    /// The number of every kind.
    pub fn numbers(&self) -> Vec<i16> {
        self.0.keys().copied().collect()
    }

    /// Reads what these rows are judged by, for each kind.
    pub async fn read(
        &mut self,
        connection: &mut PgConnection,
        rows: impl Iterator<Item = &Transfer> + Clone,
    ) -> sqlx::Result<()> {
        for (number, Open { kind, audit }) in &mut self.0 {
            let of_it: Vec<_> = rows.clone().filter(|row| row.kind == *number).collect();
            if !of_it.is_empty() {
                kind.audit_read(connection, &of_it, audit).await?;
            }
        }
        Ok(())
    }

    /// Has the next row of the journal judged.
    pub fn transfer(&mut self, row: &Transfer, system: &System, report: &mut Report) {
        let mut flaws = Flaws::default();
        match self.0.get_mut(&row.kind) {
            Some(Open { kind, audit }) => {
                // Rows that are older than the column have no authority.
                if let Some(word) = row.authority
                    && !Authority::from_number(word).is_some_and(|word| kind.authorities().contains(&word))
                {
                    flaws.posting(row, format!("is a {}, which authority {word} may not order", kind.name()));
                }
                kind.audit_row(row, system, audit, &mut flaws);
            }
            None => flaws.posting(row, format!("has the unknown kind {}", row.kind)),
        }
        tell(flaws, report);
    }

    /// Has a kind compare its own tables with the rows so far.
    pub async fn close(&mut self, connection: &mut PgConnection, kind: i16, report: &mut Report) -> sqlx::Result<()> {
        let mut flaws = Flaws::default();
        if let Some(Open { kind, audit }) = self.0.get_mut(&kind) {
            kind.audit_close(connection, audit, &mut flaws).await?;
        }
        tell(flaws, report);
        Ok(())
    }
}

fn tell(flaws: Flaws, report: &mut Report) {
    for flaw in flaws.0 {
        match flaw {
            Flaw::Posting { transfer, detail } => {
                report.add(Rule::PostingRecomputed, format!("transfer {transfer}"), detail);
            }
            Flaw::Record { subject, detail } => report.add(Rule::RecordsAgree, subject, detail),
        }
    }
}
