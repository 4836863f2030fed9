//! A refused request changes nothing, and time and randomness are those that the edge passes down.

use std::sync::atomic::{AtomicBool, Ordering};

use hyper::StatusCode;
use parlor::kit::chance::Chance;
use parlor::kit::clock::{Clock, Timestamp};
use parlor::kit::edge::Edge;
use parlor::kit::error::Error;
use parlor_protocol::ErrorCode;
use serde_json::{Value, json};

use super::api::{Api, PASSWORD, registration, roomy};
use crate::support::world::Ground;

/// Makes the opening of the next account's wallet fail.
static WALLETS_FAIL: AtomicBool = AtomicBool::new(false);

#[tokio::test]
async fn a_request_that_is_refused_leaves_nothing_behind() {
    let api = Api::with(roomy(), |_, _| {
        Box::pin(async {
            match WALLETS_FAIL.load(Ordering::SeqCst) {
                true => Err(Error::new(ErrorCode::StoreUnavailable)),
                false => Ok(()),
            }
        })
    })
    .await;
    // Another account has the address without having verified it.
    api.registered("layla@example.com").await;
    let asked = json!({"contact": "layla@example.com", "purpose": "register"});
    assert_eq!(api.post("/v1/auth/codes", &asked).send().await.status, StatusCode::ACCEPTED);
    let mut owner = registration("layla@example.com");
    owner["code"] = json!(api.outbox.code("layla@example.com", 1).await);

    // The request fails only after the code was used, the address taken over and the account made.
    WALLETS_FAIL.store(true, Ordering::SeqCst);
    let refused = api.post("/v1/auth/register", &owner).send().await;
    assert_eq!(refused.code(), (503, "store_unavailable"));
    let login = json!({"login": "layla@example.com", "password": PASSWORD, "device": "test"});
    let signed_in = api.post("/v1/auth/login", &login).send().await;
    assert_eq!(signed_in.status, StatusCode::OK, "the address is still theirs who had it: {}", signed_in.body);

    WALLETS_FAIL.store(false, Ordering::SeqCst);
    let registered = api.post("/v1/auth/register", &owner).send().await;
    assert_eq!(registered.status, StatusCode::CREATED, "the code was not used up: {}", registered.body);
    let signed_in = api.post("/v1/auth/login", &login).send().await;
    assert_eq!(signed_in.body["user"]["id"], registered.body["user"]["id"], "and now it is taken over");
}

/// The ids and tokens of a user who registers at a new server with this seed, while the clock stands still.
async fn given(seed: u64) -> Value {
    let ground = Ground::fresh().await;
    let clock = Clock::held(Timestamp(1_790_000_000_123));
    let edge = Edge::new(ground.database.app.clone(), clock, Chance::seeded(seed));
    let api = Api::over(ground, edge, roomy(), |_, _| Box::pin(async { Ok(()) })).await;
    let mut given = api.post("/v1/auth/register", &registration("layla@example.com")).send().await;
    assert_eq!(given.status, StatusCode::CREATED, "{}", given.body);
    // These times come from the database's clock.
    given.body.as_object_mut().expect("an object").remove("refresh_expires_at");
    given.body
}

#[tokio::test]
async fn every_id_and_secret_comes_from_the_chance_that_was_handed_down() {
    let (one, again, other) = tokio::join!(given(7), given(7), given(8));
    assert_eq!(one, again, "the same user id, session, keys and tokens");
    assert_eq!(one["expires_at"], json!(1_790_000_000_000_i64 + 15 * 60 * 1_000), "and the time of the same clock");
    assert_eq!(one["expires_in_ms"], json!(15 * 60 * 1_000 - 123), "counted from the answer");
    for part in ["access_token", "refresh_token"] {
        assert_ne!(one[part], other[part], "{part}");
    }
    assert_ne!(one["user"]["id"], other["user"]["id"]);
}
