//! Compares the database's schema and rights with what the migrations make: constraints, keys, triggers, functions,
//! owners, grants and memberships.
//!
//! What the migrations make stands in `migrations/schema.txt`, which `./parlor prepare` writes from a freshly migrated
//! database. This module only finds differences; the audit reports them.

mod store;

use std::collections::BTreeMap;

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
    /// Whether the object is only there in addition. A newer program's migration may have made it.
    pub is_more: bool,
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

fn compare<'a>(meant: impl Iterator<Item = &'a str>, found: impl Iterator<Item = &'a str>) -> Vec<Difference> {
    let mut sides: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    meant.for_each(|line| sides.entry(line).or_default().0 = true);
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
        Some(Difference { object, detail, is_more: meant.is_empty() })
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
        assert_eq!(said, [("column a.x", false), ("index i", false), ("trigger a.t", true)]);
        assert!(differences[0].detail.contains("`column a.x bigint`, the migrations make"), "{differences:?}");
        assert_eq!(compare(meant.into_iter(), meant.into_iter()), []);
    }
}
