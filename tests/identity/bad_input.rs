//! Requests of broken or hostile clients, which must be answered by a problem with a stable code.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures_util::stream;
use serde_json::{Value, json};

use super::api::{Api, registration};

const REGISTER: &str = "/v1/auth/register";

#[tokio::test]
async fn a_body_that_does_not_fit_names_every_field() {
    let api = Api::new().await;
    let with = |field: &str, value: Value| {
        let mut body = registration("layla@example.com");
        body[field] = value;
        body
    };
    let cases = [
        (with("role", json!("admin")), vec!["role"]),
        (with("id", json!(1)), vec!["id"]),
        (with("password", json!(12_345_678)), vec!["password"]),
        (with("password", json!(null)), vec!["password"]),
        (with("password", json!("short")), vec!["password"]),
        (with("password", json!("Password123")), vec!["password"]),
        (with("password", json!("layla@example.com")), vec!["password"]),
        (with("name", json!("")), vec!["name"]),
        (with("name", json!("a\u{0}b")), vec!["name"]),
        (with("name", json!("x".repeat(41))), vec!["name"]),
        (with("name", json!({"first": "Layla"})), vec!["name"]),
        (with("email", json!("layla")), vec!["email"]),
        (with("email", json!("layla\u{0}@example.com")), vec!["email"]),
        (with("email", json!(null)), vec!["email"]),
        (with("phone", json!("12345")), vec!["phone"]),
        (with("device", json!("x".repeat(129))), vec!["device"]),
        (json!({"email": "x", "password": "", "name": "", "device": ""}), vec!["email", "password", "name", "device"]),
        (json!({"email": "a@b.c", "name": "Layla", "device": "test"}), vec!["password"]),
        (json!({}), vec!["password"]),
        (json!([]), vec!["."]),
        (json!("layla"), vec!["."]),
        (json!(null), vec!["."]),
    ];
    for (body, fields) in cases {
        let answer = api.post(REGISTER, &body).send().await;
        assert_eq!(answer.code(), (400, "bad_request"), "{body}");
        // If the body has the right types, all problems are reported at once.
        assert_eq!(answer.fields(), fields, "{body}: {}", answer.body);
    }
    let rows: Option<i64> = sqlx::query_scalar("select count(*) from users").fetch_one(&api.database.app).await.ok();
    assert_eq!(rows, Some(0));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let api = Api::new().await;
    let good = registration("layla@example.com").to_string();
    let cut: Vec<String> = (0..good.len()).step_by(7).map(|at| good[..at].to_owned()).collect();
    let more = [format!("{good}{good}"), "[".repeat(60_000), "\u{feff}{}".to_owned(), "NaN".to_owned()];
    for body in cut.into_iter().chain(more) {
        let answer = api.call(Method::POST, REGISTER).body("application/json", body.clone()).send().await;
        assert_eq!(answer.code(), (400, "bad_request"), "{body}");
    }
    let answer = api.call(Method::POST, REGISTER).body("application/json", vec![0xff, 0x00, 0xfe]).send().await;
    assert_eq!(answer.code(), (400, "bad_request"));
}

#[tokio::test]
async fn a_body_of_another_type_is_refused_before_it_is_read() {
    let api = Api::new().await;
    let good = registration("layla@example.com").to_string();
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", ""]
    {
        let answer = api.call(Method::POST, REGISTER).body(content_type, good.clone()).send().await;
        assert_eq!(answer.code(), (415, "unsupported_media_type"), "{content_type}");
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let answer = api.call(Method::POST, REGISTER).body(content_type, "{}").send().await;
        assert_eq!(answer.code(), (400, "bad_request"), "{content_type}");
    }
    assert_eq!(api.call(Method::POST, REGISTER).send().await.code(), (415, "unsupported_media_type"));
}

#[tokio::test]
async fn a_huge_body_is_refused_with_and_without_a_content_length() {
    let api = Api::new().await;
    let mut body = registration("layla@example.com");
    body["name"] = json!("x".repeat(70_000));
    assert_eq!(api.post(REGISTER, &body).send().await.code(), (413, "too_large"));
    let endless = stream::iter((0..1_000).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_000])));
    let answer = api.call(Method::POST, REGISTER).body("application/json", Body::from_stream(endless)).send().await;
    assert_eq!(answer.code(), (413, "too_large"));
}

#[tokio::test]
async fn an_incomplete_body_is_refused() {
    let api = Api::new().await;
    let broken =
        stream::iter([Ok(b"{\"email\":".to_vec()), Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))]);
    let answer = api.call(Method::POST, REGISTER).body("application/json", Body::from_stream(broken)).send().await;
    assert_eq!(answer.code(), (400, "bad_request"));
}

#[tokio::test]
async fn a_wrong_address_or_method_is_a_problem_too() {
    let api = Api::new().await;
    for path in ["/", "/v1", "/v1/auth", "/v2/me", "/v1/me/", "/v1/rooms/1/2/3", "/%ff", "/../etc/passwd"] {
        assert_eq!(api.get(path).send().await.code(), (404, "not_found"), "{path}");
    }
    for (method, path, allow) in [
        (Method::GET, REGISTER, "POST"),
        (Method::DELETE, "/v1/me", "GET,HEAD,PATCH"),
        (Method::PUT, "/v1/rooms", "GET,HEAD,POST"),
        (Method::from_bytes(b"BREW").expect("a method"), "/v1/me", "GET,HEAD,PATCH"),
    ] {
        let answer = api.call(method, path).send().await;
        assert_eq!(answer.code(), (405, "method_not_allowed"), "{path}");
        assert_eq!(answer.header("allow"), Some(allow));
    }
}

#[tokio::test]
async fn a_header_without_a_token_of_this_server_is_refused() {
    let api = Api::new().await;
    let token = api.registered("layla@example.com").await;
    for value in
        ["", "Bearer", "Bearer ", "Basic bGF5bGE6eA==", &token, "Bearer x", "Bearer a.b.c", &format!("Bearer {token}x")]
    {
        let answer = api.get("/v1/me").header("authorization", value).send().await;
        assert_eq!(answer.code(), (401, "unauthenticated"), "{value}");
    }
    // A token in the address does not count.
    assert_eq!(api.get(&format!("/v1/me?access_token={token}")).send().await.code(), (401, "unauthenticated"));
    assert_eq!(
        api.get("/v1/me").header("authorization", &format!("bearer {token}")).send().await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_answer_to_a_server_fault_has_no_details() {
    let api = Api::new().await;
    for path in ["/test/panic", "/test/fault"] {
        let answer = api.get(path).send().await;
        assert_eq!(answer.code(), (500, "internal"));
        assert!(answer.body.get("detail").is_none());
    }
    assert_eq!(api.get("/v1/auth/nothing").send().await.code(), (404, "not_found"), "and the server goes on");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let api = Api::new().await;
    tokio::time::pause();
    assert_eq!(api.get("/test/forever").send().await.code(), (503, "timeout"));
}

#[tokio::test]
async fn a_valid_request_id_is_returned_and_any_other_is_replaced() {
    let api = Api::new().await;
    let kept = api.get("/v1/me").header("x-request-id", "edge-0199b1c2").send().await;
    assert_eq!(kept.header("x-request-id"), Some("edge-0199b1c2"));
    for id in ["x", "has space in it", "{\"json\":true}", &"x".repeat(65)] {
        let replaced = api.get("/v1/me").header("x-request-id", id).send().await;
        assert!(replaced.header("x-request-id").is_some_and(|new| new.len() == 36), "{id}");
    }
}
