//! What the gateway needs from the outside, said by the gateway; `app.rs` connects it.

use parlor_protocol::reply::Balance;
use parlor_protocol::room::Person;
use parlor_protocol::{ErrorBody, RoomId, UserId};
use uuid::Uuid;

use crate::kit::chance::Chance;
use crate::kit::clock::Timestamp;
use crate::presence::Rooms;
use crate::room::RoomHandle;
use crate::room::port::{CommittedGifts, PortFuture};

/// What an access token says, which holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named {
    /// Who.
    pub user: UserId,
    /// By which sign-in.
    pub session: Uuid,
    /// When the token ends.
    pub expires_at: Timestamp,
}

/// Who a token belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    /// The sign-in.
    pub session: Uuid,
    /// Who.
    pub user: Person,
    /// Every balance of theirs.
    pub balances: Vec<Balance>,
    /// When the token ends, and the socket with it.
    pub expires_at: Timestamp,
}

/// Accounts, rooms and the history of gifts, as far as a socket needs them.
pub trait Ports: Rooms {
    /// The time now: a socket's commands are an edge.
    fn now(&self) -> Timestamp;

    /// Chance, for the ids of requests.
    fn chance(&self) -> &Chance;

    /// Whom this access token names, if it holds. That its session stands is not asked: no query is made.
    fn named(&self, token: &str) -> PortFuture<Result<Named, ErrorBody>>;

    /// Who that is, if their session stands.
    fn sign_in(&self, named: Named) -> PortFuture<Result<SignedIn, ErrorBody>>;

    /// The room token lets this user into this room now.
    ///
    /// # Errors
    /// `room_token_invalid`.
    fn verify_room_token(&self, token: String, room: RoomId, user: UserId) -> PortFuture<Result<(), ErrorBody>>;

    /// The room's handle; a sleeping room is woken.
    fn wake(&self, room: RoomId) -> PortFuture<Result<RoomHandle, ErrorBody>>;

    /// At most `limit` committed gifts of the room above `after`, oldest first.
    fn gifts_above(&self, room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>>;
}
