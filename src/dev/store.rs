//! SQL that makes the three roles and the database which a fresh cluster lacks. It runs as the cluster's superuser at
//! every start.

use sqlx::{AssertSqlSafe, PgConnection};

/// The roles. Each may log in without a password, because the folder of the socket protects them.
const ROLES: [&str; 3] = ["parlor_owner", "parlor_app", "parlor_audit"];

/// Makes the roles that do not exist yet.
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

/// Makes the database `name`, owned by the role that migrates, if it does not exist.
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
