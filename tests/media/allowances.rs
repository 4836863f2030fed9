//! What one user may upload in a day, and what goes when nothing shows it.

use std::path::PathBuf;

use hyper::Method;
use parlor::kit::supervise::Supervisor;
use parlor::media::{Media, Settings};
use serde_json::json;
use uuid::Uuid;

use super::person::Person;
use crate::support::edge;
use crate::support::world::World;

const PAID: &[u8] = b"%PDF-1.7 paid";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("allowances-{}", Uuid::now_v7()))
}

async fn announced(person: &Person, bytes: u32) -> u16 {
    let asked = json!({"purpose": "proof", "content_type": "application/pdf", "bytes": bytes});
    let (status, answer) = person.post("/v1/uploads", asked).await;
    if status != 201 {
        assert_eq!((status, answer["code"].as_str()), (429, Some("rate_limited")), "{answer}");
        assert!(answer["retry_after_ms"].as_i64().is_some_and(|ms| ms > 86_000_000), "{answer}");
    }
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_uploads_so_many_files_and_bytes_a_day() {
    let folder = folder();
    let world = World::serve().roomy().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let (many, large) = (Person::new(&world, "many").await, Person::new(&world, "large").await);
    let small = futures_util::future::join_all((0..60).map(|_| announced(&many, 100))).await;
    assert_eq!(small.iter().filter(|status| **status == 201).count(), 50, "at once as one after the other");
    for _ in 0..20 {
        assert_eq!(announced(&large, 10 << 20).await, 201);
    }
    assert_eq!(announced(&large, 1).await, 429, "200 MiB are announced");
    world.superuser("update usages set at = at - interval '1 day'").await;
    for person in [&many, &large] {
        assert_eq!(announced(person, 10 << 20).await, 201);
    }
    std::fs::remove_dir_all(&folder).expect("it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_nothing_shows_is_removed_after_a_month() {
    let folder = folder();
    let world = World::serve().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let layla = Person::new(&world, "layla").await;
    let proof = layla.upload("proof", "application/pdf", PAID).await;
    let path = format!("/v1/uploads/{}", proof["id"].as_str().expect("an id"));
    let supervisor = Supervisor::default();
    supervisor.stop().cancel(); // by hand here
    let edge = edge(&world.database.app);
    let settings = Settings { folder: Some(folder.clone()), ..Settings::default() };
    let media = Media::start(&edge, &settings, None, &supervisor).expect("a folder");
    world.superuser("update uploads set created_at = created_at - interval '29 days'").await;
    assert_eq!(media.clean_up(&edge).await.expect("cleaned"), 0);
    assert_eq!(layla.call(Method::GET, &path, None).await.0, 200);
    world.superuser("update uploads set created_at = created_at - interval '25 hours'").await;
    assert_eq!(media.clean_up(&edge).await.expect("cleaned"), 1);
    assert_eq!(layla.call(Method::GET, &path, None).await.0, 404);
    std::fs::remove_dir_all(&folder).expect("it is there");
}
