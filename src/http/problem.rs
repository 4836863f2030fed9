//! The form of all errors of REST: `application/problem+json` (RFC 9457) with the protocol's code.
//!
//! A handler's error becomes a response that carries the error with it. The middleware [`edge`] then logs a fault once,
//! with the request's id, and writes the body. The cause of a fault is never sent.

use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parlor_protocol::error::FieldError;
use parlor_protocol::seating::SettledHand;
use parlor_protocol::{ErrorBody, ErrorCode, Retry};
use serde::Serialize;
use utoipa::ToSchema;

use super::RequestId;
use crate::kit::error::Error;

/// The content type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The body of every REST error: the members of RFC 9457 and those of the protocol's error.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// The kind of problem: `urn:parlor:error:` and the code. It is a name and not an address.
    #[serde(rename = "type")]
    kind: String,
    /// The code in words, the same for every problem of the kind.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A sentence for the developer.
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    /// The request's id, under which a fault is in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    /// The stable code, the only member by which a program should decide.
    code: ErrorCode,
    /// What the client may do with the same operation.
    retry: Retry,
    /// With `retry: later`: milliseconds to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// With `bad_request`: the fields that are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: &'a [FieldError],
    /// With `insufficient_funds`: the balance in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
    /// With `insufficient_funds`: what is missing, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    shortfall: Option<i64>,
    /// With `kicked`, and with `suspended` unless it is for good: Unix milliseconds until which it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    /// With `suspended`: the reason, in the words of the member of staff, for the user to read.
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    /// With `hand_settled`: what became of the hand, and who decided, as far as the room still knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<&'a SettledHand>,
    /// Whether this is the first answer to the operation, given again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
}

impl<'a> Problem<'a> {
    /// The problem for this error. `instance` is the request's id.
    pub fn new(body: &'a ErrorBody, status: StatusCode, instance: Option<&'a str>) -> Self {
        let name = body.code.name();
        let mut title = name.replace('_', " ");
        title[..1].make_ascii_uppercase();
        Self {
            kind: format!("urn:parlor:error:{name}"),
            title,
            status: status.as_u16(),
            detail: &body.message,
            instance,
            code: body.code,
            retry: body.retry,
            retry_after_ms: body.retry_after_ms,
            fields: &body.fields,
            balance: body.balance,
            shortfall: body.shortfall,
            until: body.until,
            reason: &body.reason,
            settled: body.settled.as_deref(),
            replayed: body.replayed,
        }
    }
}

/// The error on its way from the handler to the edge.
#[derive(Clone)]
struct Carried(Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.body.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = written(&self.body, status, None);
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}

/// The problem as a whole answer, for a listener without the middleware of the server.
pub fn problem_of(body: &ErrorBody) -> Response {
    written(body, StatusCode::from_u16(body.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), None)
}

fn written(body: &ErrorBody, status: StatusCode, instance: Option<&str>) -> Response {
    let mut response = (status, Json(Problem::new(body, status, instance))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Some(ms) = body.retry_after_ms {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
    }
    if status == StatusCode::UNAUTHORIZED {
        // A 401 must name an authentication scheme (RFC 9110, section 11.6.1).
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Middleware: logs faults, adds the request's id to every problem, and gives the framework's own refusals (no such
/// path, wrong method) the same form.
pub async fn edge(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let instance = id.as_ref().map(RequestId::as_str);
    let response = next.run(request).await;
    let status = response.status();
    if let Some(Carried(error)) = response.extensions().get::<Carried>().cloned() {
        if let Some(source) = &error.source {
            log_fault(&error.body, source.as_ref(), instance);
        }
        return rewritten(response, &error.body, instance);
    }
    if status.is_client_error() || status.is_server_error() {
        return rewritten(response, &ErrorBody::new(code_of(status)), instance);
    }
    response
}

/// The response with this problem as its body; its other headers are kept.
fn rewritten(response: Response, body: &ErrorBody, instance: Option<&str>) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let written = written(body, parts.status, instance);
    for (name, value) in written.headers() {
        parts.headers.insert(name, value.clone());
    }
    Response::from_parts(parts, written.into_body())
}

fn log_fault(body: &ErrorBody, source: &(dyn std::error::Error + 'static), instance: Option<&str>) {
    let (code, request) = (body.code.name(), instance.unwrap_or("-"));
    if body.code == ErrorCode::Internal {
        tracing::error!(
            request.id = request,
            code,
            error = source,
            "a request failed because of a fault of the server"
        );
    } else {
        tracing::warn!(request.id = request, code, error = source, "a request could not be served for now");
    }
}

/// The code for a refusal of the framework, which has only a status.
fn code_of(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
        StatusCode::UNAUTHORIZED => ErrorCode::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorCode::Forbidden,
        StatusCode::TOO_MANY_REQUESTS => ErrorCode::RateLimited,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => ErrorCode::Timeout,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Busy,
        status if status.is_server_error() => ErrorCode::Internal,
        _ => ErrorCode::BadRequest,
    }
}
