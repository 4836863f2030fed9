//! What the staff can see of jobs, and which jobs it may have tried again.

use serde_json::json;

use crate::support::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_jobs_are_listed_without_their_payload_and_a_retry_is_in_the_audit_log() {
    let world = World::new().await;
    let (manager, token) = world.entered("manager").await;
    let (_, admin) = world.entered("admin").await;
    let (first, done, second) = (world.job("failed").await, world.job("done").await, world.job("failed").await);

    let (status, page) = world.get("/v1/staff/jobs?state=failed&limit=1", &token).await;
    assert_eq!(
        (status, &page["items"][0]["id"], &page["items"][0]["kind"]),
        (200, &json!(second), &json!("tests.nothing"))
    );
    assert!(!page.to_string().contains("layla"), "{page}");
    let cursor = page["next"].as_str().expect("there is another one");
    let (_, page) = world.get(&format!("/v1/staff/jobs?state=failed&limit=1&cursor={cursor}"), &token).await;
    assert_eq!((&page["items"][0]["id"], &page["items"][0]["can_retry"]), (&json!(first), &json!(true)));
    assert_eq!(page.get("next"), None);
    assert_eq!(world.get("/v1/staff/jobs?state=asleep", &token).await.0, 400);

    let (status, _) = world.post(&format!("/v1/staff/jobs/{first}/retry"), &token, json!({})).await;
    assert_eq!(status, 204);
    let (_, page) = world.get("/v1/staff/jobs?state=waiting", &token).await;
    assert_eq!((&page["items"][0]["id"], &page["items"][0]["attempts"]), (&json!(first), &json!(0)));
    for job in [first, done, 999_999] {
        let (status, answer) = world.post(&format!("/v1/staff/jobs/{job}/retry"), &token, json!({})).await;
        assert_eq!((status, &answer["code"]), (404, &json!("not_found")), "{job}");
    }
    let (_, acts) = world.get("/v1/staff/audit", &admin).await;
    let act = &acts["items"][0];
    assert_eq!((&act["act"], &act["actor"]), (&json!("job.retried"), &json!(manager)));
    assert_eq!(act["detail"], json!({"job": first, "kind": "tests.nothing"}));
    assert_eq!(acts["items"].as_array().map(Vec::len), Some(1), "what was refused is not in it");
}
