//! The shared edge of REST: bodies, queries, pages, addresses, request ids, problems.
//!
//! Every route is built from these, so that all answer in one form. No rule of a capability lives here, and
//! no slice is known: who asks is `identity::current`'s to say.
//!
//! A route is described where it is registered, by one attribute above its handler:
//!
//! ```text
//! /// The summary, one line.
//! ///
//! /// The description. The function's name is the `operationId`: unique, verb first, snake case.
//! #[utoipa::path(post, path = "/v1/things/{id}/parts", tag = "things",
//!     params(("id" = ThingId, Path, description = "Which thing.")),    // a list: `params(ThingList)`
//!     request_body(content = NewPart, example = json!({"name": "A part"})),
//!     responses((status = 201, description = "It is made.", body = Part, example = json!({"id": 7}))),
//!     extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
//! async fn create_part(…) -> Result<…> { … }
//!
//! pub fn routes<S>() -> OpenApiRouter<S> where … {
//!     OpenApiRouter::new().routes(routes!(list_parts, create_part))    // all of one address together
//! }
//! ```
//!
//! - Bodies and queries derive `ToSchema` or `IntoParams` with their bounds, so do answers; a list is
//!   declared by `list!` and answers a `Page<T>`. Every body and answer has an example, which a test holds against its schema.
//! - `x-errors` names the codes that are the operation's own. Those that follow from what it takes (a body,
//!   a path, a query, an `Idempotency-Key`, being signed in) and those of every operation are added by
//!   [`openapi`]. A test sees an operation that answers a code it does not name.
//! - Whoever is not to be signed in says `security(())`.
//! - Every handler decides who may call it, by what it takes: `CurrentUser`, `Staff<may::…>`, or neither.
//! - `./parlor schema` afterwards: a test fails when `docs/openapi.json` is stale.

use std::time::Duration;

pub mod api_page;
pub mod bearer;
pub mod body;
mod cors;
mod edge;
pub mod idempotency;
pub mod json;
pub mod layers;
pub mod openapi;
pub mod path;
pub mod problem;
pub mod proxy;
pub mod query;
pub mod request_id;

pub use body::ValidJson;
pub use idempotency::IdempotencyKey;
pub use path::ValidPath;
pub use proxy::ClientAddress;
pub use query::ValidQuery;
pub use request_id::RequestId;

crate::settings! {
    /// What holds for every REST request.
    pub struct Settings at "http", checked by Self::unreadable {
        /// Bytes of a request's body; more is `too_large`.
        body_bytes: usize = 64 * 1_024, in 1_024..=16 << 20;
        /// Milliseconds a request may take before it is answered with `timeout`.
        timeout_ms: u64 = 10_000, in 100..=120_000;
        /// Addresses and networks (`10.0.0.0/8`, `::1`) of the proxies whose `X-Forwarded-For` is believed.
        #[serde(deserialize_with = "crate::config::list::with_commas")]
        trusted_proxies: Vec<String> = Vec::new(), shown "none: the peer of the connection is the client";
        /// Requests a minute from one address (of IPv6, one /64) that name no user.
        anonymous_per_minute_address: u32 = 6_000, in 1..=10_000_000;
        /// Web origins whose pages may call, as `https://app.example`.
        #[serde(deserialize_with = "crate::config::list::with_commas")]
        cors_origins: Vec<String> = Vec::new();
        /// Shows the pages at `/docs/api` and `/docs/socket` to browse REST and the socket with.
        api_page: Option<bool> = None, shown "in `dev` only";
    }
}

impl Settings {
    fn unreadable(&self, problems: &mut Vec<String>) {
        for network in &self.trusted_proxies {
            if let Err(why) = network.parse::<proxy::Network>() {
                problems.push(format!("http.trusted_proxies: `{network}`: {why}"));
            }
        }
        for origin in self.cors_origins.iter().filter(|origin| !cors::is_origin(origin)) {
            problems.push(format!("http.cors_origins: `{origin}` is no origin like https://app.example"));
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}
