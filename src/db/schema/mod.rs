//! Compares the database's schema and rights with what the migrations make: constraints, keys, triggers, functions,
//! owners, grants and memberships.
//!
//! What the migrations make stands in `migrations/schema.txt`, which `./parlor prepare` writes from a freshly migrated
//! database. This module only finds differences; the audit reports them.

mod store;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use crate::kit::error::Result;

/// The schema that this program's migrations make.
const MIGRATED: &str = include_str!("../../../migrations/schema.txt");

/// An object that is not as the migrations make it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Difference {
    /// The kind and the name of the object, as `constraint journal.journal_zero_sum`.
    pub object: String,
    /// What the database has and what it should have, in words.
    pub detail: String,
    /// Whether the object is only there in addition and changes nothing about what this program knows. A newer program's
    /// migration may have made it.
    pub is_more: bool,
    /// The table that this program knows and that the object belongs to.
    pub table: Option<String>,
}

/// The lines that describe the schema as the database has it, sorted.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn lines(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(store::lines(conn).await?)
}

/// Every object that is not as the migrations make it, one entry for each.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn differences(conn: &mut PgConnection) -> Result<Vec<Difference>> {
    Ok(compare(MIGRATED.lines(), lines(conn).await?.iter().map(String::as_str)))
}

/// The name of the object that a line is about: its first two words.
fn object(line: &str) -> String {
    line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The table that a line is about.
fn table(line: &str) -> Option<&str> {
    let mut words = line.split(' ');
    let (kind, name) = (words.next()?, words.next()?);
    match kind {
        "table" => Some(name),
        // `… ON public.journal USING btree (…)`
        "index" => line.split_once(" ON public.")?.1.split(' ').next(),
        "inheritance" => line.rsplit(' ').next(),
        _ => name.split_once('.').map(|(table, _)| table),
    }
}

/// Whether an object can be there in addition without changing what becomes of a row: a trigger, a rule, a policy or an
/// heir of a known table can change it, and so can a right or a setting.
fn is_harmless(line: &str, is_known: bool) -> bool {
    match line.split(' ').next() {
        Some(
            "table" | "view" | "matview" | "sequence" | "column" | "constraint" | "index" | "function" | "operator",
        ) => true,
        Some("trigger" | "rule" | "policy" | "inheritance") => !is_known,
        _ => false,
    }
}

fn compare<'a>(meant: impl Iterator<Item = &'a str>, found: impl Iterator<Item = &'a str>) -> Vec<Difference> {
    let mut sides: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    let meant: Vec<&str> = meant.collect();
    let known: BTreeSet<&str> =
        meant.iter().filter(|line| line.starts_with("table ")).filter_map(|line| table(line)).collect();
    meant.into_iter().for_each(|line| sides.entry(line).or_default().0 = true);
    found.for_each(|line| sides.entry(line).or_default().1 = true);
    let mut objects: BTreeMap<String, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for (line, (meant, found)) in sides {
        let lines = objects.entry(object(line)).or_default();
        match (meant, found) {
            (true, false) => lines.0.push(line),
            (false, true) => lines.1.push(line),
            _ => {}
        }
    }
    let said = |(object, (meant, found)): (String, (Vec<&str>, Vec<&str>))| {
        let detail = match (&meant[..], &found[..]) {
            ([], []) => return None,
            ([], found) => format!("the migrations do not make `{}`", found.join("`, `")),
            (meant, []) => format!("is gone: the migrations make `{}`", meant.join("`, `")),
            (meant, found) => format!("is `{}`, the migrations make `{}`", found.join("`, `"), meant.join("`, `")),
        };
        let table = meant.first().or(found.first()).and_then(|line| table(line)).filter(|table| known.contains(table));
        let is_more = meant.is_empty() && found.iter().all(|line| is_harmless(line, table.is_some()));
        Some(Difference { object, detail, is_more, table: table.map(str::to_owned) })
    };
    objects.into_iter().filter_map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_that_are_gone_changed_or_added_are_each_named() {
        let meant = ["table a", "column a.x bigint not null", "index i unique"];
        let found = ["table a", "column a.x bigint", "trigger a.t before insert"];
        let differences = compare(meant.into_iter(), found.into_iter());
        let said: Vec<_> = differences.iter().map(|one| (one.object.as_str(), one.is_more)).collect();
        assert_eq!(said, [("column a.x", false), ("index i", false), ("trigger a.t", false)]);
        assert!(differences.iter().all(|one| one.object == "index i" || one.table.as_deref() == Some("a")));
        assert!(differences[0].detail.contains("`column a.x bigint`, the migrations make"), "{differences:?}");
        assert_eq!(compare(meant.into_iter(), meant.into_iter()), []);
    }

    #[test]
    fn only_an_addition_that_changes_nothing_known_may_be_a_newer_programs() {
        let meant = ["table a"];
        let added = [
            ("column a.y bigint", true),
            ("column b.y bigint", true),
            ("index i CREATE INDEX i ON public.a USING btree (y)", true),
            ("inheritance heir of a", false),
            ("member parlor_app of the owner", false),
            ("policy a.p", false),
            ("rule a.quiet CREATE RULE quiet", false),
            ("table b", true),
            ("trigger a.t CREATE TRIGGER t", false),
            ("trigger b.t CREATE TRIGGER t", true),
        ];
        for (line, is_more) in added {
            let found = compare(meant.into_iter(), meant.into_iter().chain([line]));
            assert_eq!(found.iter().map(|one| one.is_more).collect::<Vec<_>>(), [is_more], "{line}");
            let of_a = !line.contains(" b.") && line != "table b" && !line.starts_with("member");
            assert_eq!(found[0].table.as_deref(), of_a.then_some("a"), "{line}");
        }
    }
}
