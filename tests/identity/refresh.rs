//! Refresh tokens: exchange, repetition, reuse and expiry, and what they do to sessions.

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use parlor::identity::Settings;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::{Answer, Api, PASSWORD, registration, roomy};
use crate::support::now;

const REFRESH: &str = "/v1/auth/refresh";
const SESSIONS: &str = "/v1/me/sessions";

fn field<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}"))
}

async fn register(api: &Api, email: &str) -> Value {
    api.post("/v1/auth/register", &registration(email)).send().await.body
}

async fn sign_in(api: &Api, device: &str) -> Value {
    let body = json!({"login": "layla@example.com", "password": PASSWORD, "device": device});
    api.post("/v1/auth/login", &body).send().await.body
}

async fn refresh(api: &Api, token: &str) -> Answer {
    api.post(REFRESH, &json!({ "refresh_token": token })).send().await
}

/// The next refresh token after this one.
async fn next(api: &Api, token: &str) -> String {
    let answer = refresh(api, token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    field(&answer.body, "refresh_token").to_owned()
}

async fn is_signed_in(api: &Api, grant: &Value) -> bool {
    api.get("/v1/me").bearer(field(grant, "access_token")).send().await.status == StatusCode::OK
}

async fn tamper(api: &Api, sql: &'static str) {
    sqlx::query(sql).execute(&mut api.database.as_superuser().await).await.expect("tampered");
}

/// The revocations that nodes read.
async fn words(api: &Api) -> Vec<String> {
    let words = "select reason from revocations order by id";
    sqlx::query_scalar(words).fetch_all(&api.database.app).await.expect("read")
}

#[tokio::test]
async fn a_refresh_gives_a_new_refresh_and_access_token_and_stores_no_secret() {
    let api = Api::new().await;
    let first = register(&api, "layla@example.com").await;
    let second = refresh(&api, field(&first, "refresh_token")).await;
    assert_eq!((second.status, &second.body["user"]), (StatusCode::OK, &first["user"]));
    for name in ["access_token", "refresh_token"] {
        assert_ne!(field(&first, name), field(&second.body, name));
    }
    assert!(second.body["refresh_expires_at"].as_i64() >= first["refresh_expires_at"].as_i64());
    assert!(is_signed_in(&api, &first).await && is_signed_in(&api, &second.body).await);
    let row: String =
        sqlx::query_scalar("select encode(family_hash || current_hash || salt, 'base64') from refresh_tokens")
            .fetch_one(&mut api.database.as_superuser().await)
            .await
            .expect("a row");
    let stored: String = row.split_whitespace().collect();
    for grant in [&first, &second.body] {
        assert!(!stored.contains(&field(grant, "refresh_token")[24..56]), "{stored}");
    }
}

#[tokio::test]
async fn an_old_token_ends_its_session_and_no_other() {
    let api = Api::new().await;
    let first = register(&api, "layla@example.com").await;
    let other = sign_in(&api, "tablet").await;
    let old = field(&first, "refresh_token");
    let second = next(&api, old).await;
    let third = next(&api, &second).await;
    assert_eq!(refresh(&api, old).await.code(), (401, "unauthenticated"));
    assert_eq!(refresh(&api, &third).await.code(), (401, "unauthenticated"), "the thief's or the owner's");
    assert!(!is_signed_in(&api, &first).await);
    assert_eq!(words(&api).await, ["token_reused"]);
    assert!(is_signed_in(&api, &other).await);
    next(&api, field(&other, "refresh_token")).await;
}

#[tokio::test]
async fn an_exchange_can_be_repeated_until_the_next_token_is_used() {
    let api = Api::new().await;
    let first = register(&api, "layla@example.com").await;
    let old = field(&first, "refresh_token");
    let lost = next(&api, old).await;
    let found = next(&api, old).await;
    assert_eq!(lost, found, "one chain, whichever answer arrives");
    tamper(&api, "update refresh_tokens set exchanged_at = exchanged_at - interval '25 seconds'").await;
    assert_eq!(next(&api, old).await, found, "a repetition does not begin the time anew");
    let third = next(&api, &found).await;
    assert_eq!(words(&api).await, [""; 0]);
    assert_eq!(refresh(&api, old).await.code(), (401, "unauthenticated"), "the successor was used");
    assert_eq!(refresh(&api, &third).await.code(), (401, "unauthenticated"));
}

#[tokio::test]
async fn an_exchange_cannot_be_repeated_after_some_time() {
    let api = Api::new().await;
    let first = register(&api, "layla@example.com").await;
    let second = next(&api, field(&first, "refresh_token")).await;
    tamper(&api, "update refresh_tokens set exchanged_at = exchanged_at - interval '31 seconds'").await;
    assert_eq!(refresh(&api, field(&first, "refresh_token")).await.code(), (401, "unauthenticated"));
    assert_eq!(refresh(&api, &second).await.code(), (401, "unauthenticated"));
}

#[tokio::test]
async fn parallel_refreshes_give_the_same_token_and_end_no_session() {
    let api = Api::new().await;
    let mut token = field(&register(&api, "layla@example.com").await, "refresh_token").to_owned();
    for _ in 0..3 {
        let answers = join_all((0..12).map(|_| refresh(&api, &token))).await;
        let mut given: Vec<_> = answers
            .iter()
            .map(|answer| {
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
                field(&answer.body, "refresh_token").to_owned()
            })
            .collect();
        given.dedup();
        assert_eq!(given.len(), 1, "one live chain");
        token = given.remove(0);
    }
    assert_eq!(words(&api).await, [""; 0]);
}

#[tokio::test]
async fn a_token_expires_with_its_own_time_or_with_its_session() {
    let api = Api::new().await;
    let one = register(&api, "layla@example.com").await;
    let token = next(&api, field(&one, "refresh_token")).await;
    tamper(&api, "update refresh_tokens set expires_at = clock_timestamp() - interval '1 second'").await;
    assert_eq!(refresh(&api, &token).await.code(), (401, "unauthenticated"));
    let two = sign_in(&api, "tablet").await;
    tamper(&api, "update sessions set created_at = created_at - interval '179 days'").await;
    let kept = refresh(&api, field(&two, "refresh_token")).await;
    let day_ms = 24 * 60 * 60 * 1_000;
    let left = kept.body["refresh_expires_at"].as_i64().expect("a time") - now().0;
    assert!((day_ms - 60_000..=day_ms + 60_000).contains(&left), "no longer than the session: {left}");
    tamper(&api, "update sessions set created_at = created_at - interval '2 days'").await;
    tamper(&api, "update refresh_tokens set expires_at = expires_at + interval '9 days'").await;
    assert_eq!(refresh(&api, field(&kept.body, "refresh_token")).await.code(), (401, "unauthenticated"));
    assert_eq!(words(&api).await, [""; 0], "what runs out is nobody's fault");
}

#[tokio::test]
async fn an_invalid_token_is_refused_and_ends_no_session() {
    let api = Api::new().await;
    let grant = register(&api, "layla@example.com").await;
    let good = field(&grant, "refresh_token");
    // The session's id is right, but the token family is not.
    let forged = format!("{}{}", &good[..22], "A".repeat(good.len() - 22));
    let access = field(&grant, "access_token");
    for junk in ["", "x", "\u{1f600}", access, &good[1..], &forged, &good.to_uppercase(), &"A".repeat(10_000)] {
        assert_eq!(refresh(&api, junk).await.code(), (401, "unauthenticated"), "{junk}");
    }
    assert_eq!(api.get("/v1/me").bearer(good).send().await.code(), (401, "unauthenticated"), "not for access");
    assert_eq!(api.post(REFRESH, &json!({})).send().await.fields(), ["refresh_token"]);
    next(&api, good).await;
}

#[tokio::test]
async fn refreshes_of_one_address_have_a_limit() {
    let settings = Settings { refreshes_per_minute_address: 3, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    for _ in 0..3 {
        assert_eq!(refresh(&api, "junk").await.status.as_u16(), 401);
    }
    assert_eq!(refresh(&api, "junk").await.code(), (429, "rate_limited"));
}

#[tokio::test]
async fn a_signed_out_session_cannot_be_refreshed() {
    let api = Api::new().await;
    let grant = register(&api, "layla@example.com").await;
    api.post("/v1/auth/logout", &json!({})).bearer(field(&grant, "access_token")).send().await;
    assert_eq!(refresh(&api, field(&grant, "refresh_token")).await.code(), (401, "unauthenticated"));
    assert_eq!(words(&api).await, ["signed_out"], "and not as a thief");
}

#[tokio::test]
async fn sessions_are_listed_in_pages_and_ended_one_by_one_or_all_others_at_once() {
    let api = Api::new().await;
    let phone = register(&api, "layla@example.com").await;
    let stranger = register(&api, "omar@example.com").await;
    let (tablet, watch) = (sign_in(&api, "tablet").await, sign_in(&api, "watch").await);
    let list = async |grant: &Value, query: &str| {
        let answer = api.get(&format!("{SESSIONS}{query}")).bearer(field(grant, "access_token")).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    };
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items").iter();
        items
            .map(|item| format!("{}{}", field(item, "device"), if item["current"] == true { "*" } else { "" }))
            .collect()
    };
    let page = list(&phone, "?limit=2").await;
    assert_eq!(names(&page), ["watch", "tablet"]);
    assert_eq!(names(&list(&phone, &format!("?limit=2&cursor={}", field(&page, "next"))).await), ["test*"]);
    let id = field(&page["items"][1], "id").to_owned();

    let delete = async |grant: &Value, path: String| {
        api.call(Method::DELETE, &path).bearer(field(grant, "access_token")).send().await
    };
    for foreign in [id.clone(), Uuid::nil().to_string(), "x".to_owned()] {
        let answer = delete(&stranger, format!("{SESSIONS}/{foreign}")).await;
        assert_eq!(answer.code(), (404, "not_found"));
    }
    assert!(is_signed_in(&api, &tablet).await);
    for _ in 0..2 {
        assert_eq!(delete(&phone, format!("{SESSIONS}/{id}")).await.status, StatusCode::NO_CONTENT);
    }
    assert!(!is_signed_in(&api, &tablet).await);
    assert_eq!(names(&list(&watch, "").await), ["watch*", "test"]);

    assert_eq!(delete(&watch, SESSIONS.to_owned()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(names(&list(&watch, "").await), ["watch*"]);
    assert!(!is_signed_in(&api, &phone).await && is_signed_in(&api, &stranger).await);
}
