//! Registering, signing in and signing out, and what strangers can learn about an account.

use axum::http::StatusCode;
use futures_util::future::join_all;
use parlor::identity::{Settings, names, session_of};
use parlor::kit::error::Error;
use parlor_protocol::{ErrorCode, UserId};
use serde_json::json;

use super::api::{Answer, Api, PASSWORD, registration, roomy};
use crate::support::now;

/// The part of an answer that a stranger can compare: everything except the request's id.
fn visible(answer: &Answer) -> (u16, Vec<String>, serde_json::Value) {
    let mut body = answer.body.clone();
    body.as_object_mut().expect("an object").remove("instance");
    let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    (answer.status.as_u16(), headers, body)
}

fn login(login: &str, password: &str) -> serde_json::Value {
    json!({"login": login, "password": password, "device": "test"})
}

#[tokio::test]
async fn a_user_who_registers_is_signed_in_and_can_sign_in_again() {
    let api = Api::new().await;
    let mut body = registration(" Layla@Example.com ");
    body["phone"] = json!("+1 (415) 555-0123");
    let registered = api.post("/v1/auth/register", &body).send().await;
    assert_eq!(registered.status, StatusCode::CREATED);
    assert!(registered.body["user"]["id"].as_i64().is_some_and(|id| id >= 100_000_000));
    assert!(registered.body["expires_at"].as_i64().is_some_and(|at| at > now().0));
    for name in ["layla@example.com", "LAYLA@example.COM", "+14155550123", "+1 415-555-0123"] {
        let signed_in = api.post("/v1/auth/login", &login(name, PASSWORD)).send().await;
        assert_eq!(signed_in.status, StatusCode::OK, "{name}");
        assert_eq!(signed_in.body["user"], registered.body["user"]);
        let me = api.get("/v1/me").bearer(signed_in.body["access_token"].as_str().expect("a token")).send().await;
        assert_eq!((me.status, &me.body["id"]), (StatusCode::OK, &registered.body["user"]["id"]));
    }
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_get_the_same_answer() {
    let api = Api::new().await;
    api.registered("layla@example.com").await;
    let wrong = api.post("/v1/auth/login", &login("layla@example.com", "wrong password")).send().await;
    let unknown = api.post("/v1/auth/login", &login("nobody@example.com", "wrong password")).send().await;
    assert_eq!(wrong.code(), (401, "invalid_credentials"));
    assert_eq!(visible(&wrong), visible(&unknown));
    let long = "x".repeat(129);
    let wrong = api.post("/v1/auth/login", &login("layla@example.com", &long)).send().await;
    let unknown = api.post("/v1/auth/login", &login("nobody@example.com", &long)).send().await;
    assert_eq!(visible(&wrong), visible(&unknown));
}

#[tokio::test]
async fn guessing_is_locked_in_the_same_way_whether_the_account_exists_or_not() {
    let settings = Settings { attempts_per_minute_account: 3, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    api.registered("layla@example.com").await;
    for name in ["layla@example.com", "nobody@example.com"] {
        let mut answers = Vec::new();
        for _ in 0..5 {
            answers.push(api.post("/v1/auth/login", &login(name, "wrong password")).send().await.status.as_u16());
        }
        // Layla's registration was the first attempt.
        let free = if name.starts_with("layla") { 2 } else { 3 };
        assert!(answers[..free].iter().all(|status| *status == 401), "{answers:?}");
        assert!(answers[free..].iter().all(|status| *status == 429), "{answers:?}");
    }
    let right = api.post("/v1/auth/login", &login("Layla@example.com", PASSWORD)).send().await;
    assert_eq!(right.code(), (429, "rate_limited"), "another spelling is the same account");
    assert!(right.body["retry_after_ms"].as_u64().is_some_and(|ms| (1..=20_001).contains(&ms)));
}

#[tokio::test]
async fn an_address_is_locked_whatever_accounts_it_tries() {
    let settings = Settings { sign_ins_per_minute_address: 4, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    let mut answers = Vec::new();
    for n in 0..6 {
        // A header that the client sets itself changes nothing.
        let attempt = api.post("/v1/auth/login", &login(&format!("a{n}@example.com"), PASSWORD));
        answers.push(attempt.header("x-forwarded-for", &format!("198.51.100.{n}")).send().await.status.as_u16());
    }
    assert_eq!(answers, [401, 401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn exactly_one_of_parallel_registrations_with_one_address_succeeds() {
    let api = Api::new().await;
    let calls = (0..16).map(|n| {
        let body = if n % 2 == 0 { registration("layla@example.com") } else { registration("LAYLA@EXAMPLE.COM") };
        api.post("/v1/auth/register", &body).send()
    });
    let answers = join_all(calls).await;
    let won = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    let lost = answers.iter().filter(|answer| answer.code() == (409, "account_exists")).count();
    assert_eq!((won, lost), (1, 15));
    let rows: Option<i64> = sqlx::query_scalar("select count(*) from users").fetch_one(&api.database.app).await.ok();
    assert_eq!(rows, Some(1));
}

#[tokio::test]
async fn no_account_is_made_if_its_wallet_cannot_be_made() {
    let api = Api::with(roomy(), |_, _| Box::pin(async { Err(Error::new(ErrorCode::StoreUnavailable)) })).await;
    let answer = api.post("/v1/auth/register", &registration("layla@example.com")).send().await;
    assert_eq!(answer.code(), (503, "store_unavailable"));
    let rows: Option<i64> = sqlx::query_scalar("select count(*) from users").fetch_one(&api.database.app).await.ok();
    assert_eq!(rows, Some(0));
}

#[tokio::test]
async fn the_hook_runs_in_the_transaction_that_makes_the_account() {
    let api = Api::with(roomy(), |conn, user| {
        Box::pin(async move {
            let found = names(conn, &[user]).await?;
            assert_eq!(found.len(), 1, "the account is there for what refers to it");
            Ok(())
        })
    })
    .await;
    api.registered("layla@example.com").await;
}

#[tokio::test]
async fn signing_out_takes_effect_with_the_next_request_and_on_this_device_only() {
    let api = Api::new().await;
    let first = api.registered("layla@example.com").await;
    let second = api.post("/v1/auth/login", &login("layla@example.com", PASSWORD)).send().await;
    let second = second.body["access_token"].as_str().expect("a token").to_owned();
    let access = api.identity.keys().verify_access(&first, now()).await.expect("holds");
    let mut conn = api.database.app.acquire().await.expect("a connection");
    assert!(session_of(&mut conn, access.session, access.user).await.expect("read").is_some_and(|s| !s.revoked));

    assert_eq!(api.post("/v1/auth/logout", &json!({})).bearer(&first).send().await.status, StatusCode::NO_CONTENT);
    assert_eq!(api.get("/v1/me").bearer(&first).send().await.code(), (401, "unauthenticated"));
    assert_eq!(api.post("/v1/auth/logout", &json!({})).bearer(&first).send().await.status.as_u16(), 401);
    assert_eq!(api.get("/v1/me").bearer(&second).send().await.status, StatusCode::OK);
    assert!(session_of(&mut conn, access.session, access.user).await.expect("read").is_some_and(|s| s.revoked));
    let other = UserId::new(access.user.number() + 1).expect("in range");
    assert_eq!(session_of(&mut conn, access.session, other).await.expect("read"), None);
    assert!(api.identity.standing(access).await.is_err());
}

#[tokio::test]
async fn only_the_hash_of_a_password_is_stored() {
    let api = Api::new().await;
    api.registered("layla@example.com").await;
    let mut superuser = api.database.as_superuser().await;
    let row: String = sqlx::query_scalar("select u::text from users u").fetch_one(&mut superuser).await.expect("a row");
    assert!(row.contains("$argon2id$v=19$m=19456,t=2,p=1$") && !row.contains(PASSWORD));
}

#[tokio::test]
async fn the_requests_of_each_user_are_counted_on_their_own() {
    let settings = Settings { requests_per_minute_user: 3, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    let (layla, omar) = (api.registered("layla@example.com").await, api.registered("omar@example.com").await);
    for _ in 0..3 {
        assert_eq!(api.get("/v1/me").bearer(&layla).send().await.status, StatusCode::OK);
    }
    assert_eq!(api.get("/v1/me").bearer(&layla).send().await.code(), (429, "rate_limited"));
    assert_eq!(api.get("/v1/me").bearer(&omar).send().await.status, StatusCode::OK);
}
