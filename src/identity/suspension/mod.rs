//! Suspension: somebody may not come in, until a time or for good. It acts at the next request of
//! theirs, and on their live sockets by the revocation table.

mod service;
mod store;

use parlor_protocol::{ErrorBody, UserId};
use serde::Serialize;
use utoipa::ToSchema;

pub use service::{lift, of, refuse, suspend};

use crate::kit::error::Error;

/// A suspension that holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Suspension {
    /// Unix milliseconds until which it holds; absent: for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// The words of who did it; the user is told.
    pub reason: String,
    /// Unix milliseconds since when.
    pub at: i64,
    /// By whom; absent: by the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}

impl From<Suspension> for Error {
    /// What the suspended user is told.
    fn from(suspension: Suspension) -> Self {
        ErrorBody::suspended(suspension.until, suspension.reason).into()
    }
}
