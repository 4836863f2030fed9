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
    assert_eq!(page["items"][0].get("due_at"), None, "it is not due any more");
    assert_eq!(page.get("next"), None);
    assert_eq!(world.get("/v1/staff/jobs?state=asleep", &token).await.0, 400);

    let (status, _) = world.post(&format!("/v1/staff/jobs/{first}/retry"), &token, json!({})).await;
    assert_eq!(status, 204);
    let (_, page) = world.get("/v1/staff/jobs?state=waiting", &token).await;
    assert_eq!((&page["items"][0]["id"], &page["items"][0]["attempts"]), (&json!(first), &json!(0)));
    let emptied = world.job("failed").await;
    let empty = "update jobs set payload = '{\"emptied\": true}' where id = $1";
    sqlx::query(empty).bind(emptied).execute(&world.database.superuser).await.expect("changed");
    let (one, other) = (world.job("failed").await, world.job("failed").await);
    let alike = "update jobs set unique_by = 'layla', kind = 'tests.alike' where id in ($1, $2)";
    sqlx::query(alike).bind(one).bind(other).execute(&world.database.superuser).await.expect("changed");
    let retry = async |job: i64| world.post(&format!("/v1/staff/jobs/{job}/retry"), &token, json!({})).await;
    // Two that may not wait together, at one time: one of them is told why it cannot.
    let both = tokio::join!(retry(one), retry(other));
    let (retried, refused) = if both.0.0 == 204 { both } else { (both.1, both.0) };
    assert_eq!((retried.0, refused.0), (204, 409), "{refused:?}");
    let refused = if world.job_state(one).await == "waiting" { other } else { one };
    for (job, why) in [
        (first, "it waits or runs"),
        (done, "the job was done"),
        (emptied, "emptied when it failed"),
        (refused, "another job like it waits or runs"),
    ] {
        let (status, answer) = retry(job).await;
        assert_eq!((status, &answer["code"]), (409, &json!("cannot_retry")), "{answer}");
        assert!(answer["detail"].as_str().is_some_and(|detail| detail.contains(why)), "{why}: {answer}");
    }
    let (status, answer) = retry(999_999).await;
    assert_eq!((status, &answer["code"]), (404, &json!("not_found")));
    let (_, acts) = world.get("/v1/staff/audit", &admin).await;
    let act = &acts["items"][1];
    assert_eq!((&act["act"], &act["actor"]), (&json!("job.retried"), &json!(manager)));
    assert_eq!(act["detail"], json!({"job": first, "kind": "tests.nothing"}));
    assert_eq!(acts["items"].as_array().map(Vec::len), Some(2), "what was refused is not in it");
}
