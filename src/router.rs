//! Every route of the server, on one page.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRef, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use sqlx::Connection;
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;

use crate::app::{App, Mode, demo_accounts};
use crate::config::Settings;
use crate::economy::{coin_request, gift, ledger, transfer};
use crate::identity::Identity;
use crate::identity::current::count::{self, Anonymous};
use crate::kit::edge::Edge;
use crate::{admin, gateway, http, identity, media, room};

/// The content security policy of the served pages: they may load the server's own files and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The path of the API's description.
const DESCRIPTION: &str = "/v1/openapi.json";

/// For how long `/readyz` goes by one answer of the store.
const READY_FOR: Duration = Duration::from_secs(1);

/// A handler that serves a file of the repository, as it was when the program was built.
macro_rules! file {
    ($place:literal, $kind:literal) => {
        get(|| async { page($kind, include_str!(concat!("../", $place))) })
    };
}

/// All routes, with the middleware around them.
pub fn router(app: App, settings: &Settings, mode: Mode) -> Router {
    let (api, described) = api().split_for_parts();
    let described = Bytes::from(text(&http::openapi::document(described)));
    let anonymous = Anonymous::per_minute(settings.http.anonymous_per_minute_address);
    let store = Answered::default();
    let counted = (anonymous, Identity::from_ref(&app), Edge::from_ref(&app));
    let mut routes = api
        .layer(from_fn_with_state(counted, count::count))
        .route(DESCRIPTION, get(async || ([(header::CONTENT_TYPE, "application/json")], described)))
        .route("/v1/asyncapi.json", file!("protocol/schema/asyncapi.v1.json", "application/json"))
        .route("/media/{*key}", media::files())
        .route("/v1/socket", get(gateway::refused))
        .route("/healthz", get(StatusCode::OK))
        .route("/readyz", get(async move |State(app): State<App>, edge: Edge| readyz(&app, &edge, &store).await));
    if settings.server.playground.unwrap_or(mode == Mode::Dev) {
        routes = routes.merge(playground(mode));
    }
    if settings.http.api_page.unwrap_or(mode == Mode::Dev) {
        routes = routes.merge(http::api_page::routes(DESCRIPTION)).merge(socket_page());
    }
    http::layers::around(routes, &settings.http, Edge::from_ref(&app)).with_state(app)
}

/// The routes of the API. Each is registered together with its description in OpenAPI.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(identity::routes())
        .merge(room::routes())
        .merge(ledger::routes::routes())
        .merge(gift::routes::routes())
        .merge(transfer::routes::routes())
        .merge(coin_request::routes::routes())
        .merge(media::routes())
        .merge(gateway::routes())
        .merge(admin::routes())
}

/// The description of the API as OpenAPI 3.1 JSON, the same that is served and that `docs/openapi.json` holds.
pub fn openapi() -> String {
    text(&http::openapi::document(api().into_openapi()))
}

fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

/// The routes of the metrics' listener, which has an address of its own: `/metrics`, in Prometheus' text format.
pub fn metrics(render: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
    const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";
    Router::new().route("/metrics", get(async move || ([(header::CONTENT_TYPE, KIND)], render())))
}

/// 200 while the server takes new work, its lease is proven, the ledger has a connection, and the store answers within
/// a second; 503 otherwise.
async fn readyz(app: &App, edge: &Edge, store: &Answered) -> StatusCode {
    let ping = async {
        let mut conn = edge.read().await.ok()?;
        conn.ping().await.ok()
    };
    let asked = async { matches!(tokio::time::timeout(Duration::from_secs(1), ping).await, Ok(Some(()))) };
    if store.answered(asked).await && app.is_serving() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// The store's last answer for `/readyz`. Anybody may call that as often as they like, so the store is asked at most
/// once a second, by one request at a time.
#[derive(Clone, Default)]
struct Answered(Arc<Mutex<Option<(Instant, bool)>>>);

impl Answered {
    async fn answered(&self, asked: impl Future<Output = bool>) -> bool {
        let mut last = self.0.lock().await;
        match *last {
            Some((at, answered)) if at.elapsed() < READY_FOR => answered,
            _ => {
                let answered = asked.await;
                *last = Some((Instant::now(), answered));
                answered
            }
        }
    }
}

/// The playground. Only `dev` has demo users, so only there does the page offer them.
fn playground(mode: Mode) -> Router<App> {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    const STYLE: &str = "text/css; charset=utf-8";
    macro_rules! files {
        ($($from:literal => $to:literal, $kind:ident, $($name:literal)*;)*) => {
            [$($(($kind, concat!($to, $name), include_str!(concat!("../", $from, $name))),)*)*]
        };
    }
    let files = files! {
        "playground/" => "/playground/", SCRIPT, "app.js" "asked.js" "chat.js" "dom.js" "frames.js" "gifts.js" "link.js"
            "lobby.js" "measures.js" "news.js" "people.js" "profile.js" "room.js" "rules.js" "seats.js" "signin.js" "state.js" "wallet.js" "words.js";
        "playground/" => "/playground/", STYLE, "style.css" "views.css" "room.css" "frames.css";
        "clients/js/src/" => "/playground/client/", SCRIPT, "answer.js" "client.js" "connection.js" "index.js"
            "listeners.js" "rest.js" "room.js" "session.js" "wire.js";
    };
    let demo = Json(if mode == Mode::Dev { demo_accounts() } else { Vec::new() });
    let index = Router::new()
        .route("/", file!("playground/index.html", "text/html; charset=utf-8"))
        .route("/playground/demo.json", get(async move || demo));
    files.into_iter().fold(index, |routes, (kind, path, text)| routes.route(path, get(async move || page(kind, text))))
}

/// The page that documents the socket, as `./parlor schema` has written it.
fn socket_page() -> Router<App> {
    Router::new()
        .route("/docs/socket", file!("protocol/page/socket.html", "text/html; charset=utf-8"))
        .route("/docs/socket.css", file!("protocol/page/socket.css", "text/css; charset=utf-8"))
        .route("/docs/socket.js", file!("protocol/page/socket.js", "text/javascript; charset=utf-8"))
}

fn page(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::{Answered, READY_FOR};

    #[tokio::test(start_paused = true)]
    async fn the_store_is_asked_once_a_second_however_often_readiness_is_asked_for() {
        let store = Answered::default();
        assert!(store.answered(ready(true)).await);
        assert!(store.answered(async { panic!("asked twice") }).await);
        tokio::time::advance(READY_FOR).await;
        assert!(!store.answered(ready(false)).await);
        assert!(!store.answered(async { panic!("asked twice") }).await);
    }
}
