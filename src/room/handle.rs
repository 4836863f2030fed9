//! The one way to a room.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parlor_protocol::{ErrorBody, ErrorCode, RoomId};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use super::port::CommittedGifts;
use super::request::{Answer, Request};
use crate::telemetry::metric;

/// Whoever has asked a room for something and is called with the answer.
pub trait Asker: Send + Sync {
    /// Takes the answer; only the first one counts.
    fn answer(&self, answer: Result<Answer, ErrorBody>);
}

/// Where an answer goes. Dropped without one it says `room_paused`: the room moves, or starts anew.
pub struct Reply(Option<To>);

enum To {
    Waiter(oneshot::Sender<Result<Answer, ErrorBody>>),
    Asker(Arc<dyn Asker>),
}

impl Reply {
    /// To who waits for it.
    pub fn waiter() -> (Self, oneshot::Receiver<Result<Answer, ErrorBody>>) {
        let (sender, answer) = oneshot::channel();
        (Self(Some(To::Waiter(sender))), answer)
    }

    /// To who is called with it.
    pub fn asker(asker: Arc<dyn Asker>) -> Self {
        Self(Some(To::Asker(asker)))
    }

    /// Sends it there. Whoever waited may be gone; then nobody is told.
    pub fn send(mut self, answer: Result<Answer, ErrorBody>) {
        match self.0.take() {
            Some(To::Waiter(waiter)) => drop(waiter.send(answer)),
            Some(To::Asker(asker)) => asker.answer(answer),
            None => {}
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // Who waits sees it by itself.
        if let Some(To::Asker(asker)) = self.0.take() {
            asker.answer(Err(ErrorCode::RoomPaused.into()));
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

/// What comes in at the room's door: for its actor, or for a test that stands in for one.
#[derive(Debug)]
pub enum Mail {
    /// A request, and where its answer goes; hints have no answer. Boxed: a mailbox has room for a few dozen at once,
    /// and there are many rooms.
    Request(Box<Request>, Option<Reply>),
    /// The sweep has found that gifts up to this number are committed.
    Committed(i64),
}

/// A request that the room has not taken.
#[derive(Debug)]
pub struct NotAsked {
    /// `busy` or `room_paused`.
    pub code: ErrorCode,
    /// What was to be asked.
    pub request: Box<Request>,
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
        let (reply, answer) = Reply::waiter();
        self.ask(Box::new(request), || reply).map_err(|NotAsked { code, .. }| code)?;
        Ok(answer)
    }

    /// The same for who is called with the answer. Who that is, is asked once the room has taken the request.
    ///
    /// # Errors
    /// As `send`, with what was not taken.
    pub fn ask(&self, request: Box<Request>, reply: impl FnOnce() -> Reply) -> Result<(), NotAsked> {
        match self.mail.try_reserve() {
            Ok(place) => {
                place.send(Mail::Request(request, Some(reply())));
                Ok(())
            }
            Err(TrySendError::Full(())) => {
                metric::MAILBOX_FULL.add(1);
                Err(NotAsked { code: ErrorCode::Busy, request })
            }
            Err(TrySendError::Closed(())) => Err(NotAsked { code: ErrorCode::RoomPaused, request }),
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
        let _ = self.mail.try_send(Mail::Request(Box::new(Request::GiftsCommitted(gifts)), None));
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
