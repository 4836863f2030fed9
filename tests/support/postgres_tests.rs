//! The tests' own PostgreSQL holds what it promises.

use std::time::Instant;

use super::postgres::{Cluster, Database};

#[tokio::test]
async fn each_test_has_a_database_of_its_own_as_the_role_that_serves() {
    let (one, two) = tokio::join!(Database::fresh(), Database::fresh());
    assert_ne!(one.name, two.name);
    let role: String = sqlx::query_scalar("select current_user::text").fetch_one(&one.app).await.expect("it answers");
    assert_eq!(role, "parlor_app");
    let rows: i64 =
        sqlx::query_scalar("select count(*) from journal").fetch_one(&one.app).await.expect("it is migrated");
    assert_eq!(rows, 0);
    let refused =
        sqlx::query("delete from journal").execute(&two.app).await.expect_err("the journal is not to be touched");
    assert!(refused.to_string().contains("permission denied"), "{refused}");
}

#[tokio::test]
async fn a_killed_cluster_comes_back_at_the_same_address_with_what_was_committed() {
    let cluster = Cluster::private().await;
    let database = Database::fresh_in(&cluster).await;
    sqlx::query("insert into writers (node) values ('n')").execute(&database.app).await.expect("committed");
    cluster.kill().await;
    assert!(sqlx::query("select 1").execute(&database.app).await.is_err(), "nobody answers");
    let since = Instant::now();
    cluster.start_again().await;
    let rows: i64 =
        sqlx::query_scalar("select count(*) from writers").fetch_one(&database.app).await.expect("it is back");
    assert_eq!(rows, 1);
    assert!(since.elapsed().as_secs() < 20);
}
