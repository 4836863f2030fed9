//! The mark of a migration, which says whether an older program may serve on the schema after it. It is the first line
//! of the file: `-- compatible: yes`, `-- compatible: since VERSION`, or `-- compatible: no`.

use sqlx::migrate::Migration;

/// The beginning of every mark.
const WORD: &str = "-- compatible:";

/// Which older programs may serve on the schema after a migration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mark {
    /// Every older program: the migration only adds what such a program does not look at.
    Any,
    /// An older program that knows the migration of this version: what is dropped was last used by programs from before
    /// it.
    Since(i64),
    /// No older program.
    None,
}

/// The mark in the first line. `None` if the migration has no mark, as those that are named by a number alone, or one that
/// cannot be read.
pub(super) fn mark(migration: &Migration) -> Option<Mark> {
    let line = migration.sql.as_str().lines().next()?;
    let words: Vec<_> = line.strip_prefix(WORD)?.split_whitespace().collect();
    match words[..] {
        ["yes"] => Some(Mark::Any),
        ["no"] => Some(Mark::None),
        ["since", version] => version.parse().ok().filter(|older| *older < migration.version).map(Mark::Since),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::SqlSafeStr as _;
    use sqlx::migrate::MigrationType;

    use super::*;
    use crate::db::MIGRATIONS;

    /// The last migration that is named by a number. Those have no marks.
    const LAST_NUMBERED: i64 = 16;

    #[test]
    fn a_mark_is_read_from_the_first_line_only() {
        let read = |sql: &'static str| {
            let sql = sql.into_sql_str();
            mark(&Migration::new(202_611_301_200, Cow::Borrowed("a"), MigrationType::Simple, sql, false))
        };
        assert_eq!(read("-- compatible: yes\ncreate table a ();"), Some(Mark::Any));
        assert_eq!(read("-- compatible: since 202611301100\n"), Some(Mark::Since(202_611_301_100)));
        assert_eq!(read("-- compatible: no"), Some(Mark::None));
        for unreadable in
            ["", "-- A table.\n-- compatible: yes", "-- compatible: perhaps", "-- compatible: since 202611301200"]
        {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn every_migration_that_is_named_by_time_has_a_mark() {
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > LAST_NUMBERED) {
            assert!(
                mark(migration).is_some(),
                "migration {} ({}) does not begin with its mark: see docs/contributing.md",
                migration.version,
                migration.description
            );
        }
    }
}
