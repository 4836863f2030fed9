//! What the gateway needs from other parts, declared by the gateway as a trait, which `app` implements.

use parlor_protocol::reply::Balance;
use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, RoomId, UserId};
use uuid::Uuid;

use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::presence::Rooms;
use crate::room::RoomHandle;
use crate::room::port::{CommittedGifts, PortFuture};

/// The content of a valid access token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named {
    /// The user whom the token names.
    pub user: UserId,
    /// The session that the token belongs to.
    pub session: Uuid,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// The user of a token whose session is in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Uuid,
    /// The user.
    pub user: Person,
    /// All balances of the user.
    pub balances: Vec<Balance>,
    /// When the token expires, and with it the socket unless it is refreshed.
    pub expires_at: Timestamp,
}

/// Accounts, rooms and the history of gifts, as far as sockets need them.
pub trait Ports: Rooms {
    /// The time now. The gateway is an edge, so it may ask.
    fn now(&self) -> Timestamp;

    /// The source of random values, for the ids of requests.
    fn chance(&self) -> &Chance;

    /// The content of this access token, if it is valid. Its session is not looked up, so no query is made.
    ///
    /// # Errors
    /// `unauthenticated` or `token_expired`.
    fn named(&self, token: &str) -> PortFuture<Result<Named, ErrorBody>>;

    /// The user whom a token names, if the session is in force.
    ///
    /// # Errors
    /// `unauthenticated` or `suspended`, or the code of an outage.
    fn sign_in(&self, named: Named) -> PortFuture<Result<SignedIn, ErrorBody>>;

    /// Checks that the room token lets this user into this room now.
    ///
    /// # Errors
    /// `room_token_invalid`.
    fn verify_room_token(&self, token: String, room: RoomId, user: UserId) -> PortFuture<Result<(), ErrorBody>>;

    /// The room's handle. A room that sleeps is woken.
    fn wake(&self, room: RoomId) -> PortFuture<Result<RoomHandle, ErrorBody>>;

    /// At most `limit` committed gifts of the room whose `gift_no` is above `after`, oldest first.
    fn gifts_above(&self, room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>>;
}
