//! What a room needs from the outside, said by the room; `app.rs` connects it. No SQL, no sockets.

use std::future::Future;
use std::pin::Pin;

use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{Coins, ErrorBody, GiftId, RoomId, UserId};
use tokio::sync::oneshot;

use crate::kit::operation::Operation;

/// A future of a port, owned by the actor that polls it.
pub type PortFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A gift as the room has judged it: who is meant, or the refusal. Either verdict goes to the
/// ledger, so that a retry of an operation gets its first answer whatever the room says now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GiftOrder {
    /// In which room.
    pub room: RoomId,
    /// Whose room: receives the owner's share.
    pub owner: UserId,
    /// The sender's operation.
    pub operation: Operation,
    /// Who pays.
    pub sender: Person,
    /// What.
    pub gift: GiftId,
    /// How many each receiver gets.
    pub count: i64,
    /// Who receives, without repeats and without the sender; or why not.
    pub receivers: Result<Vec<Person>, ErrorBody>,
}

/// Gifts of a room that are committed, in the order of their `gift_no`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommittedGifts {
    /// The gifts.
    pub gifts: Vec<GiftLine>,
    /// Coins spent in the room, ever, right after the last of them.
    pub coins: Coins,
}

/// The money's side of a gift.
pub trait Gifts: Send + Sync + 'static {
    /// Hands an order to the ledger's queue and returns at once. The ledger answers `reply` itself when
    /// the commit is known; a full queue answers `busy`. The announcement comes by another way, as
    /// `Request::GiftsCommitted`.
    fn submit(&self, order: GiftOrder, reply: oneshot::Sender<Result<GiftReceipt, ErrorBody>>);

    /// At most `limit` committed gifts above `after`, oldest first.
    fn above(&self, room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>>;
}
