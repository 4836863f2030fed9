//! Serves the objects of a local folder over HTTP, as an object store would. If the server has an object store, these
//! routes answer `not_found`.

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parlor_protocol::{ErrorBody, ErrorCode};
use serde::Deserialize;

use super::Media;
use crate::http::{ValidPath, ValidQuery};
use crate::kit::edge::Edge;
use crate::kit::error::{Error, Result};

/// The query of a signed address. A public object is read without it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    until: Option<i64>,
    signature: Option<String>,
}

impl Signed {
    fn pair(&self) -> Option<(i64, &str)> {
        self.until.zip(self.signature.as_deref())
    }
}

pub(super) async fn put(
    State(media): State<Media>,
    edge: Edge,
    ValidPath(key): ValidPath<String>,
    ValidQuery(signed): ValidQuery<Signed>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode> {
    let folder = media.folder().ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (content_type, length) = (text(header::CONTENT_TYPE), text(header::CONTENT_LENGTH).parse().unwrap_or(0));
    let allowed = signed.pair().is_some_and(|pair| folder.allows_put(&key, (content_type, length), pair, edge.now()));
    if !allowed {
        return Err(not_signed());
    }
    let bytes = to_bytes(body, media.largest()).await.map_err(|_| Error::new(ErrorCode::TooLarge))?;
    folder.write(&key, &bytes).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn get(
    State(media): State<Media>,
    edge: Edge,
    ValidPath(key): ValidPath<String>,
    ValidQuery(signed): ValidQuery<Signed>,
) -> Result<Response> {
    let folder = media.folder().filter(|_| is_of_a_plane(&key)).ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    if !folder.allows_get(&key, signed.pair(), edge.now()) {
        return Err(not_signed());
    }
    let bytes = folder.read(&key, media.largest()).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let content_type = match key.rsplit('.').next() {
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    };
    let kept = if signed.pair().is_none() { "public, max-age=31536000, immutable" } else { "private, no-store" };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, kept),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    Ok((headers, bytes).into_response())
}

/// Whether the key is one of those that objects have.
fn is_of_a_plane(key: &str) -> bool {
    ["public/", "private/", "incoming/"].iter().any(|plane| key.starts_with(plane))
}

fn not_signed() -> Error {
    ErrorBody::new(ErrorCode::Forbidden).message("the address is not signed for this request, or has expired").into()
}
