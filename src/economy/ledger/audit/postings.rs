//! Every row judged again by its kind, and every record of a kind's own beside the journal.
//!
//! The kinds know how; here is only who is asked. What a kind keeps grows with its own tables (rooms,
//! versions), not with the journal.

use std::any::Any;
use std::collections::HashMap;

use sqlx::PgConnection;

use super::report::{Report, Rule};
use crate::economy::ledger::posting::{AnyKind, Authority, Flaw, Flaws, Kinds, System, Transfer};

/// A kind with what it keeps while the journal is walked.
struct Open<'a> {
    kind: &'a dyn AnyKind,
    audit: Box<dyn Any + Send>,
}

/// The kinds in an audit.
pub(super) struct Postings<'a> {
    system: System,
    kinds: HashMap<i16, Open<'a>>,
}

impl<'a> Postings<'a> {
    /// Reads what the kinds judge their rows by.
    pub async fn open(connection: &mut PgConnection, kinds: &'a Kinds, system: System) -> sqlx::Result<Self> {
        let mut open = HashMap::new();
        for kind in kinds.iter() {
            open.insert(kind.number(), Open { kind, audit: kind.audit_open(connection).await? });
        }
        Ok(Self { system, kinds: open })
    }

    /// The next row of the journal, by id.
    pub fn transfer(&mut self, row: &Transfer, report: &mut Report) {
        let mut flaws = Flaws::default();
        match self.kinds.get_mut(&row.kind) {
            Some(Open { kind, audit }) => {
                // Rows from before the word was kept have none.
                if let Some(word) = row.authority
                    && !Authority::from_number(word).is_some_and(|word| kind.authorities().contains(&word))
                {
                    flaws.posting(row, format!("a {} is not posted on the word of authority {word}", kind.name()));
                }
                kind.audit_row(row, &self.system, audit, &mut flaws);
            }
            None => flaws.posting(row, format!("is of kind {}, which there is not", row.kind)),
        }
        tell(flaws, report);
    }

    /// After the last row: the kinds' own tables.
    pub async fn close(self, connection: &mut PgConnection, report: &mut Report) -> sqlx::Result<()> {
        let mut open: Vec<_> = self.kinds.into_values().collect();
        open.sort_by_key(|open| open.kind.number());
        for Open { kind, audit } in open {
            let mut flaws = Flaws::default();
            kind.audit_close(connection, audit, &mut flaws).await?;
            tell(flaws, report);
        }
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
