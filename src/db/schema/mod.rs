//! Whether the schema and its rights are as the migrations make them: constraints, keys, triggers, functions,
//! owners, grants, memberships.
//!
//! What they are is kept in `migrations/schema.txt`, which `./parlor prepare` writes from a freshly migrated
//! database. It never says what to do about a difference: the audit names it.

mod store;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::kit::error::Result;

/// The schema that this program's migrations make.
const MIGRATED: &str = include_str!("../../../migrations/schema.txt");

/// An object that is not as the migrations make it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Difference {
    /// The kind and the name of the object: `constraint journal.journal_zero_sum`.
    pub object: String,
    /// What is there, and what should be.
    pub detail: String,
    /// It is only there in addition: a newer program's migration may have made it.
    pub is_more: bool,
}

/// Every line of the schema as the database has it.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn lines(conn: &mut PgConnection) -> Result<Vec<String>> {
    Ok(store::lines(conn).await?)
}

/// Every object that is not as the migrations make it.
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
    fn what_is_gone_changed_or_more_is_said_by_object() {
        let meant = ["table a", "column a.x bigint not null", "index i unique"];
        let found = ["table a", "column a.x bigint", "trigger a.t before insert"];
        let differences = compare(meant.into_iter(), found.into_iter());
        let said: Vec<_> = differences.iter().map(|one| (one.object.as_str(), one.is_more)).collect();
        assert_eq!(said, [("column a.x", false), ("index i", false), ("trigger a.t", true)]);
        assert!(differences[0].detail.contains("`column a.x bigint`, the migrations make"), "{differences:?}");
        assert_eq!(compare(meant.into_iter(), meant.into_iter()), []);
    }
}
