//! What a fresh cluster lacks: the three roles and the database. As its superuser, at every start.

use sqlx::{AssertSqlSafe, PgConnection};

/// The roles, each with a login: the socket's folder is their protection.
const ROLES: [&str; 3] = ["parlor_owner", "parlor_app", "parlor_audit"];

/// Makes the roles that are missing.
pub async fn create_roles(conn: &mut PgConnection) -> sqlx::Result<()> {
    for role in ROLES {
        let there: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
            .bind(role)
            .fetch_one(&mut *conn)
            .await?;
        if !there {
            sqlx::query(AssertSqlSafe(format!("create role {role} login"))).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// Makes the database `name`, owned by the role that migrates, if it is missing.
pub async fn create_database(conn: &mut PgConnection, name: &'static str) -> sqlx::Result<()> {
    let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut *conn)
        .await?;
    if !there {
        sqlx::query(AssertSqlSafe(format!("create database {name} owner parlor_owner"))).execute(conn).await?;
    }
    Ok(())
}
