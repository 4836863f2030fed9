//! `parlor seed --scale`: the small world is made, served and audited; another one is refused.

use crate::support::postgres::Database;
use crate::support::program::{complaint, parlor, run};

async fn count(database: &Database, table: &str) -> i64 {
    let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    sqlx::query_scalar(count).fetch_one(&database.audit).await.expect("it can be read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_world_stands_on_real_postings_and_is_made_once() {
    let database = Database::fresh().await;
    let seed = || run(parlor(&["seed", "--scale", "small"]).env("DATABASE_URL", database.app_url()));
    let made = seed();
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success(), "{said}{}", complaint(&made));
    for line in ["1000 of 1000 users\n", "50 of 50 rooms\n", "5000 of 5000 gifts\n", "1000 users, 50 rooms and "] {
        assert!(said.contains(line), "{line} in:\n{said}");
    }
    // With the account that marks the database.
    assert_eq!(count(&database, "users").await, 1_001);
    assert_eq!(count(&database, "rooms").await, 50);
    let gifts = count(&database, "journal where kind = 1").await;
    assert!(gifts > 4_900, "{gifts}");
    assert_eq!(count(&database, "journal where kind = 2").await, 1_001, "everybody was given what newcomers are");
    assert_eq!(gifts, sum_of_numbers(&database).await, "each room numbers its gifts without a hole");
    let audit = run(parlor(&["ledger", "audit"]).env("DATABASE_URL", database.app_url()));
    assert!(audit.status.success(), "{}{}", String::from_utf8_lossy(&audit.stdout), complaint(&audit));

    let again = seed();
    assert_eq!(again.status.code(), Some(2));
    assert!(complaint(&again).contains("it has users already"), "{}", complaint(&again));
    assert_eq!(count(&database, "users").await, 1_001, "nothing was added");
}

async fn sum_of_numbers(database: &Database) -> i64 {
    let sum = "select coalesce(sum(gift_no), 0)::bigint from room_totals";
    sqlx::query_scalar(sum).fetch_one(&database.audit).await.expect("it can be read")
}
