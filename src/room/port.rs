//! What a room needs from the ledger, declared by the room as a trait. `app` connects the two. Nothing here knows SQL
//! or sockets.

use std::future::Future;
use std::pin::Pin;

use parlor_protocol::reply::GiftReceipt;
use parlor_protocol::room::{GiftLine, Person};
use parlor_protocol::{Coins, ErrorBody, GiftId, RoomId, UserId};
use tokio::sync::oneshot;

use crate::kit::clock::Timestamp;
use crate::kit::operation::Operation;

/// The future that a port returns. It borrows nothing, so that an actor can keep and poll it.
pub type PortFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A gift as the room has judged it: with its receivers, or refused. Both go to the ledger, so that the retry of an
/// operation gets its first answer even if the room would judge otherwise now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GiftOrder {
    /// The room in which it is sent.
    pub room: RoomId,
    /// The room's owner, who receives the owner's share.
    pub owner: UserId,
    /// The sender's operation.
    pub operation: Operation,
    /// The sender, who pays.
    pub sender: Person,
    /// The gift's id in the catalogue.
    pub gift: GiftId,
    /// How many of it each receiver gets.
    pub count: i64,
    /// The receivers, without repetitions and without the sender; or why the room refuses the gift.
    pub receivers: Result<Vec<Person>, ErrorBody>,
}

/// Committed gifts of one room, in the order of their `gift_no`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommittedGifts {
    /// The gifts.
    pub gifts: Vec<GiftLine>,
    /// All coins that were ever spent in the room, up to and with the last of these gifts.
    pub coins: Coins,
}

/// The port by which the days of rooms are told what was spent in them.
pub trait Takings: Send + Sync + 'static {
    /// The coins that were spent on gifts in each of these rooms from one time up to another. A room that is left out has
    /// none.
    fn spent(
        &self,
        rooms: Vec<RoomId>,
        from: Timestamp,
        until: Timestamp,
    ) -> PortFuture<Result<Vec<(RoomId, Coins)>, ErrorBody>>;
}

/// The port by which a room has gifts paid and reads the committed ones.
pub trait Gifts: Send + Sync + 'static {
    /// Hands an order to the ledger's queue and returns at once. The ledger answers `reply` when the commit is known,
    /// or `busy` if its queue is full. The room learns separately what to announce, by `Request::GiftsCommitted`.
    fn submit(&self, order: GiftOrder, reply: oneshot::Sender<Result<GiftReceipt, ErrorBody>>);

    /// At most `limit` committed gifts whose `gift_no` is above `after`, oldest first.
    fn above(&self, room: RoomId, after: i64, limit: usize) -> PortFuture<Result<CommittedGifts, ErrorBody>>;
}
