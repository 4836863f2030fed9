//! What one address or contact may use up, over restarts too.

use axum::http::StatusCode;
use parlor::identity::Settings;
use serde_json::json;

use super::api::{Api, registration, roomy};
use crate::support::world::{PASSWORD, World};

#[tokio::test]
async fn thirty_accounts_at_three_addresses_send_somebody_a_few_messages() {
    let api = Api::new().await;
    let victim = "+14155550123";
    let mut sent = 0;
    for number in 0..30 {
        let token = api.registered(&format!("someone{number}@example.com")).await;
        let ask = api.post("/v1/me/contacts/codes", &json!({"contact": victim})).bearer(&token);
        let answer = ask.from(&format!("198.51.100.{}", number % 3)).send().await;
        match answer.code() {
            (202, _) => sent += 1,
            code => assert_eq!(code, (429, "rate_limited")),
        }
    }
    assert_eq!(sent, 3, "of these; two more are kept for a new password");
    for number in 0..10 {
        let body = json!({"contact": victim, "purpose": "reset"});
        let answer = api.post("/v1/auth/codes", &body).from(&format!("198.51.100.{number}")).send().await;
        sent += usize::from(answer.status == StatusCode::ACCEPTED);
    }
    assert_eq!(sent, 5, "an hour, whoever asks");
    // An hour later five more are allowed, then none for the rest of the day.
    for expected in [10, 10] {
        let later = "update usages set at = at - interval '61 minutes'; delete from throttles";
        sqlx::raw_sql(later).execute(&mut api.database.as_superuser().await).await.expect("changed");
        for number in 0..10 {
            let body = json!({"contact": victim, "purpose": "reset"});
            let answer = api.post("/v1/auth/codes", &body).from(&format!("198.51.100.{number}")).send().await;
            sent += usize::from(answer.status == StatusCode::ACCEPTED);
        }
        assert_eq!(sent, expected, "a day");
    }
}

#[tokio::test]
async fn an_address_makes_so_many_accounts_an_hour_and_refused_ones_do_not_count() {
    let settings = Settings { registrations_per_hour_address: 2, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    let register =
        async |email: &str, from: &str| api.post("/v1/auth/register", &registration(email)).from(from).send().await;
    let (one, other) = ("2001:db8::1", "2001:db8:0:1::1");
    assert_eq!(register("a@example.com", one).await.status, StatusCode::CREATED);
    for _ in 0..5 {
        assert_eq!(register("a@example.com", one).await.code(), (409, "account_exists"));
    }
    assert_eq!(register("b@example.com", "2001:db8::2").await.status, StatusCode::CREATED, "the same /64");
    let refused = register("c@example.com", one).await;
    assert_eq!(refused.code(), (429, "rate_limited"));
    assert!(refused.body["retry_after_ms"].as_i64().is_some_and(|ms| (3_500_000..=3_600_001).contains(&ms)));
    assert_eq!(register("c@example.com", other).await.status, StatusCode::CREATED, "another network");
    let later = "update usages set at = at - interval '1 hour'";
    sqlx::query(later).execute(&mut api.database.as_superuser().await).await.expect("changed");
    assert_eq!(register("d@example.com", one).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_address_tries_to_register_so_often_a_minute() {
    let settings = Settings { registrations_per_minute_address: 3, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(api.post("/v1/auth/register", &registration("layla@example.com")).send().await.status.as_u16());
    }
    assert_eq!(statuses, [201, 409, 409, 429]);
}

#[tokio::test]
async fn at_the_same_time_no_more_accounts_are_made_than_an_hour_allows() {
    let settings = Settings { registrations_per_hour_address: 3, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    let bodies: Vec<_> = (0..8).map(|number| registration(&format!("n{number}@example.com"))).collect();
    let calls = bodies.iter().map(|body| api.post("/v1/auth/register", body).send());
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count(), 3);
    assert!(answers.iter().filter(|answer| answer.status != StatusCode::CREATED).all(|answer| answer.status == 429));
}

#[tokio::test]
async fn a_restart_begins_no_allowance_anew() {
    let mut world = World::serve()
        .set("PARLOR__IDENTITY__REGISTRATIONS_PER_HOUR_ADDRESS", 1)
        .set("PARLOR__IDENTITY__FAILURES_ACCOUNT", 1)
        .set("PARLOR__IDENTITY__LOCK_SECONDS", 600)
        .lease(1_000)
        .await;
    world.registered("layla").await;
    let login = |password: &str| json!({"login": "layla@example.com", "password": password, "device": "test"});
    let (status, _) = world.post("/v1/auth/login", "", login("a guess at random")).await;
    assert_eq!(status, 401);
    world.program.kill();
    world.start_again().await;
    let account = json!({"email": "omar@example.com", "password": PASSWORD, "name": "Omar", "device": "phone"});
    let (status, refused) = world.post("/v1/auth/register", "", account).await;
    assert_eq!((status, refused["code"].as_str()), (429, Some("rate_limited")));
    let (status, refused) = world.post("/v1/auth/login", "", login(PASSWORD)).await;
    assert_eq!((status, refused["code"].as_str()), (429, Some("rate_limited")), "{refused}");
}

#[tokio::test]
async fn regression_whatever_sessions_a_user_has_beyond_the_bound_end_with_the_next_sign_in() {
    let settings = Settings { sessions_user: 3, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    api.registered("layla@example.com").await;
    // As an older program left them, which had no bound.
    let older = "insert into sessions (id, user_id, device, last_used_at)
                 select gen_random_uuid(), id, 'old', clock_timestamp() - interval '1 day' from users, generate_series(1, 10)";
    api.superuser(older).await;
    let login = json!({"login": "layla@example.com", "password": PASSWORD, "device": "test"});
    assert_eq!(api.post("/v1/auth/login", &login).send().await.status, StatusCode::OK);
    assert_eq!(api.count("select count(*) from sessions where revoked_at is null").await, 3);
    assert_eq!(api.count("select count(*) from sessions where revoked_at is null and device = 'old'").await, 1);
}

#[tokio::test]
async fn a_user_has_so_many_sessions_and_old_ones_are_removed() {
    let settings = Settings { sessions_user: 3, ..roomy() };
    let api = Api::with(settings, |_, _| Box::pin(async { Ok(()) })).await;
    let mut tokens = vec![api.registered("layla@example.com").await];
    let login = json!({"login": "layla@example.com", "password": PASSWORD, "device": "test"});
    for _ in 0..4 {
        let signed_in = api.post("/v1/auth/login", &login).send().await;
        tokens.push(signed_in.body["access_token"].as_str().expect("a token").to_owned());
    }
    let mut open = Vec::new();
    for token in &tokens {
        open.push(api.get("/v1/me").bearer(token).send().await.status == StatusCode::OK);
    }
    assert_eq!(open, [false, false, true, true, true], "the ones that were not used for the longest time have ended");

    api.superuser("update sessions set revoked_at = revoked_at - interval '31 days'").await;
    let old = "update refresh_tokens set expires_at = expires_at - interval '61 days'
                where session_id = (select id from sessions where revoked_at is null order by id limit 1)";
    api.superuser(old).await;
    let kinds = api.identity.kinds(parlor::kit::jobs::Kinds::new(), &crate::support::edge(&api.database.app));
    let settings = parlor::kit::jobs::Settings::default();
    let jobs = parlor::kit::jobs::Jobs::open(api.database.app.clone(), &settings, kinds, ()).await.expect("it opens");
    api.superuser("update job_periods set due_at = clock_timestamp() where kind = 'identity.sweep'").await;
    jobs.run_due().await.expect("the store answers");
    assert_eq!(api.count("select count(*) from sessions").await, 2);
    assert_eq!(api.count("select count(*) from refresh_tokens").await, 2);
}
