//! Every address of the server, on one page.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use sqlx::{Connection, PgPool};

use crate::app::{App, Mode};
use crate::config::Settings;
use crate::economy::{gift, ledger};
use crate::{gateway, http, identity, media, room};

/// What the playground may load: its own files and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes, with what stands around them.
pub fn router(app: App, settings: &Settings, mode: Mode) -> Router {
    let mut routes = Router::new()
        .merge(identity::routes())
        .merge(room::routes())
        .merge(ledger::routes::routes())
        .merge(gift::routes::routes())
        .merge(media::routes())
        .route("/v1/socket", get(gateway::socket))
        .route("/healthz", get(StatusCode::OK))
        .route("/readyz", get(readyz));
    if mode == Mode::Dev {
        routes = routes.merge(playground());
    }
    http::layers::around(routes, &settings.http).with_state(app)
}

/// 200 while new work is taken and the store answers within a second.
async fn readyz(State(app): State<App>, State(pool): State<PgPool>) -> StatusCode {
    let asked = async { pool.acquire().await?.ping().await };
    match tokio::time::timeout(Duration::from_secs(1), asked).await {
        Ok(Ok(())) if app.is_serving() => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn playground() -> Router<App> {
    macro_rules! file {
        ($name:literal, $kind:literal) => {
            get(|| async { page($kind, include_str!(concat!("../playground/", $name))) })
        };
    }
    Router::new()
        .route("/", file!("index.html", "text/html; charset=utf-8"))
        .route("/playground/app.js", file!("app.js", "text/javascript; charset=utf-8"))
        .route("/playground/client.js", file!("client.js", "text/javascript; charset=utf-8"))
        .route("/playground/style.css", file!("style.css", "text/css; charset=utf-8"))
}

fn page(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text)
}
