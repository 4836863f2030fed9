//! Signing keys in the database: nodes share them, new ones follow old ones, and unused ones are deleted.

use parlor::identity::{Keys, Settings};
use parlor_protocol::{ErrorCode, RoomId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::postgres::Database;
use crate::support::{edge, now};

fn user() -> UserId {
    UserId::new(104_233_871).expect("in range")
}

async fn keys(database: &Database) -> Keys {
    Keys::load(&edge(&database.app), Settings::default()).await.expect("the keys are there")
}

async fn count(superuser: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from signing_keys").fetch_one(superuser).await.expect("a count")
}

async fn age(superuser: &mut PgConnection, days: i32) {
    let aged = "update signing_keys set created_at = created_at - make_interval(days => $1)";
    sqlx::query(aged).bind(days).execute(superuser).await.expect("aged");
}

#[tokio::test]
async fn nodes_that_start_together_share_one_key_per_purpose() {
    let database = Database::fresh().await;
    let nodes = futures_util::future::join_all((0..6).map(|_| keys(&database))).await;
    assert_eq!(count(&mut database.as_superuser().await).await, 2);
    let now = now();
    let token = nodes[0].sign_access(user(), Uuid::from_u128(1), now).expect("signed").token;
    for node in &nodes {
        assert_eq!(node.verify_access(&token, now).await.expect("holds").user, user());
    }
}

#[tokio::test]
async fn a_token_outlives_the_change_of_keys_and_a_late_node_learns_the_new_one() {
    let database = Database::fresh().await;
    let mut superuser = database.as_superuser().await;
    let (late, other) = (keys(&database).await, keys(&database).await);
    let now = now();
    let (one, room) = (Uuid::from_u128(1), RoomId::new(200_000_001).expect("in range"));
    let old = other.sign_access(user(), one, now).expect("signed").token;

    age(&mut superuser, 31).await;
    other.tend(&edge(&database.app)).await.expect("tended");
    assert_eq!(count(&mut superuser).await, 4, "a successor each");
    assert!(other.verify_access(&old, now).await.is_ok());
    let unripe = other.sign_access(user(), one, now).expect("signed").token;
    assert_eq!(unripe.split('.').next(), old.split('.').next(), "the old key still signs");

    let ripen = "update signing_keys set created_at = created_at - interval '10 minutes'";
    sqlx::query(ripen).execute(&mut superuser).await.expect("ripened");
    other.tend(&edge(&database.app)).await.expect("tended");
    let new = other.sign_access(user(), one, now).expect("signed").token;
    assert_ne!(new.split('.').next(), old.split('.').next(), "the new key signs");
    assert!(late.verify_access(&new, now).await.is_ok(), "a node that has never read the new key reads it now");

    age(&mut superuser, 2).await;
    other.tend(&edge(&database.app)).await.expect("tended");
    assert_eq!(count(&mut superuser).await, 2, "the old ones are gone");
    assert_eq!(other.verify_access(&old, now).await.expect_err("gone").code(), ErrorCode::Unauthenticated);
    assert!(other.verify_access(&new, now).await.is_ok());
    let entry = other.sign_room(user(), room, now).expect("signed").token;
    assert!(other.verify_room(&entry, room, user(), now).await.is_ok());
}

#[tokio::test]
async fn unknown_key_ids_do_not_cause_a_query_each() {
    let database = Database::fresh().await;
    let keys = keys(&database).await;
    let now = now();
    let other = Database::fresh().await;
    let foreign = Keys::load(&edge(&other.app), Settings::default()).await.expect("the keys are there");
    let token = foreign.sign_access(user(), Uuid::from_u128(1), now).expect("signed").token;
    assert_eq!(keys.verify_access(&token, now).await.expect_err("foreign").code(), ErrorCode::Unauthenticated);
    // Within a second the keys are not read again, which would fail here.
    database.app.close().await;
    for _ in 0..100 {
        assert_eq!(keys.verify_access(&token, now).await.expect_err("foreign").code(), ErrorCode::Unauthenticated);
    }
}
