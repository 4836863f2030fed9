//! One-time codes: verifying and taking over addresses, new passwords, and that strangers learn nothing.

use axum::http::StatusCode;
use futures_util::future::join_all;
use parlor::identity::Settings;
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::api::{Answer, Api, PASSWORD, registration, roomy};

const NEW: &str = "another horse entirely";

async fn ask(api: &Api, contact: &str, purpose: &str) -> Answer {
    api.post("/v1/auth/codes", &json!({"contact": contact, "purpose": purpose})).send().await
}

async fn reset(api: &Api, contact: &str, code: &str, password: &str) -> Answer {
    let body = json!({"contact": contact, "code": code, "password": password});
    api.post("/v1/auth/password", &body).send().await
}

async fn login(api: &Api, contact: &str, password: &str) -> Answer {
    api.post("/v1/auth/login", &json!({"login": contact, "password": password, "device": "test"})).send().await
}

/// Changes the stored times as if this much time had passed.
async fn later(api: &Api, statement: &'static str) {
    sqlx::query(statement).execute(&mut api.database.as_superuser().await).await.expect("changed");
}

async fn unthrottle(api: &Api) {
    later(api, "update throttles set blocked_until = clock_timestamp()").await;
}

fn other(code: &str) -> String {
    let number: u32 = code.parse().expect("six digits");
    format!("{:06}", (number + 1) % 1_000_000)
}

#[tokio::test]
async fn a_code_lets_the_owner_choose_another_password_and_ends_every_session() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    assert_eq!(ask(&api, " Layla@Example.com", "reset").await.status, StatusCode::ACCEPTED);
    let code = api.outbox.code("layla@example.com", 1).await;
    assert_eq!(reset(&api, "layla@example.com", &code, "short").await.fields(), ["password"]);
    assert_eq!(reset(&api, "layla@example.com", &code, NEW).await.status, StatusCode::NO_CONTENT);
    assert_eq!(api.get("/v1/me").bearer(&token).send().await.code(), (401, "unauthenticated"));
    assert_eq!(login(&api, "layla@example.com", PASSWORD).await.code(), (401, "invalid_credentials"));
    let signed_in = login(&api, "layla@example.com", NEW).await;
    let token = signed_in.body["access_token"].as_str().expect("a token");
    let me = api.get("/v1/me").bearer(token).send().await;
    assert_eq!(me.body["email_verified"], true, "the code proved the address");
    assert_eq!(reset(&api, "layla@example.com", &code, NEW).await.code(), (403, "code_invalid"), "it opens once");
}

#[tokio::test]
async fn exactly_one_of_parallel_uses_of_a_code_counts() {
    let api = Api::new().await;
    api.registered("layla@example.com").await;
    ask(&api, "layla@example.com", "reset").await;
    let code = api.outbox.code("layla@example.com", 1).await;
    let answers = join_all((0..5).map(|_| reset(&api, "layla@example.com", &code, NEW))).await;
    let done = answers.iter().filter(|answer| answer.status == StatusCode::NO_CONTENT).count();
    assert_eq!((done, answers.len() - done), (1, 4));
}

#[tokio::test]
async fn a_code_is_valid_for_five_tries_and_ten_minutes() {
    let api = Api::new().await;
    api.registered("layla@example.com").await;
    ask(&api, "layla@example.com", "reset").await;
    let code = api.outbox.code("layla@example.com", 1).await;
    let wrong = other(&code);
    // The tries run in parallel, to show that the counting has no race.
    for answer in join_all((0..5).map(|_| reset(&api, "layla@example.com", &wrong, NEW))).await {
        assert_eq!(answer.code(), (403, "code_invalid"));
    }
    assert_eq!(reset(&api, "layla@example.com", &code, NEW).await.code(), (403, "code_invalid"), "the sixth");

    unthrottle(&api).await;
    ask(&api, "layla@example.com", "reset").await;
    let code = api.outbox.code("layla@example.com", 2).await;
    later(&api, "update one_time_codes set expires_at = expires_at - interval '10 minutes'").await;
    assert_eq!(reset(&api, "layla@example.com", &code, NEW).await.code(), (403, "code_invalid"), "too late");
}

#[tokio::test]
async fn a_code_works_only_for_the_purpose_that_it_was_requested_for() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    api.registered("omar@example.com").await;
    ask(&api, "layla@example.com", "register").await;
    let code = api.outbox.code("layla@example.com", 1).await;
    assert_eq!(reset(&api, "layla@example.com", &code, NEW).await.code(), (403, "code_invalid"), "another purpose");
    ask(&api, "omar@example.com", "reset").await;
    let code = api.outbox.code("omar@example.com", 1).await;
    assert_eq!(reset(&api, "layla@example.com", &code, NEW).await.code(), (403, "code_invalid"), "another address");
    let body = json!({"contact": "omar@example.com", "code": code, "password": PASSWORD});
    let answer = api.put("/v1/me/contacts", &body).bearer(&token).send().await;
    assert_eq!(answer.code(), (403, "code_invalid"), "another user");
}

#[tokio::test]
async fn requesting_a_code_does_not_reveal_who_has_an_account() {
    let api = Api::new().await;
    api.registered("layla@example.com").await;
    for contact in ["layla@example.com", "nobody@example.com"] {
        let answers = [ask(&api, contact, "reset").await, ask(&api, contact, "reset").await];
        assert_eq!(answers[0].status, StatusCode::ACCEPTED);
        assert_eq!(answers[0].body, Value::Null);
        assert_eq!(answers[1].code(), (429, "rate_limited"), "the next one has to wait");
        assert!(answers[1].body["retry_after_ms"].as_u64().is_some_and(|ms| (50_000..=60_001).contains(&ms)));
        assert_eq!(reset(&api, contact, "000000", NEW).await.code(), (403, "code_invalid"));
    }
    api.outbox.code("layla@example.com", 1).await;
    assert!(api.outbox.texts("nobody@example.com").is_empty(), "only an account is reset");
    let rows: Option<i64> =
        sqlx::query_scalar("select count(*) from one_time_codes").fetch_one(&api.database.app).await.ok();
    assert_eq!(rows, Some(2), "the work is the same");
    let letters = sqlx::query_scalar("select count(*) from jobs where kind = 'courier.mail'");
    assert_eq!(letters.fetch_one(&api.database.app).await.ok(), Some(2_i64), "and so is what is sent, or not");
}

#[tokio::test]
async fn a_code_for_one_purpose_does_not_delay_a_code_for_another() {
    let api = Api::new().await;
    let (layla, omar) = (api.registered("layla@example.com").await, api.registered("omar@example.com").await);
    let contact = "layla@example.com";
    for purpose in ["register", "reset"] {
        assert_eq!(ask(&api, contact, purpose).await.status, StatusCode::ACCEPTED, "{purpose}");
        assert_eq!(ask(&api, contact, purpose).await.code(), (429, "rate_limited"), "{purpose}");
    }
    for token in [&omar, &layla] {
        let ask = async || api.post("/v1/me/contacts/codes", &json!({"contact": contact})).bearer(token).send().await;
        assert_eq!(ask().await.status, StatusCode::ACCEPTED);
        assert_eq!(ask().await.code(), (429, "rate_limited"));
    }
}

#[tokio::test]
async fn neither_a_code_nor_its_address_is_stored() {
    let api = Api::new().await;
    ask(&api, "layla@example.com", "register").await;
    let code = api.outbox.code("layla@example.com", 1).await;
    let mut superuser = api.database.as_superuser().await;
    for table in
        ["select c::text from one_time_codes c", "select t::text from throttles t", "select j::text from jobs j"]
    {
        let row: String = sqlx::query_scalar(table).fetch_one(&mut superuser).await.expect("a row");
        assert!(!row.contains(&code) && !row.contains("layla"), "{row}");
    }
}

#[tokio::test]
async fn verifying_an_address_takes_it_over_from_an_account_that_has_not() {
    let api = Api::new().await;
    let squatter = api.registered("layla@example.com").await;
    ask(&api, "layla@example.com", "register").await;
    let mut body = registration("layla@example.com");
    body["code"] = json!(other(&api.outbox.code("layla@example.com", 1).await));
    assert_eq!(api.post("/v1/auth/register", &body).send().await.code(), (403, "code_invalid"));
    body["code"] = json!(api.outbox.code("layla@example.com", 1).await);
    let owner = api.post("/v1/auth/register", &body).send().await;
    assert_eq!(owner.status, StatusCode::CREATED, "{}", owner.body);
    let me = api.get("/v1/me").bearer(&squatter).send().await;
    assert_eq!((me.status, me.body.get("email")), (StatusCode::OK, None), "the other goes on without it");
    let signed_in = login(&api, "layla@example.com", PASSWORD).await;
    assert_eq!(signed_in.body["user"], owner.body["user"]);

    // The address is verified now, so nobody else can take it over.
    unthrottle(&api).await;
    ask(&api, "layla@example.com", "register").await;
    body["code"] = json!(api.outbox.code("layla@example.com", 2).await);
    assert_eq!(api.post("/v1/auth/register", &body).send().await.code(), (409, "account_exists"));
}

#[tokio::test]
async fn an_unverified_address_resets_no_password_if_another_one_is_verified() {
    let api = Api::new().await;
    let mut body = registration("layla@example.com");
    body["phone"] = json!("+14155550123");
    api.post("/v1/auth/register", &body).send().await;
    // Neither is verified: when one is, the other account loses the address.
    ask(&api, "layla@example.com", "reset").await;
    let code = api.outbox.code("layla@example.com", 1).await;
    assert_eq!(reset(&api, "layla@example.com", &code, NEW).await.status, StatusCode::NO_CONTENT);
    assert_eq!(login(&api, "+14155550123", NEW).await.code(), (401, "invalid_credentials"));
    later(&api, "update users set phone = '+14155550123'").await;
    ask(&api, "+14155550123", "reset").await;
    ask(&api, "+14155550199", "register").await;
    api.outbox.code("+14155550199", 1).await;
    assert!(api.outbox.texts("+14155550123").is_empty());
}

#[tokio::test]
async fn changing_the_address_needs_a_code_and_the_password() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    let wanted = json!({"contact": "+1 415 555 0123"});
    assert_eq!(api.post("/v1/me/contacts/codes", &wanted).bearer(&token).send().await.status, StatusCode::ACCEPTED);
    let mut body = json!({"contact": "+14155550123", "code": api.outbox.code("+14155550123", 1).await});
    let answer = api.put("/v1/me/contacts", &body).bearer(&token).send().await;
    assert_eq!((answer.code(), answer.fields()), ((400, "bad_request"), vec!["password"]));
    body["password"] = json!("a guess at random");
    let answer = api.put("/v1/me/contacts", &body).bearer(&token).send().await;
    assert_eq!(answer.code(), (401, "invalid_credentials"));
    body["password"] = json!(PASSWORD);
    assert_eq!(api.put("/v1/me/contacts", &body).bearer(&token).send().await.status, StatusCode::NO_CONTENT);
    let me = api.get("/v1/me").bearer(&token).send().await.body;
    assert_eq!((&me["phone"], &me["phone_verified"]), (&json!("+14155550123"), &json!(true)));
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("layla@example.com"), &json!(false)));
    assert_eq!(login(&api, "+14155550123", PASSWORD).await.status, StatusCode::OK);
}

/// The answer to a call that has to wait for these statements, which are committed as soon as it waits.
async fn overtaken(api: &Api, call: impl Future<Output = Answer>, statements: &'static str) -> Answer {
    let (mut other, mut observer) = (api.database.as_superuser().await, api.database.as_superuser().await);
    let mut tx = other.begin().await.expect("a transaction");
    sqlx::raw_sql(statements).execute(&mut *tx).await.expect("changed");
    let overtake = async {
        let waits = "select exists (select from pg_stat_activity
                                     where datname = current_database() and wait_event_type = 'Lock')";
        let waiting =
            async { while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut observer).await.expect("an answer") {} };
        tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await.expect("it waits");
        tx.commit().await.expect("committed");
    };
    tokio::join!(call, overtake).0
}

#[tokio::test]
async fn a_change_of_address_under_way_fails_if_its_conditions_change() {
    const PASSWORD_CHANGED: &str = "update users set password_hash = 'another'";
    const SESSION_ENDED: &str = "update users set name = name; update sessions set revoked_at = clock_timestamp()";
    const ADDRESS_LOST: &str = "update users set email = null, phone = '+14155550199'";
    let cases = [
        (PASSWORD_CHANGED, "+14155550123"),
        (SESSION_ENDED, "+14155550123"),
        (SESSION_ENDED, "layla@example.com"),
        (ADDRESS_LOST, "layla@example.com"),
    ];
    for (change, wanted) in cases {
        let api = Api::new().await;
        let token = api.registered("layla@example.com").await;
        api.post("/v1/me/contacts/codes", &json!({ "contact": wanted })).bearer(&token).send().await;
        let code = api.outbox.code(wanted, 1).await;
        let body = json!({"contact": wanted, "code": code, "password": PASSWORD});
        let answer = overtaken(&api, api.put("/v1/me/contacts", &body).bearer(&token).send(), change).await;
        assert_eq!(answer.code(), (401, "unauthenticated"), "{change}, {wanted}");
        let proven = "select count(*) from users where phone_verified_at is not null or email_verified_at is not null";
        let proven: i64 = sqlx::query_scalar(proven).fetch_one(&api.database.app).await.expect("a number");
        assert_eq!(proven, 0, "{change}, {wanted}");
    }
}

#[tokio::test]
async fn changing_the_password_keeps_only_the_session_of_the_caller() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    let elsewhere = login(&api, "layla@example.com", PASSWORD).await.body["access_token"].clone();
    let change = |old: &str| json!({"old_password": old, "password": NEW});
    let wrong = api.put("/v1/me/password", &change("a guess at random")).bearer(&token).send().await;
    assert_eq!(wrong.code(), (401, "invalid_credentials"));
    let right = api.put("/v1/me/password", &change(PASSWORD)).bearer(&token).send().await;
    assert_eq!(right.status, StatusCode::NO_CONTENT);
    assert_eq!(api.get("/v1/me").bearer(&token).send().await.status, StatusCode::OK);
    let elsewhere = elsewhere.as_str().expect("a token");
    assert_eq!(api.get("/v1/me").bearer(elsewhere).send().await.code(), (401, "unauthenticated"));
    assert_eq!(login(&api, "layla@example.com", NEW).await.status, StatusCode::OK);
}

#[tokio::test]
async fn guesses_make_who_guesses_wait_until_the_owner_uses_a_code() {
    let settings = Settings { failures_account: 3, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    api.registered("layla@example.com").await;
    for contact in ["layla@example.com", "nobody@example.com"] {
        let guesses = join_all((0..8).map(|_| login(&api, contact, "a guess at random"))).await;
        let looked_at = guesses.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count();
        assert_eq!(looked_at, 3, "at once as one after the other");
        let right = login(&api, contact, PASSWORD).await;
        assert_eq!(right.code(), (429, "rate_limited"), "the right password has the same answer");
        assert!(right.body["retry_after_ms"].as_u64().is_some_and(|ms| (20_000..=30_001).contains(&ms)));
    }
    // The next failure waits twice as long.
    later(&api, "update sign_in_guesses set at = at - interval '31 seconds'").await;
    assert_eq!(login(&api, "layla@example.com", "a guess at random").await.status, StatusCode::UNAUTHORIZED);
    let wait = login(&api, "layla@example.com", PASSWORD).await.body["retry_after_ms"].as_u64();
    assert!(wait.is_some_and(|ms| (50_000..=60_001).contains(&ms)), "{wait:?}");

    ask(&api, "layla@example.com", "reset").await;
    let code = api.outbox.code("layla@example.com", 1).await;
    assert_eq!(reset(&api, "layla@example.com", &code, NEW).await.status, StatusCode::NO_CONTENT);
    for _ in 0..4 {
        assert_eq!(login(&api, "layla@example.com", NEW).await.status, StatusCode::OK, "nothing is left of it");
    }
}

#[tokio::test]
async fn right_sign_ins_never_count_against_a_network_and_its_failures_expire() {
    let settings = Settings { failures_address: 3, failures_account: 1_000, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    let people = ["layla@example.com", "omar@example.com"];
    for person in people {
        api.registered(person).await;
    }
    for _ in 0..2 {
        assert_eq!(login(&api, "nobody@example.com", "a guess at random").await.code(), (401, "invalid_credentials"));
    }
    for person in [people, people].concat() {
        assert_eq!(login(&api, person, PASSWORD).await.status, StatusCode::OK, "{person}");
    }
    // Only failures count, at whatever account: this is the third of the address.
    assert_eq!(login(&api, people[0], "a guess at random").await.code(), (401, "invalid_credentials"));
    assert_eq!(login(&api, people[1], PASSWORD).await.code(), (429, "rate_limited"), "three in a day");
    later(&api, "update sign_in_guesses set at = at - interval '23 hours'").await;
    let wait = login(&api, people[1], PASSWORD).await.body["retry_after_ms"].as_u64();
    assert!(wait.is_some_and(|ms| (3_500_000..=3_600_001).contains(&ms)), "{wait:?}");
    later(&api, "update sign_in_guesses set at = at - interval '1 hour'").await;
    assert_eq!(login(&api, people[1], PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_hash_with_other_parameters_is_replaced_at_the_next_sign_in() {
    let api = Api::new().await;
    api.registered("layla@example.com").await;
    // A hash of the tests' password by argon2id with m=8, t=1, p=1.
    let old = argon2_of_old(PASSWORD);
    let set = "update users set password_hash = $1";
    sqlx::query(set).bind(&old).execute(&mut api.database.as_superuser().await).await.expect("changed");
    assert_eq!(login(&api, "layla@example.com", PASSWORD).await.status, StatusCode::OK);
    let hash: String =
        sqlx::query_scalar("select password_hash from users").fetch_one(&api.database.app).await.expect("a hash");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(login(&api, "layla@example.com", PASSWORD).await.status, StatusCode::OK);
}

fn argon2_of_old(password: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let params = Params::new(64, 1, 1, None).expect("parameters");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(password.as_bytes()).expect("hashed").to_string()
}
