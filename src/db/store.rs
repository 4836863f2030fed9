//! SQL about the database itself: its roles, rights, migrations and functions. The tables of capabilities are read
//! elsewhere.

use sqlx::PgConnection;

/// What the connected role may do beyond serving, by its own rights or as any role that it is a member of. It makes no
/// difference whether it inherits that role's rights or needs `set role` first.
pub(super) struct Rights {
    pub(super) role: String,
    pub(super) superuser: bool,
    /// May create roles. Up to PostgreSQL 15 such a role can make itself the owner.
    pub(super) creates_roles: bool,
    /// Has an attribute that no server needs: creating databases, replication, or bypassing row security.
    pub(super) attribute: bool,
    /// A predefined role of PostgreSQL that may write all tables, or read, write or run files of the server.
    pub(super) predefined: Option<String>,
    /// Owns the journal's schema or a table in it.
    pub(super) owner: bool,
    /// May update any column, delete, truncate or add a trigger in a table that is only ever added to.
    pub(super) changes_journal: bool,
    /// Any change of what only triggers and migrations write: openings, versions, memberships, the system's accounts, the
    /// seals of the journal's first form.
    pub(super) writes_records: bool,
    /// A trigger on a table, or a new object in the schema or the database, temporary ones included.
    pub(super) creates: bool,
    /// A function of the schema that runs with its owner's rights.
    pub(super) executes: Option<String>,
}

/// The rights of the role that signed in, `session_user`. `current_user` may have fewer, but only until `reset role`.
pub(super) async fn rights(conn: &mut PgConnection) -> sqlx::Result<Rights> {
    sqlx::query_as!(
        Rights,
        r#"
        with mine as (
            select oid, rolname, rolsuper, rolcreaterole, rolcreatedb or rolreplication or rolbypassrls as attribute
              from pg_roles
             where pg_has_role(session_user, oid, 'member')
        )
        select session_user::text as "role!",
               (select bool_or(rolsuper) from mine) as "superuser!",
               (select bool_or(rolcreaterole) from mine) as "creates_roles!",
               (select bool_or(attribute) from mine) as "attribute!",
               (select min(rolname::text) from mine
                 where rolname in ('pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files',
                                   'pg_write_server_files', 'pg_create_subscription')) as predefined,
               exists (select from mine
                        where oid = n.nspowner
                           or oid in (select relowner from pg_class where relnamespace = n.oid)) as "owner!",
               exists (select
                         from mine,
                              unnest(array['journal', 'refusals', 'chain_links']::regclass[]) as books (id)
                        where has_table_privilege(mine.oid, books.id, 'update, delete, truncate, trigger')
                           or has_any_column_privilege(mine.oid, books.id, 'update')) as "changes_journal!",
               exists (select
                         from mine,
                              unnest(array['openings', 'gift_versions', 'agency_rate_versions', 'agency_memberships',
                                           'system_accounts', 'first_form_ends', 'first_form_refusals']::regclass[]) as records (id)
                        where has_table_privilege(mine.oid, records.id, 'insert, update, delete, truncate')
                           or has_any_column_privilege(mine.oid, records.id, 'insert, update')) as "writes_records!",
               exists (select from mine
                        where has_database_privilege(mine.oid, current_database(), 'create, temporary')
                           or has_schema_privilege(mine.oid, n.oid, 'create')
                           or exists (select from pg_class t
                                       where t.relnamespace = n.oid and t.relkind in ('r', 'p', 'v')
                                         and has_table_privilege(mine.oid, t.oid, 'trigger'))) as "creates!",
               (select min(f.oid::regprocedure::text)
                  from mine, pg_proc f
                 where f.pronamespace = n.oid and f.prosecdef
                   and f.oid::regprocedure::text <> 'remove_old_refusals(integer)'
                   and has_function_privilege(mine.oid, f.oid, 'execute')) as executes
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
         where c.oid = 'journal'::regclass
        "#
    )
    .fetch_one(conn)
    .await
}

/// Those of these roles that the database server does not have.
pub(super) async fn missing_roles(conn: &mut PgConnection, roles: &[&str]) -> sqlx::Result<Vec<String>> {
    let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    sqlx::query_scalar!(
        r#"
        select wanted.name as "name!"
          from unnest($1::text[]) as wanted (name)
         where not exists (select from pg_roles where rolname = wanted.name)
        "#,
        &roles
    )
    .fetch_all(conn)
    .await
}

/// Whether anything was ever migrated here.
pub(super) async fn has_migrations(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "there!""#).fetch_one(conn).await
}

/// Whether the connected role may read which migrations were applied.
pub(super) async fn may_read_migrations(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select has_table_privilege(to_regclass('_sqlx_migrations'), 'select') as "may!""#)
        .fetch_one(conn)
        .await
}

/// The tables of the schema, sorted by name.
pub(super) async fn tables(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"
        select relname::text as "name!"
          from pg_class
         where relnamespace = to_regnamespace('public') and relkind in ('r', 'p')
         order by relname
        "#
    )
    .fetch_all(conn)
    .await
}

/// What decides whether the connected role may migrate.
pub(super) struct Owner {
    pub(super) role: String,
    pub(super) database: String,
    pub(super) superuser: bool,
    /// May make tables in the schema.
    pub(super) creates: bool,
    /// A role that owns tables here and that the connected role cannot act as.
    pub(super) other: Option<String>,
}

/// The role that signed in, as the owner of the schema that it is or is not.
pub(super) async fn owner(conn: &mut PgConnection) -> sqlx::Result<Owner> {
    sqlx::query_as!(
        Owner,
        r#"
        select session_user::text as "role!", current_database()::text as "database!",
               (select rolsuper from pg_roles where rolname = session_user) as "superuser!",
               has_schema_privilege('public', 'create') as "creates!",
               (select min(relowner::regrole::text)
                  from pg_class
                 where relnamespace = to_regnamespace('public') and relkind in ('r', 'p')
                   and not pg_has_role(relowner, 'usage')) as other
        "#
    )
    .fetch_one(conn)
    .await
}

/// The role that signed in, and whether it may write what every server writes.
pub(super) async fn writer(conn: &mut PgConnection) -> sqlx::Result<(String, bool)> {
    let row = sqlx::query!(
        r#"
        select session_user::text as "role!",
               has_table_privilege('nodes', 'insert') and has_table_privilege('journal', 'insert') as "writes!"
        "#
    )
    .fetch_one(conn)
    .await?;
    Ok((row.role, row.writes))
}

/// Whether the schema has the table of marks.
pub(super) async fn has_marks(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select to_regclass('schema_marks') is not null as "there!""#).fetch_one(conn).await
}

/// The migrations that are marked compatible, each with the migration that an older program must know, if there is one.
pub(super) async fn marks(conn: &mut PgConnection) -> sqlx::Result<Vec<(i64, Option<i64>)>> {
    let marks = sqlx::query!("select version, needs from schema_marks").fetch_all(conn).await?;
    Ok(marks.into_iter().map(|mark| (mark.version, mark.needs)).collect())
}

/// Stores marks that are not there yet.
pub(super) async fn insert_marks(conn: &mut PgConnection, versions: &[i64], needs: &[Option<i64>]) -> sqlx::Result<()> {
    sqlx::query!(
        "
        insert into schema_marks (version, needs)
        select version, needs
          from unnest($1::bigint[], $2::bigint[]) as mark (version, needs)
        on conflict do nothing
        ",
        versions,
        needs as &[Option<i64>]
    )
    .execute(conn)
    .await?;
    Ok(())
}

// The two functions below name sqlx's own table. They are not checked when the program is built, because the database
// of `./parlor prepare` does not have that table.

/// The migrations that were applied, with their checksums.
pub(super) async fn applied_migrations(conn: &mut PgConnection) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    sqlx::query_as("select version, checksum from _sqlx_migrations where success").fetch_all(conn).await
}

/// Takes from everybody but the owner what PostgreSQL gives in every new database. A dump does not carry these rights,
/// so this is done at every migration.
pub(super) async fn close_database(conn: &mut PgConnection) -> sqlx::Result<()> {
    let close = "do $$ begin
        execute format('revoke create, temporary on database %I from public, parlor_app, parlor_audit', current_database());
    end $$";
    sqlx::raw_sql(close).execute(conn).await?;
    Ok(())
}

/// Lets the server and the audit read the applied migrations, which they compare with their own.
pub(super) async fn show_migrations(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("grant select on _sqlx_migrations to parlor_app, parlor_audit").execute(conn).await?;
    Ok(())
}

/// A text as names are searched by it: without case, accents, marks and whatever else people leave out when they type.
/// A trigger folds names in the same way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folded {
    /// The folded text.
    pub text: String,
    /// The same with every character beyond ASCII as a letter of it, for trigrams.
    pub letters: String,
}

/// Folds a text.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn folded(conn: &mut PgConnection, text: &str) -> sqlx::Result<Folded> {
    let folded = sqlx::query_as!(
        Folded,
        r#"select folded as "text!", fold_letters(folded) as "letters!"
             from fold_text($1) folded"#,
        text,
    );
    folded.fetch_one(conn).await
}
