//! Compares the SQL of each store with the owners of the tables.

use std::collections::BTreeSet;

use super::path::named;
use super::rank::{below, place};
use super::source::Source;
use super::sql::{made, statements, tables};
use super::table::{FOREIGN_TABLES, OWNERS, READERS, SQL_EDGES};

/// Finds slices that write a table of another slice, or read one that neither the ranks nor the table allow.
pub(super) fn breaches(sources: &[Source], migrations: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    let made: BTreeSet<String> = migrations.iter().flat_map(|migration| made(&migration.text)).collect();
    let owner = |table: &str| OWNERS.iter().find(|(owned, _)| *owned == table).map(|(_, owner)| *owner);
    found.extend(made.iter().filter(|table| owner(table).is_none()).map(|table| format!("{table} has no owner")));
    let not_there = OWNERS.iter().filter(|(table, _)| !made.contains(*table));
    found.extend(not_there.map(|(table, owner)| format!("{owner} owns {table}, which no migration makes")));
    for (at, (table, _)) in OWNERS.iter().enumerate() {
        if OWNERS[..at].iter().any(|(earlier, _)| earlier == table) {
            found.push(format!("{table} has two owners"));
        }
    }

    let below = below();
    let mut used = BTreeSet::new();
    for source in sources.iter().filter(|source| is_store(source)) {
        let own = place(&source.place.trim_end_matches(".rs").split('/').collect::<Vec<_>>());
        let Some(own) = own else { continue };
        for statement in statements(source) {
            let tables = tables(&statement);
            for table in tables.written.iter().chain(&tables.read) {
                if owner(table).is_none() && !is_system(table) {
                    found.push(format!("src/{}: {table} is no table that a migration makes", source.place));
                }
            }
            for table in &tables.written {
                if let Some(owner) = owner(table).filter(|owner| *owner != own) {
                    found.push(format!("src/{}: {own} writes {table}, which is {owner}'s", source.place));
                }
            }
            for table in &tables.read {
                let Some(owner) = owner(table) else { continue };
                let listed = READERS.iter().position(|(who, what, _)| *who == own && what.contains(&table.as_str()));
                match listed {
                    Some(at) if !below[own].contains(owner) => drop(used.insert((at, table.clone()))),
                    None if !below[own].contains(owner) => {
                        found.push(format!("src/{}: {own} reads {table}, which is {owner}'s", source.place));
                    }
                    _ => {}
                }
            }
        }
    }
    if sources.len() > 100 {
        for (at, (who, what, _)) in READERS.iter().enumerate() {
            let unused = what.iter().filter(|table| !used.contains(&(at, (**table).to_owned())));
            found.extend(unused.map(|table| format!("{who} needs no leave to read {table} any more")));
        }
    }
    found
}

/// Finds statements that are not in a store.
pub(super) fn sql_elsewhere(sources: &[Source]) -> Vec<String> {
    let is_query = |path: &Vec<String>| {
        path[0] == "sqlx" && path.get(1).is_some_and(|name| name.starts_with("query") || name == "raw_sql")
    };
    let elsewhere = sources.iter().filter(|source| !is_store(source) && !source.is_in(SQL_EDGES));
    elsewhere
        .filter(|source| named(source).iter().any(is_query))
        .map(|source| format!("src/{} knows SQL and is no store", source.place))
        .collect()
}

fn is_store(source: &Source) -> bool {
    source.name() == "store.rs" || source.place.split('/').any(|folder| folder == "store")
}

fn is_system(table: &str) -> bool {
    table.starts_with("pg_") || table.starts_with("information_schema.") || FOREIGN_TABLES.contains(&table)
}
