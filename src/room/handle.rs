//! The handle of a room: the only way to ask a room something, and the way in which it answers.

use std::fmt;
use std::sync::Arc;

use parlor_protocol::{ErrorBody, ErrorCode, RoomId};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use super::board::{Board, Crowd};
use super::port::CommittedGifts;
use super::ranking::Shown;
use super::request::{Answer, Request};
use crate::telemetry::metric;

/// Whoever asked a room something and is called with the answer, such as a socket.
pub trait Asker: Send + Sync {
    /// Takes the answer; only the first one counts.
    fn answer(&self, answer: Result<Answer, ErrorBody>);
}

/// Where an answer is sent. If it is dropped without an answer, that is `room_paused`: the room moves or restarts.
pub struct Reply(Option<To>);

enum To {
    Waiter(oneshot::Sender<Result<Answer, ErrorBody>>),
    Asker(Arc<dyn Asker>),
}

impl Reply {
    /// A reply to whoever awaits the receiver.
    pub fn waiter() -> (Self, oneshot::Receiver<Result<Answer, ErrorBody>>) {
        let (sender, answer) = oneshot::channel();
        (Self(Some(To::Waiter(sender))), answer)
    }

    /// A reply that calls the asker.
    pub fn asker(asker: Arc<dyn Asker>) -> Self {
        Self(Some(To::Asker(asker)))
    }

    /// Sends the answer. It is dropped if whoever waited for it is gone.
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
        // A waiter notices by itself, because its sender is dropped.
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

/// What is in a room's mailbox, for its actor or for a test that stands in for one.
#[derive(Debug)]
pub enum Mail {
    /// A request, and where its answer goes; hints have no answer. The request is boxed so that mailboxes stay small:
    /// each allocates places for a few dozen messages, and there are many rooms.
    Request(Box<Request>, Option<Reply>),
    /// The sweep has found that gifts up to this number are committed.
    Committed(i64),
}

/// A request that the room has not taken.
#[derive(Debug)]
pub struct NotAsked {
    /// `busy` if the mailbox is full, `room_paused` if the room has ended.
    pub code: ErrorCode,
    /// The request, given back.
    pub request: Box<Request>,
}

/// The handle of a room that is awake. Its mailbox is bounded: when it is full, a request is answered `busy`. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct RoomHandle {
    room: RoomId,
    mail: mpsc::Sender<Mail>,
    board: Arc<Board>,
}

impl RoomHandle {
    /// A handle, and what its actor holds: the receiving end of a mailbox of this size, and the board that the room
    /// writes.
    pub fn pair(room: RoomId, mailbox: usize) -> (Self, mpsc::Receiver<Mail>, Arc<Board>) {
        let (mail, receiver) = mpsc::channel(mailbox);
        let board = Arc::<Board>::default();
        (Self { room, mail, board: board.clone() }, receiver, board)
    }

    /// The room's id.
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// Hands a request over without waiting. Requests are decided in the order in which they are sent; hard commands
    /// keep that order only among themselves. If the receiver ends without an answer, that means `room_paused`.
    ///
    /// # Errors
    /// `busy` if the mailbox is full; `room_paused` if the room is going to sleep or moving: wake it and ask again.
    pub fn send(&self, request: Request) -> Result<oneshot::Receiver<Result<Answer, ErrorBody>>, ErrorBody> {
        let (reply, answer) = Reply::waiter();
        self.ask(Box::new(request), || reply).map_err(|NotAsked { code, .. }| code)?;
        Ok(answer)
    }

    /// Like [`send`](Self::send), with a reply of the caller's choice. `reply` is called only if the mailbox has room.
    ///
    /// # Errors
    /// Those of `send`, with the request given back.
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
    /// Those of `send`, and the room's refusal.
    pub async fn call(&self, request: Request) -> Result<Answer, ErrorBody> {
        self.send(request)?.await.unwrap_or_else(|_| Err(ErrorCode::RoomPaused.into()))
    }

    /// Tells the room that the ledger has committed gifts. It is dropped if the mailbox is full; the sweep finds them.
    pub fn hint(&self, gifts: CommittedGifts) {
        let _ = self.mail.try_send(Mail::Request(Box::new(Request::GiftsCommitted(gifts)), None));
    }

    /// The number of the last gift that the room has announced, which the sweep compares.
    pub(super) fn announced(&self) -> i64 {
        self.board.announced()
    }

    /// What the room shows of itself to the ranking of rooms.
    pub(super) fn shown(&self) -> Shown {
        let (people, coins, listed) = self.board.shown();
        Shown { room: self.room, listed, people, coins }
    }

    /// How many people are in the room, and some of them.
    pub fn crowd(&self) -> Crowd {
        self.board.crowd()
    }

    /// Tells the room up to which number the sweep found committed gifts. It is dropped if the mailbox is full; the
    /// next sweep repeats it.
    pub(super) fn committed(&self, gift_no: i64) {
        let _ = self.mail.try_send(Mail::Committed(gift_no));
    }

    /// The number of messages in the mailbox.
    pub(super) fn depth(&self) -> usize {
        self.mail.max_capacity() - self.mail.capacity()
    }

    /// Whether no other handle of the room exists.
    pub(super) fn is_last(&self) -> bool {
        self.mail.strong_count() == 1
    }
}
