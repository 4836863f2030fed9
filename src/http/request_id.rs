//! The id of a request: the client's, if it is safe to log, or a new UUID. It stands in the request's span, in the
//! headers of the answer, and in every problem.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::kit::edge::Edge;
use crate::telemetry::metric;

/// The header of requests and answers that has the id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The most characters of an id that a client brings.
const MAX_CHARS: usize = 64;

/// The id of a request, which the request carries as an extension.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the value of a header.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is made of letters, digits and -_.")
    }

    /// The id that the client brought in its header, if it is safe to log, or a new one.
    pub fn of(brought: Option<&[u8]>, now: Timestamp, chance: &Chance) -> Self {
        let brought = brought.and_then(|id| std::str::from_utf8(id).ok()).filter(|id| is_sane(id));
        brought.map_or_else(|| Self(chance.id_at(now).to_string().into()), |id| Self(id.into()))
    }
}

/// Whether an id is safe: 8 to 64 letters, digits, `-`, `_` and `.`, which cannot be misread in a log or a header.
fn is_sane(id: &str) -> bool {
    (8..=MAX_CHARS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Middleware: gives the request its id and its span. The span has the route and not the path or query, because ids,
/// tokens and search words in these must not be logged.
pub async fn name_request(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let brought = request.headers().get(X_REQUEST_ID).map(HeaderValue::as_bytes);
    let id = RequestId::of(brought, edge.now(), edge.chance());
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        request.id = id.as_str(),
        method = %request.method(),
        route,
        room.id = room(route, request.uri().path()),
        // These are recorded by the handler's extractors when they are known.
        user.id = Empty,
        op = Empty,
    );
    request.extensions_mut().insert(id.clone());
    let started = Instant::now();
    async move {
        let mut response = next.run(request).await;
        let took = started.elapsed();
        metric::HTTP_REQUESTS.add_of(class(response.status()), 1);
        metric::HTTP_TIMES.record_time(took);
        let duration_ms = took.as_millis() as u64;
        tracing::debug!(status = response.status().as_u16(), duration_ms, "a request was answered");
        response.headers_mut().insert(X_REQUEST_ID, id.header());
        response
    }
    .instrument(span)
    .await
}

/// The id of the room that a path names, found by the place of `{id}` in its route.
fn room(route: &str, path: &str) -> Option<i64> {
    let at = route.split('/').zip(route.split('/').skip(1)).position(|two| two == ("rooms", "{id}"))? + 1;
    path.split('/').nth(at)?.parse().ok()
}

/// The label of the metric for the class of a status.
fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::{is_sane, room};

    #[test]
    fn the_span_has_the_room_that_the_path_names() {
        assert_eq!(room("/v1/rooms/{id}/token", "/v1/rooms/104233871/token"), Some(104_233_871));
        assert_eq!(room("/v1/staff/rooms/{id}/kicks", "/v1/staff/rooms/104233871/kicks"), Some(104_233_871));
        assert_eq!(room("/v1/rooms/{id}", "/v1/rooms/a-word"), None);
        assert_eq!(room("/v1/users/{id}", "/v1/users/104233871"), None);
        assert_eq!(room("-", "/v1/rooms/104233871"), None);
    }

    #[test]
    fn an_id_that_could_be_misread_in_a_log_is_not_used() {
        assert!(is_sane("0199b1c2-7d1e-7000-8000-000000000000") && is_sane("edge_42.a-b"));
        for id in ["", "short", "has space in it", "a\"quoted\"one", "new\nline-here", &"x".repeat(65)] {
            assert!(!is_sane(id), "{id:?}");
        }
    }
}
