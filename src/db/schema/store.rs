//! SQL that reads the schema and its rights from the database's catalogue.

use sqlx::PgConnection;

/// One line for each object of the schema and each right in it, sorted.
pub(super) async fn lines(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_file_scalar!("src/db/schema/lines.sql").fetch_all(conn).await
}
