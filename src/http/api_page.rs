//! The page for browsing the description of the API: swagger-ui, with all its files from this server.

use axum::Router;
use axum::http::{HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The path of the page.
const PAGE: &str = "/docs/api";
/// The content security policy of the page: it may load only this server's files, and no other page may frame it.
/// Swagger-ui sets styles on its elements and has its icons in `data:` URLs, so these are allowed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the page and its files. The page reads the description at this path.
pub fn routes<S: Clone + Send + Sync + 'static>(description: &'static str) -> Router<S> {
    // The validator is a service on the internet, which would learn this server's address.
    let config = Config::from(description).validator_url("none").persist_authorization(false);
    let page = SwaggerUi::new(PAGE).config(config.display_operation_id(true).default_models_expand_depth(0));
    let header = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::from(page)
        .layer(header(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
}
