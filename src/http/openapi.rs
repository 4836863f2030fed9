//! The description of every route in OpenAPI 3.1, made of the attributes at the handlers.
//!
//! This file adds what all operations share: the security scheme, and the problems that an operation may answer. Most
//! of these follow from what the operation takes; it names its own in `x-errors`, which are turned into responses here
//! (see [`super`]).

use std::collections::BTreeMap;

use axum::http::StatusCode;
use parlor_protocol::{ErrorBody, ErrorCode, Op, Retry};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

use super::idempotency::IDEMPOTENCY_KEY;
use super::problem::{PROBLEM_JSON, Problem};

/// The name of the security scheme of signed-in users.
const BEARER: &str = "bearer";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parlor",
        description = "A real-time room and messaging server for live-audio social apps. What happens live comes over \
                       the socket (`GET /v1/socket`, subprotocol `parlor.v1.json`); all else is here. Errors are \
                       `application/problem+json` with a stable `code`, the same as on the socket.",
        license(name = "MIT", identifier = "MIT"),
    ),
    components(schemas(Problem<'static>, Op)),
    servers((url = "/", description = "this server")),
    tags(
        (name = "accounts", description = "Accounts, profiles, and signing in."),
        (name = "rooms", description = "Rooms, and what is done in them."),
        (name = "gifts", description = "The catalogue of gifts, and the gifts of a room."),
        (name = "media", description = "Files that users upload, and where they are shown."),
        (name = "wallet", description = "Balances, their history, and transfers."),
        (name = "staff", description = "Operations of the platform's staff; each has its own permission."),
    ),
)]
struct Shared;

/// The OpenAPI document of these routes.
pub fn document(routes: utoipa::openapi::OpenApi) -> Value {
    let mut api = Shared::openapi();
    api.merge(routes);
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("The access token of a sign-in.".to_owned());
    api.components.get_or_insert_default().add_security_scheme(BEARER, SecurityScheme::Http(bearer));
    let mut document = serde_json::to_value(api).expect("a document has string keys");
    let mut codes = BTreeMap::new();
    for operation in operations(&mut document) {
        complete(operation, &mut codes);
    }
    document["components"]["examples"] = codes.into_values().collect::<Map<_, _>>().into();
    document
}

/// Every operation of a document.
fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().expect("a document has paths");
    paths.values_mut().flat_map(|path| path.as_object_mut().expect("a path has methods").values_mut())
}

/// Completes the description of an operation, and adds an example of each code that it may answer to `examples`.
fn complete(operation: &mut Value, examples: &mut BTreeMap<&'static str, (String, Value)>) {
    if operation["security"].is_null() {
        operation["security"] = json!([{ BEARER: [] }]);
    }
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        // A query parameter or header can be absent, but it cannot be null.
        if parameter["in"] != "path" {
            without_null(&mut parameter["schema"]);
        }
    }
    let mut by_status = BTreeMap::<u16, Vec<ErrorCode>>::new();
    for code in ErrorCode::ALL.iter().filter(|code| answers(operation, **code)) {
        by_status.entry(code.status()).or_default().push(*code);
        examples.entry(code.name()).or_insert_with(|| (code.name().to_owned(), json!({ "value": example(*code) })));
    }
    let operation = operation.as_object_mut().expect("an operation is an object");
    operation.remove("x-errors");
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut).expect("it answers something");
    for (status, codes) in by_status {
        responses.insert(status.to_string(), response(status, &codes));
    }
}

/// Whether an operation may be refused with this code, by its description.
fn answers(operation: &Value, code: ErrorCode) -> bool {
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let takes = |place: &str| parameters().any(|parameter| parameter["in"] == place);
    let has_body = operation["requestBody"].is_object();
    let is_signed_in = operation["security"] != json!([{}]);
    let key = parameters().find(|parameter| parameter["name"] == IDEMPOTENCY_KEY);
    let by_what_it_takes = match code {
        ErrorCode::BadRequest => has_body || takes("query") || takes("header"),
        ErrorCode::TooLarge | ErrorCode::UnsupportedMediaType | ErrorCode::Busy => has_body,
        ErrorCode::NotFound => takes("path"),
        ErrorCode::Unauthenticated | ErrorCode::TokenExpired | ErrorCode::Suspended => is_signed_in,
        ErrorCode::Forbidden => operation["tags"][0] == "staff",
        ErrorCode::OperationConflict => key.is_some(),
        ErrorCode::OperationRequired => key.is_some_and(|key| key["required"] == true),
        ErrorCode::RateLimited | ErrorCode::StoreUnavailable | ErrorCode::Timeout | ErrorCode::Internal => true,
        _ => false,
    };
    let named = operation["x-errors"].as_array().is_some_and(|codes| codes.iter().any(|named| named == code.name()));
    by_what_it_takes || named
}

fn response(status: u16, codes: &[ErrorCode]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
    let examples: Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/examples/{name}")})))
        .collect();
    let schema = json!({"allOf": [
        {"$ref": "#/components/schemas/Problem"},
        {"type": "object", "properties": {"code": {"type": "string", "enum": names}}},
    ]});
    let words: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let mut response = json!({
        "description": words.join(", "),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
    });
    if codes.iter().any(|code| code.retry() == Retry::Later) {
        let seconds = json!({"type": "integer", "minimum": 0});
        let header = json!({"description": "seconds to wait; `retry_after_ms` says it exactly", "schema": seconds});
        response["headers"] = json!({ "Retry-After": header });
    }
    if status == StatusCode::UNAUTHORIZED.as_u16() {
        response["headers"] = json!({"WWW-Authenticate": {"schema": {"type": "string"}}});
    }
    response
}

/// An example of a problem with this code.
fn example(code: ErrorCode) -> Value {
    let body = match code {
        ErrorCode::BadRequest => ErrorBody::new(code)
            .message("some fields of the request are wrong; `fields` names them")
            .field("name", "1 to 60 characters, not blank"),
        ErrorCode::InsufficientFunds => ErrorBody::insufficient_funds(40, 59),
        ErrorCode::Kicked => ErrorBody::kicked(1_790_000_600_000),
        ErrorCode::Suspended => ErrorBody::suspended(Some(1_790_086_400_000), "spam"),
        ErrorCode::RateLimited => ErrorBody::new(code).retry_after_ms(1_840),
        _ => ErrorBody::new(code),
    };
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    serde_json::to_value(Problem::new(&body, status, Some("0199b1c2-7d1e-7000-8000-000000000000")))
        .expect("a problem has string keys")
}

/// Removes null from the values that a schema allows.
fn without_null(schema: &mut Value) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &kinds[..] {
            schema["type"] = kind.clone();
        }
    }
    if let Some(Value::Array(forms)) = schema.get_mut("oneOf") {
        forms.retain(|form| form["type"] != "null");
        if let [form] = &forms[..] {
            *schema = form.clone();
        }
    }
}
