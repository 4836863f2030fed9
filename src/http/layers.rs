//! The middleware around every REST route.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use parlor_protocol::ErrorCode;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::gather::{Bodies, whole_body};
use super::{Settings, cors, problem, proxy, request_id};
use crate::kit::edge::Edge;
use crate::kit::error::Error;

/// The routes with the middleware around them. It is called once, around the whole API, so that a request which no
/// route answers is answered in the same form.
pub fn around<S: Clone + Send + Sync + 'static>(
    routes: impl Into<Router<S>>,
    settings: &Settings,
    edge: Edge,
) -> Router<S> {
    let proxies = proxy::Proxies::of(settings);
    // The layer that is added last is the outermost.
    routes
        .into()
        .layer(DefaultBodyLimit::max(settings.body_bytes))
        .layer(from_fn_with_state(proxies, proxy::find_client))
        .layer(from_fn_with_state(Bodies::of(settings), whole_body))
        .layer(from_fn_with_state(settings.timeout(), in_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(if_absent(header::CACHE_CONTROL, "no-store"))
        .layer(if_absent(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(from_fn(problem::edge))
        .layer(option_layer(cors::layer(&settings.cors_origins)))
        .layer(from_fn_with_state(edge, request_id::name_request))
}

/// Sets a header of the response, unless it has that header already.
fn if_absent(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Answers `timeout` if the request takes longer than its limit.
async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Error::new(ErrorCode::Timeout).into_response(),
    }
}

/// Turns the panic of a handler into an internal fault.
fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response {
    let words = payload.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| payload.downcast_ref::<&'static str>().copied()).unwrap_or("of unknown kind");
    Error::internal(format!("a handler panicked: {words}")).into_response()
}
