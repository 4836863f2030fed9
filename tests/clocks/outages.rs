//! Every way in which PostgreSQL ends a session or cannot work now is an outage for whichever slice meets it:
//! `store_unavailable`, which a client may try again, and no fault of the server.

use std::time::Duration;

use parlor::kit::error::{Error, is_outage};
use parlor_protocol::ErrorCode;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::support::postgres::Database;
use crate::support::time::until;

/// What a statement of this connection fails with.
async fn fails(conn: &mut PgConnection, sql: &str) -> sqlx::Error {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await.expect_err("it fails")
}

/// Waits until PostgreSQL has ended this session.
async fn ended(database: &Database, pid: i32) {
    let gone = async || {
        let there = sqlx::query_scalar::<_, i64>("select count(*) from pg_stat_activity where pid = $1").bind(pid);
        (there.fetch_one(&database.superuser).await.expect("a number") == 0).then_some(())
    };
    until("PostgreSQL ends the session", Duration::from_secs(10), gone).await;
}

/// How a session comes to its end, and the SQLSTATE that says so.
const ENDS: [(&str, &str, &str); 3] = [
    ("25P03", "set idle_in_transaction_session_timeout = '20ms'; begin; select 1", ""),
    ("57P05", "set idle_session_timeout = '20ms'", ""),
    ("57P01", "begin; select 1", "select pg_terminate_backend($1)"),
];

#[tokio::test]
async fn a_session_that_postgres_has_ended_is_an_outage_in_every_slice() {
    let database = Database::fresh().await;
    for (state, before, end) in ENDS {
        let mut conn = PgConnection::connect_with(&database.options("parlor_app")).await.expect("connects");
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut conn).await.expect("a number");
        sqlx::raw_sql(AssertSqlSafe(before.to_owned())).execute(&mut conn).await.expect("done");
        if !end.is_empty() {
            sqlx::query(AssertSqlSafe(end.to_owned())).bind(pid).execute(&database.superuser).await.expect("ended");
        }
        ended(&database, pid).await;
        let error = fails(&mut conn, "select 1").await;
        // Which of the two is seen depends on what the socket says first.
        let code = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
        assert!(code.as_deref().is_none_or(|code| code == state), "{error}");
        assert!(is_outage(&error), "{state}: {error}");
        assert_eq!(Error::from(error).code(), ErrorCode::StoreUnavailable, "{state}");
    }
}

#[tokio::test]
async fn what_the_database_cannot_do_now_is_an_outage_and_a_mistake_of_ours_is_not() {
    let database = Database::fresh().await;
    for (state, sql, outage) in [
        ("57014", "set statement_timeout = '20ms'; select pg_sleep(5)", true),
        ("25006", "begin read only; insert into nodes (id, incarnation, lease_until) values ('a', 1, now())", true),
        ("53400", "do $$ begin raise exception using errcode = '53400'; end $$", true),
        ("58030", "do $$ begin raise exception using errcode = '58030'; end $$", true),
        ("40001", "do $$ begin raise exception using errcode = '40001'; end $$", true),
        ("08006", "do $$ begin raise exception using errcode = '08006'; end $$", true),
        ("42P01", "select * from nowhere", false),
        ("22012", "select 1 / 0", false),
        ("25001", "begin; select 1; vacuum", false),
    ] {
        let mut conn = PgConnection::connect_with(&database.options("parlor_app")).await.expect("connects");
        let error = fails(&mut conn, sql).await;
        let code = error.as_database_error().and_then(|error| error.code()).expect("PostgreSQL says why");
        assert_eq!(code, state, "{error}");
        assert_eq!(is_outage(&error), outage, "{state}: {error}");
    }
    // A session that is refused says something about the role or the database, and nothing of an outage.
    let refused = database.options("parlor_app").database("nowhere");
    let error = PgConnection::connect_with(&refused).await.expect_err("there is no such database");
    assert!(!is_outage(&error), "{error}");
}
