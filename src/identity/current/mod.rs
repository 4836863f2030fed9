//! Who asks: the bearer of an access token whose session stands, and what they may do.
//!
//! The words are for services; the files below take them out of a request, for routes.

pub mod count;
mod staff;
mod user;

use parlor_protocol::UserId;
use uuid::Uuid;

pub use staff::Staff;

/// The signed-in user. The token is checked in memory and the request counted before that costs a query, at
/// the edge or else here; the session is checked by one query by primary key, so that signing out holds from
/// the next request on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CurrentUser {
    /// Whose token it is.
    pub id: UserId,
    /// The sign-in that the token belongs to.
    pub session: Uuid,
}
