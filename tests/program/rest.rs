//! The whole server over REST: its answers to good and to bad requests.

use hyper::Method;
use parlor_loadtests::rest::{call, get};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::block_in_place;

use crate::support::raw::{Raw, text};
use crate::support::world::World;

/// A request (method, address, token, body) with the expected status and code.
type Case<'a> = (Method, &'a str, Option<&'a str>, Option<Value>, u16, &'a str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newcomers_coins_are_explained_by_their_transfer() {
    let world = World::dev().await;
    let token = world.demo(1).await.0;
    let (status, wallet) = get(world.address, "/v1/wallet", Some(&token)).await.expect("up");
    assert_eq!((status.as_u16(), &wallet["balances"][0]["amount"]), (200, &10_000.into()));
    assert_eq!(
        wallet["balances"][1],
        json!({"currency": "diamond", "amount": 0, "xp": 0, "version": 0, "exponent": 4})
    );
    let (_, entries) = get(world.address, "/v1/wallet/entries?currency=coin&limit=1", Some(&token)).await.expect("up");
    let entry = &entries["items"][0];
    assert_eq!((&entry["kind"], &entry["amount"]), (&"grant".into(), &10_000.into()));
    assert_eq!(entry["transfer"], wallet["balances"][0]["version"]);
    assert_eq!(entries["next"], Value::Null);
    let (_, gifts) = get(world.address, "/v1/gifts", None).await.expect("up");
    assert_eq!(gifts["gifts"].as_array().map(Vec::len), Some(24));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_get_a_problem_with_a_stable_code_and_change_nothing() {
    let world = World::dev().await;
    let address = world.address;
    let token = world.demo(1).await.0;
    let own = Some(token.as_str());
    let cases: [Case<'_>; 30] = [
        (Method::GET, "/v1/wallet", None, None, 401, "unauthenticated"),
        (Method::GET, "/v1/wallet", Some("junk"), None, 401, "unauthenticated"),
        (Method::GET, "/v1/wallet/entries", None, None, 401, "unauthenticated"),
        (Method::GET, "/v1/wallet/entries?limit=0", own, None, 400, "bad_request"),
        (Method::GET, "/v1/wallet/entries?limit=many", own, None, 400, "bad_request"),
        (Method::GET, "/v1/wallet/entries?currency=gold", own, None, 400, "bad_request"),
        (Method::GET, "/v1/wallet/entries?cursor=x", own, None, 400, "bad_request"),
        (Method::GET, "/v1/wallet/entries?colour=red", own, None, 400, "bad_request"),
        (Method::DELETE, "/v1/wallet", own, None, 405, "method_not_allowed"),
        (Method::POST, "/v1/gifts", own, Some(json!({})), 405, "method_not_allowed"),
        (Method::GET, "/v1/nowhere", own, None, 404, "not_found"),
        (Method::GET, "/v1/rooms/0", own, None, 404, "not_found"),
        (Method::GET, "/v1/rooms/abc", own, None, 404, "not_found"),
        (Method::GET, "/v1/rooms/999999999999", own, None, 404, "room_not_found"),
        (Method::POST, "/v1/rooms/999999999999/token", own, None, 404, "room_not_found"),
        (Method::POST, "/v1/rooms", own, Some(json!({"name": ""})), 400, "bad_request"),
        (Method::POST, "/v1/rooms", own, Some(json!({"name": "a", "seats": 7})), 400, "bad_request"),
        (Method::POST, "/v1/rooms", own, Some(json!({"name": "a", "owner": 1})), 400, "bad_request"),
        (Method::POST, "/v1/rooms", own, Some(json!(["a"])), 400, "bad_request"),
        (Method::POST, "/v1/rooms", own, Some(json!({"name": "a".repeat(70_000)})), 413, "too_large"),
        (Method::POST, "/v1/auth/login", None, Some(json!({"login": 7})), 400, "bad_request"),
        (Method::POST, "/v1/auth/register", None, Some(json!({})), 400, "bad_request"),
        (Method::GET, "/v1/rooms/%ff", own, None, 404, "not_found"),
        (Method::GET, "/v1/rooms/%00", own, None, 404, "not_found"),
        (Method::GET, "/v1/rooms/%", own, None, 404, "not_found"),
        (Method::GET, "/v1/rooms?limit=%ff", own, None, 400, "bad_request"),
        (Method::OPTIONS, "/v1/rooms", own, None, 405, "method_not_allowed"),
        (Method::from_bytes(b"BREW").expect("a method"), "/v1/rooms", own, None, 405, "method_not_allowed"),
        (Method::GET, "/v1/socket", None, None, 426, "bad_request"),
        (Method::POST, "/v1/socket", None, Some(json!({})), 405, "method_not_allowed"),
    ];
    for (method, path, token, body, status, code) in cases {
        let shown = format!("{method} {path}");
        let (answered, problem) = call(address, method, path, token, body.as_ref()).await.expect("up");
        assert_eq!((answered.as_u16(), &problem["code"]), (status, &code.into()), "{shown}: {problem}");
        assert_eq!(problem["status"], status, "{shown}");
    }
    assert_eq!(world.count("select count(*) from rooms").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_answered_with_what_to_do() {
    let world = World::dev().await;
    for (token, said) in
        [(None, "send the header `authorization: Bearer`"), (Some("junk"), "sign in by POST /v1/auth/login")]
    {
        let (status, problem) = get(world.address, "/v1/wallet", token).await.expect("up");
        assert_eq!((status.as_u16(), &problem["code"]), (401, &"unauthenticated".into()));
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{problem}");
    }
    let mut socket = Raw::open(world.address).await;
    socket.send(&text(r#"{"id":1,"type":"connect","data":{"token":"junk","device":"d"}}"#)).await;
    let (_, texts) = socket.closed().await;
    assert!(texts[0].contains("unauthenticated") && texts[0].contains("sign in by POST /v1/auth/login"), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_named_origins_may_call_and_no_others() {
    let origins = "https://app.example,https://b.example";
    let world = World::dev().set("PARLOR__HTTP__CORS_ORIGINS", origins).await;
    let preflight = |origin: &str| {
        let asks = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,idempotency-key"),
        ];
        block_in_place(|| world.program.ask("OPTIONS", "/v1/rooms", &asks))
    };
    let (status, head, _) = preflight("https://b.example");
    assert_eq!(status, 200);
    for line in ["access-control-allow-origin: https://b.example", "access-control-max-age: 7200"] {
        assert!(head.contains(line), "{head}");
    }
    assert!(head.contains("idempotency-key") && !head.contains("allow-credentials"), "{head}");
    assert!(!preflight("https://evil.example").1.contains("allow-origin"));
    // A refusal, too, may be read by the page.
    let (status, head, _) = block_in_place(|| world.program.ask("GET", "/v1/me", &[("origin", "https://app.example")]));
    assert_eq!(status, 401);
    assert!(head.contains("access-control-allow-origin: https://app.example"), "{head}");
    assert!(head.contains("access-control-expose-headers: x-request-id,retry-after,location"), "{head}");
    let (status, head, body) =
        block_in_place(|| world.program.ask("HEAD", "/v1/gifts", &[("origin", "https://evil.example")]));
    assert!(status == 200 && body.is_empty() && !head.contains("allow-origin"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_names_nobody_is_held_to_its_rate_and_its_users_are_not() {
    let world = World::dev()
        .set("PARLOR__IDENTITY__REQUESTS_PER_MINUTE_USER", 1)
        .set("PARLOR__HTTP__ANONYMOUS_PER_MINUTE_ADDRESS", 2)
        .await;
    let token = world.demo(1).await.0;
    let ask = |headers: &[(&str, &str)]| block_in_place(|| world.program.ask("GET", "/v1/gifts", headers));
    assert_eq!(ask(&[]).0, 200);
    let (status, head, body) = ask(&[]);
    assert!(status == 429 && head.contains("retry-after: 30"), "{head}");
    let problem: Value = serde_json::from_str(&body).expect("a problem");
    assert!(problem["retry_after_ms"].as_u64().is_some_and(|ms| (25_000..=30_001).contains(&ms)), "{problem}");
    // What names nobody is nobody's, however it is put.
    for nobody in ["x", "Bearer x", &format!("Bearer {token}x")] {
        assert_eq!(ask(&[("authorization", nobody)]).0, 429, "{nobody}");
    }
    assert_eq!(ask(&[("authorization", &format!("Bearer {token}"))]).0, 200);
    // A user has a rate of their own, on the open routes too.
    assert_eq!(ask(&[("authorization", &format!("Bearer {token}"))]).0, 429);
    assert_eq!(block_in_place(|| world.program.get("/healthz")).0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_on_the_port_disturbs_nobody() {
    let world = World::dev().await;
    let junk: [&[u8]; 5] = [
        b"\0\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{\"lo",
        b"GET /v1/rooms HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551615\r\n\r\n",
        &[b'A'; 64 * 1024],
    ];
    for bytes in junk {
        let mut stream = TcpStream::connect(world.address).await.expect("it listens");
        // It may hang up in the middle: that is an answer too.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(block_in_place(|| world.program.get("/healthz")).0, 200);
    assert_eq!(block_in_place(|| world.program.get("/readyz")).0, 200);
}
