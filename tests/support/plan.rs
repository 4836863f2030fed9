//! The plan of a query that the program really asks: its text is read from `.sqlx`, where `./parlor prepare` wrote it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};

/// The one query of the program that has this phrase.
fn query(phrase: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = fs::read_dir(folder).expect("the queries are committed").map(|entry| entry.expect("an entry").path());
    let queries = files.map(|path| {
        let file: Value = serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
        file["query"].as_str().expect("it has the query's text").to_owned()
    });
    let mut found: Vec<String> = queries.filter(|query| query.contains(phrase)).collect();
    assert_eq!(found.len(), 1, "one query has `{phrase}`, and not these: {found:#?}");
    found.remove(0)
}

/// How PostgreSQL runs that query with these values, which are written as in SQL.
pub async fn plan(conn: &mut PgConnection, phrase: &str, values: &str) -> String {
    let prepare = format!("prepare judged as {}", query(phrase));
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *conn).await.expect("it is the program's own query");
    let explain = sqlx::query_scalar(AssertSqlSafe(format!("explain execute judged ({values})")));
    let lines: Vec<String> = explain.fetch_all(&mut *conn).await.expect("the values fit");
    sqlx::raw_sql("deallocate judged").execute(conn).await.expect("it was prepared");
    lines.join("\n")
}
