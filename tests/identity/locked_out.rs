//! Nobody keeps somebody else out: what strangers do counts for them, and the owner comes in by a code, by a known
//! device, or from another address.

use axum::http::StatusCode;
use futures_util::future::join_all;
use parlor::identity::Settings;
use serde_json::{Value, json};

use super::api::{Answer, Api, PASSWORD, roomy};

const NEW: &str = "another horse entirely";
const LAYLA: &str = "layla@example.com";
const STRANGER: &str = "198.51.100.1";
const OWNER: &str = "203.0.113.9";

async fn api(settings: Settings) -> Api {
    Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await
}

async fn login(api: &Api, from: &str, contact: &str, password: &str, device: Option<&str>) -> Answer {
    let mut body = json!({"login": contact, "password": password, "device": "test"});
    if let Some(device) = device {
        body["device_token"] = json!(device);
    }
    api.post("/v1/auth/login", &body).from(from).send().await
}

async fn ask(api: &Api, from: &str, contact: &str) -> Answer {
    api.post("/v1/auth/codes", &json!({"contact": contact, "purpose": "reset"})).from(from).send().await
}

async fn reset(api: &Api, from: &str, contact: &str, code: &str, device: Option<&str>) -> Answer {
    let mut body = json!({"contact": contact, "code": code, "password": NEW});
    if let Some(device) = device {
        body["device_token"] = json!(device);
    }
    api.post("/v1/auth/password", &body).from(from).send().await
}

/// Registers, and gives the token of the device that did.
async fn registered(api: &Api, email: &str) -> String {
    let answer = api.post("/v1/auth/register", &super::api::registration(email)).from(OWNER).send().await;
    answer.body["device_token"].as_str().expect("a device's token").to_owned()
}

fn address(number: usize) -> String {
    format!("198.51.100.{number}")
}

fn other(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().expect("six digits") + 1) % 1_000_000)
}

#[tokio::test]
async fn a_stranger_s_wrong_codes_take_nothing_from_the_owner() {
    let api = api(roomy()).await;
    registered(&api, LAYLA).await;
    assert_eq!(ask(&api, OWNER, LAYLA).await.status, StatusCode::ACCEPTED);
    let code = api.outbox.code(LAYLA, 1).await;
    let wrong = other(&code);
    for answer in join_all((0..40).map(|_| reset(&api, STRANGER, LAYLA, &wrong, None))).await {
        assert_eq!(answer.code(), (403, "code_invalid"));
    }
    assert_eq!(reset(&api, STRANGER, LAYLA, &code, None).await.code(), (403, "code_invalid"), "its tries are used up");
    // From another network than the code was asked from, too.
    assert_eq!(reset(&api, "203.0.113.200", LAYLA, &code, None).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn many_strangers_have_ten_tries_together_and_leave_the_asker_and_known_devices_theirs() {
    let api = api(roomy()).await;
    let device = registered(&api, LAYLA).await;
    ask(&api, OWNER, LAYLA).await;
    let code = api.outbox.code(LAYLA, 1).await;
    for number in 1..30 {
        reset(&api, &address(number), LAYLA, &other(&code), None).await;
    }
    let tries: i64 = sqlx::query_scalar("select sum(tries)::bigint from code_tries")
        .fetch_one(&api.database.app)
        .await
        .expect("a number");
    assert_eq!(tries, 10);
    assert_eq!(
        reset(&api, "203.0.113.200", LAYLA, &code, None).await.code(),
        (403, "code_invalid"),
        "one more stranger"
    );
    assert_eq!(reset(&api, OWNER, LAYLA, &other(&code), None).await.code(), (403, "code_invalid"));
    // A known device may even be behind a stranger's address.
    let known = reset(&api, &address(1), LAYLA, &code, Some(&device)).await;
    assert_eq!(known.status, StatusCode::NO_CONTENT, "{}", known.body);
}

#[tokio::test]
async fn a_stranger_who_asks_for_codes_does_not_keep_the_owner_from_getting_one() {
    let api = api(Settings { code_resend_seconds: 0, ..roomy() }).await;
    registered(&api, LAYLA).await;
    let asked = join_all((0..20).map(|_| ask(&api, STRANGER, LAYLA))).await;
    assert_eq!(asked.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count(), 3);
    api.outbox.code(LAYLA, 3).await;
    assert_eq!(ask(&api, OWNER, LAYLA).await.status, StatusCode::ACCEPTED);
    let code = api.outbox.code(LAYLA, 4).await;
    assert_eq!(reset(&api, OWNER, LAYLA, &code, None).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn when_no_other_code_may_be_sent_the_last_one_holds_until_then() {
    let api = api(Settings { code_resend_seconds: 0, ..roomy() }).await;
    registered(&api, LAYLA).await;
    let mut newest = String::new();
    for number in 1..=5 {
        assert_eq!(ask(&api, &address(number), LAYLA).await.status, StatusCode::ACCEPTED);
        newest = api.outbox.code(LAYLA, number).await;
    }
    let refused = ask(&api, OWNER, LAYLA).await;
    assert_eq!(refused.code(), (429, "rate_limited"));
    let wait = refused.body["retry_after_ms"].as_i64().expect("a wait");
    assert!((3_500_000..=3_600_001).contains(&wait), "{wait}");
    let left: i64 = sqlx::query_scalar(
        "select (extract(epoch from expires_at - clock_timestamp()) * 1000)::bigint from one_time_codes",
    )
    .fetch_one(&api.database.app)
    .await
    .expect("a time");
    assert!(left > wait - 1_000 && left < 3_700_000, "{left}");
    let later = "update one_time_codes set expires_at = expires_at - interval '55 minutes'";
    sqlx::query(later).execute(&mut api.database.as_superuser().await).await.expect("changed");
    assert_eq!(reset(&api, OWNER, LAYLA, &newest, None).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_stranger_s_wrong_passwords_lock_out_the_stranger_only() {
    let api = api(roomy()).await;
    registered(&api, LAYLA).await;
    for contact in [LAYLA, "nobody@example.com"] {
        let guesses = join_all((0..50).map(|_| login(&api, STRANGER, contact, "a guess at random", None))).await;
        let judged = guesses.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count();
        assert_eq!(judged, 5, "{contact}: at once as one after the other");
        assert_eq!(login(&api, STRANGER, contact, PASSWORD, None).await.code(), (429, "rate_limited"));
    }
    assert_eq!(login(&api, OWNER, LAYLA, PASSWORD, None).await.status, StatusCode::OK);
    assert_eq!(login(&api, STRANGER, LAYLA, PASSWORD, None).await.code(), (429, "rate_limited"), "as before");
}

/// What strangers from this many addresses are answered who guess four times each.
async fn crowd(api: &Api, contact: &str, addresses: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for number in 1..=addresses {
        for _ in 0..4 {
            let answer = login(api, &address(number), contact, "a guess at random", None).await;
            statuses.push(answer.status.as_u16());
        }
    }
    statuses
}

#[tokio::test]
async fn many_addresses_share_the_guesses_at_an_account_and_its_devices_and_codes_still_let_in() {
    let api = api(Settings { failures_account_day: 10, ..roomy() }).await;
    let device = registered(&api, LAYLA).await;
    let theirs = registered(&api, "omar@example.com").await;
    let at_account = crowd(&api, LAYLA, 5).await;
    assert_eq!(at_account, crowd(&api, "nobody@example.com", 5).await, "an account is not seen by it");
    assert_eq!(at_account.iter().filter(|status| **status == 401).count(), 10);
    let refused = login(&api, OWNER, LAYLA, PASSWORD, None).await;
    assert_eq!(refused.code(), (429, "rate_limited"), "a device that nobody knows");
    assert!(refused.body["retry_after_ms"].as_i64().is_some_and(|ms| ms > 86_000_000), "{}", refused.body);
    assert_eq!(login(&api, OWNER, LAYLA, PASSWORD, Some(&theirs)).await.code(), (429, "rate_limited"));
    assert_eq!(login(&api, OWNER, LAYLA, PASSWORD, Some("junk")).await.code(), (429, "rate_limited"));
    // The device that registered, even from an address that guesses.
    assert_eq!(login(&api, &address(1), LAYLA, PASSWORD, Some(&device)).await.status, StatusCode::OK);

    // Without any device the owner comes in by a code, which also ends what strangers did and what old devices know.
    ask(&api, OWNER, LAYLA).await;
    let code = api.outbox.code(LAYLA, 1).await;
    assert_eq!(reset(&api, OWNER, LAYLA, &code, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(login(&api, OWNER, LAYLA, NEW, None).await.status, StatusCode::OK);
    crowd(&api, LAYLA, 5).await;
    let old = login(&api, OWNER, LAYLA, NEW, Some(&device)).await;
    assert_eq!(old.code(), (429, "rate_limited"), "a device is unknown after a new password");
}

#[tokio::test]
async fn a_known_device_has_tries_of_its_own_and_no_more() {
    let api = api(roomy()).await;
    let device = registered(&api, LAYLA).await;
    for _ in 0..5 {
        assert_eq!(login(&api, STRANGER, LAYLA, "a guess", Some(&device)).await.code(), (401, "invalid_credentials"));
    }
    let refused = login(&api, OWNER, LAYLA, PASSWORD, Some(&device)).await;
    assert_eq!(refused.code(), (429, "rate_limited"), "from whatever address");
    assert_eq!(login(&api, STRANGER, LAYLA, PASSWORD, None).await.status, StatusCode::OK, "it used up no address");
}

#[tokio::test]
async fn a_hundred_failures_of_one_address_refuse_nobody_else_behind_it() {
    let api = api(roomy()).await;
    registered(&api, LAYLA).await;
    for number in 0..100 {
        let contact = format!("nobody{number}@example.com");
        assert_eq!(
            login(&api, STRANGER, &contact, "a guess at random", None).await.code(),
            (401, "invalid_credentials")
        );
    }
    assert_eq!(login(&api, STRANGER, LAYLA, PASSWORD, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_address_that_floods_refuses_no_known_device_behind_it() {
    let api =
        api(Settings { sign_ins_per_minute_address: 3, failures_address: 3, codes_per_minute_address: 3, ..roomy() })
            .await;
    let device = registered(&api, LAYLA).await;
    for number in 0..4 {
        login(&api, STRANGER, &format!("nobody{number}@example.com"), "a guess at random", None).await;
        ask(&api, STRANGER, &format!("nobody{number}@example.com")).await;
    }
    assert_eq!(login(&api, STRANGER, LAYLA, PASSWORD, None).await.code(), (429, "rate_limited"));
    assert_eq!(ask(&api, STRANGER, LAYLA).await.code(), (429, "rate_limited"));
    assert_eq!(login(&api, STRANGER, LAYLA, PASSWORD, Some(&device)).await.status, StatusCode::OK);
    let body = json!({"contact": LAYLA, "purpose": "reset", "device_token": device});
    let asked = api.post("/v1/auth/codes", &body).from(STRANGER).send().await;
    assert_eq!((asked.status, asked.body), (StatusCode::ACCEPTED, Value::Null));
}

#[tokio::test]
async fn regression_tokens_of_other_accounts_devices_pass_no_limit_of_an_address() {
    let settings = Settings { sign_ins_per_minute_address: 3, codes_per_minute_address: 3, ..roomy() };
    let api = api(settings).await;
    let (mut signed_in, mut asked) = (Vec::new(), Vec::new());
    for number in 0..4 {
        let device = registered(&api, &format!("someone{number}@example.com")).await;
        let contact = format!("nobody{number}@example.com");
        signed_in.push(login(&api, STRANGER, &contact, "a guess at random", Some(&device)).await.status.as_u16());
        let body = json!({"contact": contact, "purpose": "reset", "device_token": device});
        asked.push(api.post("/v1/auth/codes", &body).from(STRANGER).send().await.status.as_u16());
    }
    assert_eq!((signed_in, asked), (vec![401, 401, 401, 429], vec![202, 202, 202, 429]));
}
