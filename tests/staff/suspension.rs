//! Suspensions: a suspended user cannot sign in, and learns the reason only with the right password.

use std::time::{Duration, Instant};

use hyper::Method;
use parlor_protocol::event::Notice;
use parlor_protocol::{CloseCode, ErrorCode};
use serde_json::json;

use crate::support::client::Client;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_user_cannot_come_in_until_it_is_lifted_or_over() {
    let mut world = World::new().await;
    let (_, moderator) = world.entered("moderator").await;
    let account =
        json!({"email": "spam@example.com", "password": "a long enough secret", "name": "Spam", "device": "x"});
    let (_, welcome) = world.post("/v1/auth/register", "", account).await;
    let (user, token) =
        (welcome["user"]["id"].as_i64().expect("an id"), welcome["access_token"].as_str().expect("one"));
    let suspension = format!("/v1/staff/users/{user}/suspension");
    let (_, seeker) = world.entered("user").await;
    assert_eq!(world.get("/v1/users?q=spam", &seeker).await.1["items"][0]["id"], user);
    let until = 4_102_444_800_000_i64;
    let body = json!({"until": until, "reason": "spam"});
    let (status, given) = world.call(Method::PUT, &suspension, &moderator, Some(body)).await;
    assert_eq!((status, &given["until"], &given["reason"]), (200, &json!(until), &json!("spam")));

    world.kill().await;
    world.start_again().await;
    let login = |password: &str| json!({"login": "spam@example.com", "password": password, "device": "x"});
    let (status, answer) = world.post("/v1/auth/login", "", login("a wrong password")).await;
    assert_eq!((status, &answer["code"]), (401, &json!("invalid_credentials")), "nobody else learns of it");
    let (status, answer) = world.post("/v1/auth/login", "", login("a long enough secret")).await;
    assert_eq!((status, &answer["code"]), (403, &json!("suspended")));
    assert_eq!((&answer["until"], &answer["reason"]), (&json!(until), &json!("spam")));
    let refresh_token = welcome["refresh_token"].as_str().expect("one");
    let refresh = json!({ "refresh_token": refresh_token });
    let (status, answer) = world.post("/v1/auth/refresh", "", refresh.clone()).await;
    assert_eq!((status, &answer["code"], &answer["reason"]), (403, &json!("suspended"), &json!("spam")));
    let forged = format!("{}{}", &refresh_token[..22], "A".repeat(refresh_token.len() - 22));
    let forged = world.post("/v1/auth/refresh", "", json!({"refresh_token": forged})).await;
    assert_eq!(forged.0, 401, "nobody else learns of it");
    let (status, answer) = world.get("/v1/me", token).await;
    assert_eq!((status, &answer["code"], &answer["reason"]), (403, &json!("suspended"), &json!("spam")));
    assert_eq!(world.get(&format!("/v1/users/{user}"), &seeker).await.0, 404, "nobody sees them meanwhile");
    assert_eq!(world.get("/v1/users?q=spam", &seeker).await.1["items"], json!([]));
    let mut client = Client::open(world.address).await;
    let refused = client.connect(token, "phone").await.expect_err("suspended");
    assert_eq!(client.closed().await, Some(CloseCode::Suspended.number()));
    assert_eq!((refused.code, refused.until, refused.reason.as_str()), (ErrorCode::Suspended, Some(until), "spam"));

    assert_eq!(world.delete(&suspension, &moderator).await, 204);
    assert_eq!(world.get("/v1/me", token).await.0, 401, "the sessions have ended with it");
    assert_eq!(world.post("/v1/auth/refresh", "", refresh).await.0, 401);
    assert_eq!(world.post("/v1/auth/login", "", login("a long enough secret")).await.0, 200);
    assert_eq!(world.call(Method::PUT, &suspension, &moderator, Some(json!({"reason": "spam"}))).await.0, 200);
    let (status, answer) = world.post("/v1/auth/login", "", login("a long enough secret")).await;
    assert_eq!((status, &answer["until"]), (403, &json!(null)), "for good");
    sqlx::query("update suspensions set until = clock_timestamp()").execute(&world.database.app).await.expect("over");
    assert_eq!(world.post("/v1/auth/login", "", login("a long enough secret")).await.0, 200);
    assert_eq!(world.delete(&suspension, &moderator).await, 204, "there is none to lift");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_sockets_are_closed_within_two_seconds_with_the_reason_before_the_code() {
    let world = World::new().await;
    let (_, moderator) = world.entered("moderator").await;
    let (user, other) = (world.person("user").await, world.person("user").await);
    let room = world.room(other).await;
    let (mut phone, mut tablet) = (world.in_room(user, room).await, world.in_room(other, room).await);
    let (session, token) = world.signed_in(other).await;
    let mut signed_out = Client::connected(world.address, &token, "signed out").await;

    let since = Instant::now();
    assert_eq!(world.suspend(user, &moderator).await, 200);
    let path = format!("/v1/staff/users/{other}/sessions/{session}");
    assert_eq!(world.delete(&path, &moderator).await, 204);
    for (socket, code) in [(&mut phone, CloseCode::Suspended), (&mut signed_out, CloseCode::SignedOut)] {
        let Notice::Closing { code: told, reason, .. } = socket.notice().await else { panic!("it is closed") };
        assert_eq!((told, reason.as_str()), (code.number(), code.reason()));
        assert_eq!(socket.closed().await, Some(code.number()));
    }
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    tablet.ping().await;
    assert_eq!(world.delete(&format!("/v1/staff/users/{other}/sessions"), &moderator).await, 204);
    assert_eq!(tablet.closed().await, Some(CloseCode::SignedOut.number()));
    assert_eq!(world.get("/v1/me", &token).await.0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_has_a_reason_and_an_end_to_come() {
    let world = World::new().await;
    let (_, moderator) = world.entered("moderator").await;
    let user = world.person("user").await;
    let path = format!("/v1/staff/users/{user}/suspension");
    let bad = [
        json!({"until": 1}),
        json!({"reason": " "}),
        json!({"reason": "x".repeat(201)}),
        json!({"reason": "spam", "until": 1_000_000}),
        json!({"reason": "spam", "until": 9_007_199_254_740_991_i64}),
    ];
    for body in bad {
        let (status, answer) = world.call(Method::PUT, &path, &moderator, Some(body.clone())).await;
        assert_eq!((status, &answer["code"]), (400, &json!("bad_request")), "{body}");
    }
    assert_eq!(world.suspend(parlor_protocol::UserId::new(999_999_999).expect("in range"), &moderator).await, 404);
}
