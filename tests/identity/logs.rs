//! What the log contains, and what it must never contain.

use serde_json::json;

use super::api::{Api, PASSWORD};
use crate::support::log::listen;

#[tokio::test]
async fn a_fault_is_logged_once_with_the_request_id() {
    let (log, _guard) = listen();
    let api = Api::new().await;
    for path in ["/test/fault", "/test/panic"] {
        let id = api.get(path).send().await.header("x-request-id").expect("an id").to_owned();
        let text = log.text();
        let told: Vec<&str> = text.lines().filter(|line| line.contains("ERROR") && line.contains(&id)).collect();
        assert_eq!(told.len(), 1, "{path}: {text}");
        assert!(told[0].contains("a secret of the server"), "{}", told[0]);
    }
}

#[tokio::test]
async fn neither_tokens_nor_passwords_nor_addresses_are_logged() {
    let (log, _guard) = listen();
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    let number = json!({"phone": "+14155550123", "password": PASSWORD, "name": "Omar", "device": "test"});
    api.post("/v1/auth/register", &number).send().await;
    api.post("/v1/auth/register", &number).send().await;
    for password in [PASSWORD, "a guess at random"] {
        let login = json!({"login": "layla@example.com", "password": password, "device": "test"});
        api.post("/v1/auth/login", &login).send().await;
    }
    let signed_in = json!({"login": "layla@example.com", "password": PASSWORD, "device": "test"});
    let signed_in = api.post("/v1/auth/login", &signed_in).send().await;
    let spent = signed_in.body["refresh_token"].as_str().expect("a token").to_owned();
    let mut refresh = spent.clone();
    for _ in 0..2 {
        let next = api.post("/v1/auth/refresh", &json!({ "refresh_token": refresh })).send().await;
        refresh = next.body["refresh_token"].as_str().expect("a token").to_owned();
    }
    api.post("/v1/auth/refresh", &json!({ "refresh_token": spent })).send().await;
    let room = api.post("/v1/rooms", &json!({"name": "Majlis"})).bearer(&token).send().await;
    let entry = api.post(&format!("/v1/rooms/{}/token", room.body["id"]), &json!({})).bearer(&token).send().await;
    api.get(&format!("/v1/me?access_token={token}")).send().await;
    api.post("/v1/auth/logout", &json!({})).bearer(&token).send().await;
    let text = log.text();
    assert!(text.contains("a user registered") && text.contains("a sign-in was refused"), "{text}");
    assert!(text.contains("a refresh token was used again"), "{text}");
    let entry = entry.body["token"].as_str().expect("a token");
    for secret in
        [&token, entry, &spent, &refresh, PASSWORD, "a guess at random", "layla@example.com", "4155550123", "$argon2id"]
    {
        assert!(!text.contains(secret), "{secret} is logged");
    }
}

#[tokio::test]
async fn the_log_lines_of_a_request_name_request_room_user_and_operation() {
    let (log, _guard) = listen();
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    let room = api.post("/v1/rooms", &json!({"name": "Majlis"})).bearer(&token).send().await;
    let entry = api.post(&format!("/v1/rooms/{}/token", room.body["id"]), &json!({})).bearer(&token).send().await;
    let id = entry.header("x-request-id").expect("an id").to_owned();
    let text = log.text();
    let line = text.lines().find(|line| line.contains("a request was answered") && line.contains(&id));
    let line = line.unwrap_or_else(|| panic!("the request is told of:\n{text}"));
    assert!(line.contains(&format!("room.id={} ", room.body["id"])), "{line}");
    assert!(line.contains("route=\"/v1/rooms/{id}/token\"") && line.contains("user.id="), "{line}");
}
