//! A page to browse the description of the API with: swagger-ui, all of it from this server.

use axum::Router;
use axum::http::{HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the page is.
const PAGE: &str = "/docs/api";
/// What the page may load: this server's files. Swagger-ui sets styles at its elements and has its icons
/// in `data:`; it asks no other host, and no other page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its files; it reads the description at this address.
pub fn routes<S: Clone + Send + Sync + 'static>(description: &'static str) -> Router<S> {
    // The validator is a service of others, which would be told of this server's address.
    let config = Config::from(description).validator_url("none").persist_authorization(false);
    let page = SwaggerUi::new(PAGE).config(config.display_operation_id(true).default_models_expand_depth(0));
    let header = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::from(page)
        .layer(header(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
}
