//! Suspensions: a user may not sign in or use the service, until a time or for good. A suspension takes effect at the
//! user's next request, and closes their live sockets by means of revocations.

mod service;
mod store;

use parlor_protocol::{ErrorBody, UserId};
use serde::Serialize;
use utoipa::ToSchema;

pub use service::{lift, of, refuse, suspend};

use crate::kit::error::Error;

/// A suspension that is in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Suspension {
    /// Until when it holds, in Unix milliseconds; absent: for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// The reason that staff gave; the user is shown it.
    pub reason: String,
    /// When it was imposed, in Unix milliseconds.
    pub at: i64,
    /// The member of staff who imposed it; absent for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}

impl From<Suspension> for Error {
    /// The error that the suspended user gets: until when, and why.
    fn from(suspension: Suspension) -> Self {
        ErrorBody::suspended(suspension.until, suspension.reason).into()
    }
}
