//! The signed-in user of a request, and the permission that a route asks of them.
//!
//! Services use the types of this file. The files below extract them from a request, for routes.

pub mod count;
mod staff;
mod user;

use parlor_protocol::UserId;
use uuid::Uuid;

pub use staff::Staff;

/// The signed-in user. The access token is checked in memory, and the request is counted before it costs a query. Then
/// the session is looked up by its primary key, so that signing out takes effect at the next request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CurrentUser {
    /// The user's id.
    pub id: UserId,
    /// The session that the token belongs to.
    pub session: Uuid,
}
