//! Access to PostgreSQL: the pool, the migrations, and the checks of schema and role before the server starts.

mod fit;
mod lookup;
mod mark;
pub mod schema;
mod store;

use std::collections::HashMap;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

pub use self::fit::refuse_too_few_rights;
pub use self::lookup::Lookup;
use self::mark::{Mark, mark};
pub use self::store::{Folded, folded};
use crate::kit::error::is_outage;
use crate::start::StartError;

/// A connection of the pool that was idle for longer than this is pinged before it is used.
const ASKED_AFTER: Duration = Duration::from_millis(500);

/// The files of `migrations/`, compiled in.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

crate::settings! {
    /// How the pool behaves.
    pub struct PoolSettings at "database.pool" {
        /// Connections at most. The ledger's writer, the node's lease and the listener for new jobs have one more each.
        connections: u32 = 16, in 2..=1_000;
        /// Milliseconds to wait for a free connection. After that the answer is `store_unavailable`.
        acquire_timeout_ms: u64 = 3_000, in 100..=60_000;
        /// Prepared statements that are kept per connection.
        statement_cache: usize = 256, in 16..=10_000;
    }
}

impl PoolSettings {
    /// The address with the options of every connection of the server, the ledger's writer included.
    pub fn dress(&self, options: PgConnectOptions) -> PgConnectOptions {
        options.application_name("parlor").statement_cache_capacity(self.statement_cache)
    }

    /// The pool. It connects at its first use, and again by itself after an outage.
    pub fn open(&self, options: PgConnectOptions) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(Duration::from_millis(self.acquire_timeout_ms))
            .test_before_acquire(false)
            .before_acquire(|conn, meta| {
                Box::pin(async move {
                    if meta.idle_for > ASKED_AFTER {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(self.dress(options))
    }
}

/// Parses an address of PostgreSQL.
///
/// # Errors
/// A sentence that names the `setting` and never the address, which may hold a password.
pub fn parse(setting: &str, address: &str) -> Result<PgConnectOptions, StartError> {
    let wrong = || {
        StartError::new(format!(
            "{setting} is not an address of PostgreSQL: write it as postgres://role:password@host:5432/database"
        ))
    };
    if !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
        return Err(wrong());
    }
    let (authority, rest) = address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).ok_or_else(wrong)?;
    // Without a role sqlx would take that of the environment, or `anonymous`; without a database, one named as the role.
    let names_role = authority.rsplit_once('@').is_some_and(|(role, _)| !role.is_empty() && !role.starts_with(':'));
    let names_database = !rest.is_empty() && !rest.starts_with('?');
    if !(names_role || rest.contains("user=")) || !(names_database || rest.contains("dbname=")) {
        return Err(StartError::new(format!(
            "{setting} is not whole: it must name the role and the database, as \
             postgres://role:password@host:5432/database"
        )));
    }
    address.parse().map_err(|_| wrong())
}

/// The database, where it is, and the role, in words. It never has the password.
pub fn shown(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("(no name)");
    format!("{database} at {}, role {}", place(options), options.get_username())
}

fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

/// Opens one connection, within 10 seconds.
///
/// # Errors
/// A sentence that says what to look at.
pub async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StartError> {
    match tokio::time::timeout(Duration::from_secs(10), options.connect()).await {
        Ok(Ok(conn)) => Ok(conn),
        Ok(Err(error)) => Err(unreachable(options, error)),
        Err(_) => Err(unreachable(options, "no answer within 10 s")),
    }
}

fn unreachable(options: &PgConnectOptions, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StartError {
    let place = place(options);
    StartError::new(format!(
        "the database {} at {place} cannot be used as {}: see that PostgreSQL runs there, and that DATABASE_URL and \
         DATABASE_OWNER_URL name the right host, database, role and password",
        options.get_database().unwrap_or("(no name)"),
        options.get_username(),
    ))
    .because(cause)
}

/// Applies the migrations that the database does not have yet, as the owner, and stores their marks. Any number of
/// servers may do so at once, because sqlx holds an advisory lock meanwhile. It tells which one it
/// is at, and returns how many were new.
///
/// # Errors
/// If the database cannot be reached or migrated, if roles are missing, or if a newer program has migrated it without
/// marking that compatible.
pub async fn migrate(owner: &PgConnectOptions, tell: &(dyn Fn(&str) + Sync)) -> Result<usize, StartError> {
    // A migration is one statement of hundreds of lines, and is expected to take long.
    let mut conn = connect(&owner.clone().disable_statement_logging()).await?;
    let missing = store::missing_roles(&mut conn, &["parlor_app", "parlor_audit"]).await.map_err(unreadable)?;
    if !missing.is_empty() {
        return Err(no_roles(owner, &missing));
    }
    let before = applied(&mut conn).await?;
    fit::refuse_foreign(&mut conn, &before).await?;
    fit::refuse_other_owner(&mut conn).await?;
    refuse_incompatible(&mut conn, &before).await?;
    apply(&mut conn, &before, tell).await?;
    store::show_migrations(&mut conn).await.map_err(unreadable)?;
    store::close_database(&mut conn).await.map_err(unreadable)?;
    let marks = MIGRATIONS.iter().filter_map(|migration| match mark(migration)? {
        Mark::Any => Some((migration.version, None)),
        Mark::Since(older) => Some((migration.version, Some(older))),
        Mark::None => None,
    });
    let (versions, needs): (Vec<_>, Vec<_>) = marks.unzip();
    store::insert_marks(&mut conn, &versions, &needs).await.map_err(unreadable)?;
    let after = applied(&mut conn).await?;
    // Everything is committed; a connection that does not close cleanly changes nothing.
    let _ = conn.close().await;
    Ok(after.len().saturating_sub(before.len()))
}

/// The first migration that is to be applied and behind which a program that serves now could not go on: as text.
///
/// # Errors
/// A database that cannot be read.
pub async fn incompatible_pending(conn: &mut PgConnection) -> Result<Option<String>, StartError> {
    let before = applied(conn).await?;
    if before.is_empty() {
        return Ok(None);
    }
    let pending = MIGRATIONS.iter().filter(|migration| !before.contains_key(&migration.version));
    let incompatible = pending.into_iter().find(|migration| match mark(migration) {
        Some(Mark::Any) => false,
        Some(Mark::Since(older)) => !before.contains_key(&older),
        Some(Mark::None) | None => true,
    });
    Ok(incompatible.map(|migration| format!("{} ({})", migration.version, migration.description)))
}

/// Applies the migrations one by one, and says which one it is at.
async fn apply(
    conn: &mut PgConnection,
    before: &HashMap<i64, Vec<u8>>,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(), StartError> {
    for (place, migration) in MIGRATIONS.iter().enumerate() {
        if before.contains_key(&migration.version) {
            continue;
        }
        // The first ones are many and quick.
        if !before.is_empty() {
            tell(&format!("migrates: {} ({})", migration.description, migration.version));
        }
        let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().take(place + 1).cloned().collect());
        // What is missing here was judged by the caller.
        migrator.set_ignore_missing(true).run(&mut *conn).await.map_err(not_migrated)?;
    }
    // Also where nothing is new: a migration that was changed is refused.
    let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    migrator.set_ignore_missing(true).run(&mut *conn).await.map_err(not_migrated)
}

/// Refuses a database whose schema this program cannot serve on: one that is older, one that differs, or one that is
/// newer and not marked compatible.
///
/// # Errors
/// The refusal, as a sentence that says what to do.
pub async fn refuse_other_schema(conn: &mut PgConnection) -> Result<(), StartError> {
    let applied = applied(conn).await?;
    fit::refuse_foreign(conn, &applied).await?;
    for migration in MIGRATIONS.iter() {
        match applied.get(&migration.version) {
            None => {
                return Err(StartError::new(
                    "the database's schema is older than this program: run `parlor migrate` \
                     (with DATABASE_OWNER_URL), then start again",
                ));
            }
            Some(checksum) if *checksum != *migration.checksum => {
                return Err(not_migrated(MigrateError::VersionMismatch(migration.version)));
            }
            Some(_) => {}
        }
    }
    refuse_incompatible(conn, &applied).await
}

/// Refuses migrations that this program does not know, unless each is marked compatible with it.
async fn refuse_incompatible(conn: &mut PgConnection, applied: &HashMap<i64, Vec<u8>>) -> Result<(), StartError> {
    let mut unknown: Vec<i64> =
        applied.keys().copied().filter(|version| !MIGRATIONS.version_exists(*version)).collect();
    unknown.sort_unstable();
    let Some(newest) = unknown.last() else { return Ok(()) };
    let marks: HashMap<i64, Option<i64>> = if store::has_marks(conn).await.map_err(unreadable)? {
        store::marks(conn).await.map_err(unreadable)?.into_iter().collect()
    } else {
        HashMap::new()
    };
    let is_compatible = |version: &i64| match marks.get(version) {
        Some(needs) => needs.is_none_or(|needed| MIGRATIONS.version_exists(needed)),
        None => false,
    };
    match unknown.iter().find(|version| !is_compatible(version)) {
        Some(version) => Err(not_migrated(MigrateError::VersionMissing(*version))),
        None => {
            tracing::info!(
                migrations = unknown.len(),
                newest,
                "the database's schema is newer than this program and is marked compatible with it: it is used as it is"
            );
            Ok(())
        }
    }
}

/// Refuses to serve as a role that could rewrite the books, by its own rights or as a role that it may become: a
/// superuser, a role that may create roles or write everything, the owner of the journal, or one that may change it,
/// write what only triggers write, create or attach anything, or execute what runs with the owner's rights (but for
/// the function that removes refusals which nobody can ask for any more).
/// It also refuses attributes that no server needs.
///
/// # Errors
/// The refusal, as a sentence that says what to do.
pub async fn refuse_too_many_rights(conn: &mut PgConnection) -> Result<(), StartError> {
    let rights = store::rights(conn).await.map_err(unreadable)?;
    let what = if rights.superuser {
        "is a superuser, or may become one".to_owned()
    } else if rights.creates_roles {
        "may create roles".to_owned()
    } else if let Some(predefined) = rights.predefined {
        format!("is a member of {predefined}")
    } else if rights.owner {
        "owns the journal, or may become its owner".to_owned()
    } else if rights.changes_journal {
        "may change or remove rows of the journal".to_owned()
    } else if rights.writes_records {
        "may write versions, memberships, seals or openings of accounts by itself".to_owned()
    } else if let Some(function) = rights.executes {
        format!("may execute {function} with its owner's rights")
    } else if rights.creates {
        return Err(StartError::new(format!(
            "the role {} may create or attach objects in this database, temporary ones perhaps, and a server that could \
             rewrite its own books is not started: run `parlor migrate` (with DATABASE_OWNER_URL), which takes these \
             rights away; where the owner does not own the database, let its administrator run \
             `revoke create, temporary on database … from public`",
            rights.role
        )));
    } else if rights.attribute {
        "may create databases, replicate or bypass row security".to_owned()
    } else {
        return Ok(());
    };
    Err(StartError::new(format!(
        "the role {} {what}, and no server is started that could rewrite its own books: \
         name the role parlor_app in DATABASE_URL, and the owner only in DATABASE_OWNER_URL",
        rights.role
    )))
}

/// The number of applied migrations that this program does not know, because a newer program has them.
pub async fn unknown_migrations(conn: &mut PgConnection) -> Result<usize, StartError> {
    let known = |version: &i64| MIGRATIONS.iter().any(|migration| migration.version == *version);
    Ok(applied(conn).await?.keys().filter(|version| !known(version)).count())
}

/// Whether Parlor's first migration was applied to the database.
///
/// # Errors
/// If the database cannot be read.
pub async fn is_migrated(conn: &mut PgConnection) -> Result<bool, StartError> {
    let applied = applied(conn).await?;
    Ok(MIGRATIONS.iter().next().is_some_and(|first| applied.contains_key(&first.version)))
}

/// The versions of the applied migrations with their checksums; none if nothing was ever migrated.
async fn applied(conn: &mut PgConnection) -> Result<HashMap<i64, Vec<u8>>, StartError> {
    if !store::has_migrations(conn).await.map_err(unreadable)? {
        return Ok(HashMap::new());
    }
    fit::refuse_unfinished(conn).await?;
    Ok(store::applied_migrations(conn).await.map_err(unreadable)?.into_iter().collect())
}

fn unreadable(error: sqlx::Error) -> StartError {
    StartError::new(
        "the database does not answer as one of Parlor's: see that it is the right one and that it has been migrated",
    )
    .because(error)
}

fn not_migrated(error: MigrateError) -> StartError {
    match error {
        MigrateError::VersionMismatch(version) => StartError::new(format!(
            "migration {version} of this program is not the one that was applied to the database: use the program that \
             applied it, or another database (in development, start with --data and an empty folder)"
        )),
        MigrateError::VersionMissing(version) => StartError::new(format!(
            "the database is newer than this program: it has migration {version}, which this program does not know and \
             which is not marked compatible with it; use the newer program"
        )),
        MigrateError::Dirty(version) => StartError::new(format!(
            "migration {version} was stopped half-way, and what it did is not known: restore the database from a backup \
             of before it; or finish its statements by hand, then set `success` on its row of _sqlx_migrations, and \
             migrate again"
        )),
        MigrateError::ExecuteMigration(error, version) => {
            let what = if is_outage(&error) {
                "was interrupted: see that PostgreSQL runs and has space, then migrate again"
            } else {
                "does not apply to this database: correct what is named here, then migrate again"
            };
            StartError::new(format!("migration {version} {what}; nothing of it was kept")).because(error)
        }
        MigrateError::Execute(error) => unreadable(error),
        other => StartError::new("the database cannot be migrated").because(other),
    }
}

fn no_roles(owner: &PgConnectOptions, missing: &[String]) -> StartError {
    let mut sql = String::new();
    for role in missing {
        sql.push_str(&format!("\n    create role {role} login password '…';"));
    }
    StartError::new(format!(
        "the database server lacks roles that Parlor needs: let its administrator run this, then migrate again{sql}\n    \
         grant connect on database {} to {};",
        owner.get_database().unwrap_or("parlor"),
        missing.join(", "),
    ))
}
