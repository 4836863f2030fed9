//! Uploads from their announcement to their use, in both kinds of stores, and files that must be refused.

use std::path::PathBuf;

use image::GenericImageView as _;
use parlor::kit::supervise::Supervisor;
use parlor::media::{Media, Settings};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::object_store::{ObjectStore, files};
use super::person::{PNG, Person};
use crate::support::edge;
use crate::support::world::World;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("media-{}", Uuid::now_v7().simple()))
}

/// The tests for both kinds of stores. `public` says whether anybody may read below `public/` of the store.
async fn from_announcement_to_screen(server: &World, public: bool) {
    let (layla, omar) = (Person::new(server, "layla").await, Person::new(server, "omar").await);
    let avatar = layla.upload("avatar", "image/png", PNG).await;
    let address = avatar["address"].as_str().expect("a lasting address");
    assert_eq!(avatar["address_expires_at"], Value::Null);
    if public {
        let picture = omar.read(address).await;
        assert_eq!(
            (picture.status().as_u16(), &picture.headers()["content-type"]),
            (200, &"image/png".parse().expect("a header"))
        );
        assert_eq!(picture.headers()["x-content-type-options"], "nosniff");
        let picture = picture.bytes().await.expect("a body");
        assert_eq!(image::load_from_memory(&picture).expect("a picture").dimensions(), (1, 1));
    }
    // Shown, by an address that stays.
    let id = &avatar["id"];
    assert_eq!(layla.picture().await, None);
    let place = format!("/v1/users/{}/avatar", layla.id);
    assert_eq!(omar.read(&place).await.status(), 404);
    assert_eq!(layla.put("/v1/me/avatar", json!({"upload": id})).await, (200, json!({"address": address})));
    assert!(layla.picture().await.is_some(), "and whoever is shown her name is told of it");
    let shown = omar.read(&place).await;
    assert_eq!((shown.status().as_u16(), shown.headers()["location"].to_str().expect("text")), (302, address));
    // Another's upload, and one for something else, are none.
    let (status, body) = omar.put("/v1/me/avatar", json!({"upload": id})).await;
    assert_eq!((status, &body["code"]), (400, &json!("bad_request")), "{body}");
    assert_eq!(omar.call(Method::GET, &format!("/v1/uploads/{}", id.as_str().expect("text")), None).await.0, 404);

    // A proof is read by its owner's short-lived address alone.
    let proof = layla.upload("proof", "application/pdf", b"%PDF-1.7 paid").await;
    let address = proof["address"].as_str().expect("an address").to_owned();
    assert!(proof["address_expires_at"].is_i64());
    assert_eq!(omar.read(&address).await.bytes().await.expect("a body").as_ref(), b"%PDF-1.7 paid");
    let unsigned = address.split('?').next().expect("a path");
    assert_eq!(omar.read(unsigned).await.status(), 403);
    let (rest, last) = address.split_at(address.len() - 2);
    let forged = format!("{rest}{}{}", if last.starts_with('0') { '1' } else { '0' }, &last[1..]);
    assert!([400, 403].contains(&omar.read(&forged).await.status().as_u16()));
    let (status, body) = layla.put("/v1/me/avatar", json!({"upload": proof["id"]})).await;
    assert_eq!((status, &body["code"]), (400, &json!("bad_request")));

    // A room's logo is its owner's to hang and to take down.
    let room = layla.post("/v1/rooms", json!({"name": "Majlis"})).await.1["id"].as_i64().expect("an id");
    let place = format!("/v1/rooms/{room}/logo");
    let logo = layla.upload("room_logo", "image/png", PNG).await;
    let theirs = omar.upload("room_logo", "image/png", PNG).await;
    assert_eq!(omar.put(&place, json!({"upload": theirs["id"]})).await.0, 403);
    assert_eq!(layla.put(&place, json!({"upload": logo["id"]})).await.0, 200);
    assert_eq!(omar.read(&place).await.status(), 302);
    assert_eq!(omar.call(Method::DELETE, &place, None).await.0, 403);
    for _ in 0..2 {
        assert_eq!(layla.call(Method::DELETE, &place, None).await.0, 204);
    }
    assert_eq!(omar.read(&place).await.status(), 404);
}

/// A file that is not what was announced, or was sent in another way than allowed, is shown nowhere.
async fn what_does_not_fit_is_refused(server: &World) {
    let layla = Person::new(server, "noor").await;
    let page = b"<html><script>alert(1)</script></html>";
    let begun = layla.begin("avatar", "image/png", page.len()).await;
    let (status, early) = layla.complete(&begun).await;
    assert_eq!((status, &early["code"], &early["retry"]), (409, &json!("upload_missing"), &json!("later")));
    assert_eq!(layla.send(&begun, page).await, 200);
    for _ in 0..2 {
        let (status, refused) = layla.complete(&begun).await;
        assert_eq!((status, &refused["code"]), (422, &json!("upload_refused")), "{refused}");
    }
    // Too late: a refused one stays refused, whatever is put there now.
    layla.send(&begun, page).await;
    assert_eq!(layla.complete(&begun).await.0, 422);
    assert_eq!(layla.put("/v1/me/avatar", json!({"upload": begun["id"]})).await.0, 409);

    // More bytes than announced, or of another type: the store itself says no.
    let begun = layla.begin("avatar", "image/png", PNG.len()).await;
    assert_eq!(layla.send(&begun, &[PNG, PNG].concat()).await, 403);
    let mut other = begun.clone();
    other["headers"]["content-type"] = json!("text/html");
    assert_eq!(layla.send(&other, PNG).await, 403);

    // What was checked is what is shown: a second file at the same address changes nothing.
    assert_eq!(layla.send(&begun, PNG).await, 200);
    let (status, upload) = layla.complete(&begun).await;
    assert_eq!(status, 200, "{upload}");
    let swapped: Vec<u8> = PNG.iter().map(|byte| byte ^ 1).collect();
    assert_eq!(layla.send(&begun, &swapped).await, 200);
    assert_eq!(layla.complete(&begun).await, (200, upload));

    for (asked, field) in [
        (json!({"purpose": "avatar", "content_type": "image/svg+xml", "bytes": 10}), "content_type"),
        (json!({"purpose": "avatar", "content_type": "image/png", "bytes": 0}), "bytes"),
        (json!({"purpose": "avatar", "content_type": "image/png", "bytes": 3_000_000}), "bytes"),
        (json!({"purpose": "malware", "content_type": "image/png", "bytes": 10}), "purpose"),
    ] {
        let (status, body) = layla.post("/v1/uploads", asked.clone()).await;
        assert_eq!((status, &body["fields"][0]["field"]), (400, &json!(field)), "{asked}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_lie_in_a_folder_of_this_machine() {
    let folder = folder();
    let server = World::serve().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    from_announcement_to_screen(&server, true).await;
    what_does_not_fit_is_refused(&server).await;
    let incoming = files(&folder.join("incoming"));
    assert!(incoming.len() <= 2, "only what came after its check is left: {incoming:?}");
    std::fs::remove_dir_all(&folder).expect("it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_lie_in_an_object_store() {
    let store = ObjectStore::start().await;
    let server = World::serve().set_all(store.settings()).await;
    from_announcement_to_screen(&server, false).await;
    what_does_not_fit_is_refused(&server).await;
    assert!(store.keys("public").len() >= 3);
    assert!(!server.program.said().contains(super::object_store::KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_for_files_uploads_are_off() {
    let server = World::serve().await;
    let layla = Person::new(&server, "layla").await;
    let asked = json!({"purpose": "avatar", "content_type": "image/png", "bytes": 10});
    let (status, body) = layla.post("/v1/uploads", asked).await;
    assert_eq!((status, &body["code"]), (501, &json!("feature_off")), "{body}");
    assert_eq!(layla.read("/media/public/avatar/a.png").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_shows_is_removed_after_a_day() {
    let folder = folder();
    let server = World::serve().set("PARLOR__MEDIA__FOLDER", folder.display()).await;
    let layla = Person::new(&server, "layla").await;
    let (first, second) =
        (layla.upload("avatar", "image/png", PNG).await, layla.upload("avatar", "image/png", PNG).await);
    for avatar in [&first, &second] {
        assert_eq!(layla.put("/v1/me/avatar", json!({"upload": avatar["id"]})).await.0, 200);
    }
    let never_sent = layla.begin("avatar", "image/png", PNG.len()).await;
    let never_completed = layla.begin("proof", "image/png", PNG.len()).await;
    assert_eq!(layla.send(&never_completed, PNG).await, 200);

    let settings = Settings { folder: Some(folder.clone()), ..Settings::default() };
    let supervisor = Supervisor::default();
    supervisor.stop().cancel(); // by hand here
    let edge = edge(&server.database.app);
    let media = Media::start(&edge, &settings, None, &supervisor).expect("a folder");
    assert_eq!(media.clean_up(&edge).await.expect("cleaned"), 0, "nothing is old");
    sqlx::query("update uploads set created_at = created_at - interval '25 hours'")
        .execute(&server.database.superuser)
        .await
        .expect("updated");
    assert_eq!(media.clean_up(&edge).await.expect("cleaned"), 3);
    for gone in [&first, &never_sent, &never_completed] {
        let path = format!("/v1/uploads/{}", gone["id"].as_str().expect("an id"));
        assert_eq!(layla.call(Method::GET, &path, None).await.0, 404);
    }
    assert_eq!(files(&folder).len(), 1, "the avatar that is shown");
    assert_eq!(layla.read(second["address"].as_str().expect("an address")).await.status(), 200);
    std::fs::remove_dir_all(&folder).expect("it is there");
}
