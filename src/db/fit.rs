//! Whether a database is fit for what is asked: it is Parlor's own, its migration was finished, and the role may do what
//! it is named for. Nothing is written here.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::{MIGRATIONS, store, unreadable};
use crate::start::StartError;

/// How many tables of another program are named.
const NAMED: usize = 3;

/// Refuses a database that has tables and none of Parlor's migrations.
pub(super) async fn refuse_foreign(conn: &mut PgConnection, applied: &HashMap<i64, Vec<u8>>) -> Result<(), StartError> {
    if MIGRATIONS.iter().next().is_some_and(|first| applied.contains_key(&first.version)) {
        return Ok(());
    }
    let mut tables = store::tables(conn).await.map_err(unreadable)?;
    // A migration that failed at its beginning leaves sqlx's table behind, and nothing in it.
    tables.retain(|table| table != "_sqlx_migrations" || !applied.is_empty());
    if tables.is_empty() {
        return Ok(());
    }
    let more = if tables.len() > NAMED { ", …" } else { "" };
    tables.truncate(NAMED);
    Err(StartError::new(format!(
        "the database has tables of another program ({}{more}) and none of Parlor's: give Parlor a database of its own",
        tables.join(", ")
    )))
}

/// Refuses a database whose first migration was begun and not finished, so that this role may not even read how far it
/// is.
pub(super) async fn refuse_unfinished(conn: &mut PgConnection) -> Result<(), StartError> {
    if store::may_read_migrations(conn).await.map_err(unreadable)? {
        return Ok(());
    }
    Err(StartError::new(
        "the database's migration was begun and not finished: run `parlor migrate` (with DATABASE_OWNER_URL) to its end, \
         then start again",
    ))
}

/// Refuses to migrate as a role to which the tables should not belong: a superuser, a role that serves or reads, or
/// another one than the owner of the tables that are there; and as one that may make none.
pub(super) async fn refuse_other_owner(conn: &mut PgConnection) -> Result<(), StartError> {
    let owner = store::owner(conn).await.map_err(unreadable)?;
    let role = &owner.role;
    let what = if owner.superuser {
        format!("the role {role} is a superuser, and what it makes would be its own")
    } else if ["parlor_app", "parlor_audit"].contains(&role.as_str()) {
        format!("the role {role} must not own the tables")
    } else if let Some(other) = owner.other {
        return Err(StartError::new(format!(
            "the tables belong to {other}, and the role {role} cannot change them: name {other} in DATABASE_OWNER_URL, or \
             let the administrator give all tables to {role}"
        )));
    } else if !owner.creates {
        return Err(StartError::new(format!(
            "the role {role} may make no tables in this database: let the administrator run \
             `alter database \"{}\" owner to {role}`",
            owner.database
        )));
    } else {
        return Ok(());
    };
    Err(StartError::new(format!("{what}: name the role that owns the schema (parlor_owner) in DATABASE_OWNER_URL")))
}

/// Refuses to write as a role that may only read.
///
/// # Errors
/// The refusal, as a sentence that says what to do.
pub async fn refuse_too_few_rights(conn: &mut PgConnection) -> Result<(), StartError> {
    let (role, writes) = store::writer(conn).await.map_err(unreadable)?;
    if writes {
        return Ok(());
    }
    Err(StartError::new(format!(
        "the role {role} may not write what a server writes: name the role that serves (parlor_app) in DATABASE_URL"
    )))
}
