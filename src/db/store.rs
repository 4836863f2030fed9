//! What is asked of the database itself, not of a capability's tables.

use sqlx::PgConnection;

/// What the connected role may do beyond serving.
pub(super) struct Rights {
    pub(super) role: String,
    /// Is one, or is a member of one.
    pub(super) superuser: bool,
    /// Until PostgreSQL 15 that is as good as being the owner.
    pub(super) creates_roles: bool,
    /// Of the journal or of its schema, or a member of the role that is.
    pub(super) owner: bool,
    /// Update (of any column), delete, truncate, or a trigger.
    pub(super) changes_journal: bool,
}

/// The rights of the connected role.
pub(super) async fn rights(conn: &mut PgConnection) -> sqlx::Result<Rights> {
    sqlx::query_as!(
        Rights,
        r#"
        select current_user::text as "role!",
               exists (select from pg_roles r
                        where r.rolsuper and pg_has_role(current_user, r.oid, 'member')) as "superuser!",
               exists (select from pg_roles r
                        where r.rolcreaterole and pg_has_role(current_user, r.oid, 'member')) as "creates_roles!",
               pg_has_role(current_user, c.relowner, 'member')
                   or pg_has_role(current_user, n.nspowner, 'member') as "owner!",
               has_table_privilege(c.oid, 'update, delete, truncate, trigger')
                   or has_any_column_privilege(c.oid, 'update') as "changes_journal!"
          from pg_class c
          join pg_namespace n on n.oid = c.relnamespace
         where c.oid = 'journal'::regclass
        "#
    )
    .fetch_one(conn)
    .await
}

/// Which of these roles the database server does not have.
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

// The two below name sqlx's own table, which the database that queries are checked with may lack.

/// The migrations that were applied, with their checksums.
pub(super) async fn applied_migrations(conn: &mut PgConnection) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    sqlx::query_as("select version, checksum from _sqlx_migrations where success").fetch_all(conn).await
}

/// Lets the server see what was applied, which it compares with its own.
pub(super) async fn show_migrations(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("grant select on _sqlx_migrations to parlor_app, parlor_audit").execute(conn).await?;
    Ok(())
}
