//! Uploads for tests of other things.

use std::path::PathBuf;

use hyper::Method;
use serde_json::json;
use uuid::Uuid;

use crate::media::person::PNG;
use crate::support::world::World;

/// A folder of the test's own for files.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("media-{}", Uuid::now_v7().simple()))
}

/// The id of a picture that was uploaded for this purpose and found good.
pub async fn ready(world: &World, token: &str, purpose: &str) -> String {
    let asked = json!({"purpose": purpose, "content_type": "image/png", "bytes": PNG.len()});
    let (status, begun) = world.post("/v1/uploads", token, asked).await;
    assert_eq!(status, 201, "{begun}");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let address = format!("http://{}{}", world.address, begun["url"].as_str().expect("an address"));
    let put = reqwest::Client::new().put(address).header("content-type", "image/png").body(PNG).send().await;
    assert_eq!(put.expect("it answers").status(), 200);
    let id = begun["id"].as_str().expect("an id").to_owned();
    let (status, upload) =
        world.call(Method::POST, &format!("/v1/uploads/{id}/complete"), token, Some(json!({}))).await;
    assert_eq!(status, 200, "{upload}");
    id
}
