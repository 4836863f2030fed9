//! `/v1/staff/*`. Every handler takes `Staff<P>`: the permission that it needs.

mod jobs;
mod log;
mod rooms;
mod users;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;

use super::Office;
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::{bad_field, line};

/// Characters of a reason.
const REASON_CHARS: usize = parlor_protocol::limit::REASON_CHARS;

/// All that staff does over REST.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Office: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new().merge(users::routes()).merge(rooms::routes()).merge(log::routes()).merge(jobs::routes())
}

/// Why something is done: whoever it is done to is told, so it is never blank.
fn reason(text: &str) -> Result<String> {
    line(text, REASON_CHARS).map_err(|why| bad_field("reason", why))
}
