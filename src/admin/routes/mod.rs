//! The routes under `/v1/staff`. Every handler takes `Staff<P>`, where `P` is the permission that it needs.

mod conduct;
mod jobs;
mod log;
mod rooms;
mod timelines;
mod transfers;
mod users;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;

use super::Office;
use crate::economy::ledger::Ledger;
use crate::identity::Identity;
use crate::kit::edge::Edge;
use crate::kit::error::Result;
use crate::kit::fields::{bad_field, line};

/// The most characters that a reason may have.
const REASON_CHARS: usize = parlor_protocol::limit::REASON_CHARS;

/// Every route for staff: users, rooms, the audit log and jobs.
pub fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Office: FromRef<S>,
    Ledger: FromRef<S>,
    Edge: FromRef<S>,
{
    OpenApiRouter::new()
        .merge(users::routes())
        .merge(rooms::routes())
        .merge(conduct::routes())
        .merge(timelines::routes())
        .merge(log::routes())
        .merge(jobs::routes())
        .merge(transfers::routes())
}

/// The reason for an act, checked: one line, and not blank, because the people concerned are shown it.
fn reason(text: &str) -> Result<String> {
    line(text, REASON_CHARS).map_err(|why| bad_field("reason", why))
}
