//! What all routes of REST share: bodies, queries, paths, addresses, request ids, problems.
//!
//! Every route is built from these, so that all answer in one form. Nothing here knows a slice or a rule of one; who
//! the caller is is decided by `identity::current`.
//!
//! A route is described at its handler, by one attribute:
//!
//! ```text
//! /// The summary, one line.
//! ///
//! /// The description. The function's name is the `operationId`: unique, verb first, snake case.
//! #[utoipa::path(post, path = "/v1/things/{id}/parts", tag = "things",
//!     params(("id" = ThingId, Path, description = "The thing's id.")),    // a list: `params(ThingList)`
//!     request_body(content = NewPart, example = json!({"name": "A part"})),
//!     responses((status = 201, description = "The part was created.", body = Part, example = json!({"id": 7}))),
//!     extensions(("x-errors" = json!([ErrorCode::RoomNotFound]))))]
//! async fn create_part(…) -> Result<…> { … }
//!
//! pub fn routes<S>() -> OpenApiRouter<S> where … {
//!     OpenApiRouter::new().routes(routes!(list_parts, create_part))    // all methods of one path together
//! }
//! ```
//!
//! - Bodies, queries and answers derive `ToSchema` or `IntoParams` with their bounds. A list is declared by `list!` and
//!   answers a `Page<T>`. Every body and answer has an example, which a test checks against its schema.
//! - `x-errors` names the codes that are the operation's own. The codes that follow from what it takes (a body, a path,
//!   a
//!   query, an `Idempotency-Key`, being signed in) and those of every operation are added by [`openapi`]. A test finds
//!   an operation that answers a code which it does not name.
//! - An operation that does not require a user says `security(())`.
//! - A handler says who may call it by what it takes: `CurrentUser`, `Staff<may::…>`, or neither.
//! - Afterwards `./parlor schema` must be run: a test fails if `docs/openapi.json` is stale.

use std::time::Duration;

pub mod api_page;
pub mod bearer;
pub mod body;
mod cors;
mod edge;
mod gather;
pub mod idempotency;
pub mod json;
pub mod layers;
pub mod openapi;
pub mod origin;
pub mod path;
pub mod problem;
pub mod proxy;
pub mod query;
pub mod request_id;

pub use body::ValidJson;
pub use idempotency::IdempotencyKey;
pub use origin::Origin;
pub use path::ValidPath;
pub use proxy::ClientAddress;
pub use query::ValidQuery;
pub use request_id::RequestId;

crate::settings! {
    /// Bounds and rules for every REST request.
    pub struct Settings at "http", checked by Self::unreadable {
        /// The most bytes of a request's body; more is answered `too_large`.
        body_bytes: usize = 64 * 1_024, in 1_024..=16 << 20;
        /// The most bytes that all bodies in JSON on their way may have in memory beyond 4 KiB each; a larger one that comes
        /// then is answered `busy`.
        bodies_bytes: usize = 16 << 20, in 64 * 1_024..=1 << 30;
        /// Milliseconds that a request may take; then it is answered `timeout`.
        timeout_ms: u64 = 10_000, in 100..=120_000;
        /// Addresses and networks (`10.0.0.0/8`, `::1`) of the proxies whose `X-Forwarded-For` is believed, or whose
        /// `Forwarded` (RFC 7239) if they send no `X-Forwarded-For`.
        #[serde(deserialize_with = "crate::config::list::with_commas")]
        trusted_proxies: Vec<String> = Vec::new(), shown "none: the peer of the connection is the client";
        /// Whether these proxies send `Forwarded` only. Then `X-Forwarded-For`, which a client may have sent through them,
        /// is not read.
        forwarded_only: bool = false;
        /// The most requests a minute from one address (for IPv6, one /64) without a signed-in user.
        anonymous_per_minute_address: u32 = 6_000, in 1..=10_000_000;
        /// The web origins whose pages may call the API, as `https://app.example` or `capacitor://localhost`.
        #[serde(deserialize_with = "crate::config::list::with_commas")]
        cors_origins: Vec<String> = Vec::new();
        /// Whether `/docs/api` and `/docs/socket` serve the pages that document REST and the socket.
        api_page: Option<bool> = None, shown "in `dev` only";
    }
}

impl Settings {
    fn unreadable(&self, problems: &mut Vec<String>) {
        if self.bodies_bytes < self.body_bytes {
            problems.push("http.bodies_bytes: it must have room for a body of http.body_bytes".to_owned());
        }
        for network in &self.trusted_proxies {
            if let Err(why) = network.parse::<proxy::Network>() {
                problems.push(format!("http.trusted_proxies: `{network}`: {why}"));
            }
        }
        for origin in &self.cors_origins {
            if let Some(why) = Origin::problem(origin) {
                problems.push(format!("http.cors_origins: `{origin}` {why}"));
            }
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}
