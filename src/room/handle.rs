//! The one way to a room.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parlor_protocol::{ErrorBody, ErrorCode, RoomId};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use super::port::CommittedGifts;
use super::request::{Answer, Request};
use crate::telemetry::metric;

/// Where an answer goes.
pub type Reply = oneshot::Sender<Result<Answer, ErrorBody>>;

/// What comes in at the room's door: for its actor, or for a test that stands in for one.
#[expect(clippy::large_enum_variant, reason = "nearly all mail is requests, and the channel allocates in blocks")]
#[derive(Debug)]
pub enum Mail {
    /// A request, and where its answer goes; hints have no answer.
    Request(Request, Option<Reply>),
    /// The sweep has found that gifts up to this number are committed.
    Committed(i64),
}

/// A room that is awake. Its mailbox is bounded; a request that finds it full is answered `busy`.
#[derive(Clone, Debug)]
pub struct RoomHandle {
    room: RoomId,
    mail: mpsc::Sender<Mail>,
    announced: Arc<AtomicI64>,
}

impl RoomHandle {
    /// A handle and what its actor holds: the mailbox, and the number that the sweep compares.
    pub fn pair(room: RoomId, mailbox: usize) -> (Self, mpsc::Receiver<Mail>, Arc<AtomicI64>) {
        let (mail, receiver) = mpsc::channel(mailbox);
        let announced = Arc::new(AtomicI64::new(0));
        (Self { room, mail, announced: announced.clone() }, receiver, announced)
    }

    /// Which room.
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// Hands a request over without waiting: requests are decided in the order of sending (hard
    /// commands among themselves). A receiver that ends without an answer means `room_paused`.
    ///
    /// # Errors
    /// `busy` when the mailbox is full; `room_paused` when the room is going to sleep or moving:
    /// wake it and ask again.
    pub fn send(&self, request: Request) -> Result<oneshot::Receiver<Result<Answer, ErrorBody>>, ErrorBody> {
        let (reply, answer) = oneshot::channel();
        match self.mail.try_send(Mail::Request(request, Some(reply))) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => {
                metric::MAILBOX_FULL.add(1);
                Err(ErrorCode::Busy.into())
            }
            Err(TrySendError::Closed(_)) => Err(ErrorCode::RoomPaused.into()),
        }
    }

    /// Hands a request over and waits for its answer.
    ///
    /// # Errors
    /// As `send`, and those of the room.
    pub async fn call(&self, request: Request) -> Result<Answer, ErrorBody> {
        self.send(request)?.await.unwrap_or_else(|_| Err(ErrorCode::RoomPaused.into()))
    }

    /// The ledger's word that gifts are committed. Dropped when the mailbox is full: the sweep finds them.
    pub fn hint(&self, gifts: CommittedGifts) {
        let _ = self.mail.try_send(Mail::Request(Request::GiftsCommitted(gifts), None));
    }

    /// The last gift that the room has announced.
    pub(super) fn announced(&self) -> i64 {
        self.announced.load(Ordering::Relaxed)
    }

    /// The sweep's word. Dropped when the mailbox is full: the next sweep says it again.
    pub(super) fn committed(&self, gift_no: i64) {
        let _ = self.mail.try_send(Mail::Committed(gift_no));
    }

    /// How many requests wait.
    pub(super) fn depth(&self) -> usize {
        self.mail.max_capacity() - self.mail.capacity()
    }

    /// Nobody else holds a handle.
    pub(super) fn is_last(&self) -> bool {
        self.mail.strong_count() == 1
    }
}
