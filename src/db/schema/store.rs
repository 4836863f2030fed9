//! The schema as the database has it now.

use sqlx::PgConnection;

/// A line for every object of the schema and for every right in it, sorted.
pub(super) async fn lines(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_file_scalar!("src/db/schema/lines.sql").fetch_all(conn).await
}
