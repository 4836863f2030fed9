//! STUB of the room's handle, with the room's own signatures: the real one comes with the merge of
//! branch `room`. What is below `mailbox` is for the gateway's tests.

use parlor_protocol::{ErrorBody, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::port::CommittedGifts;
use super::request::{Answer, Request};

/// A request with where its answer goes.
pub type Mail = (Request, oneshot::Sender<Result<Answer, ErrorBody>>);

/// The one way to a room.
#[derive(Clone, Debug)]
pub struct RoomHandle {
    mailbox: mpsc::Sender<Mail>,
}

impl RoomHandle {
    /// Hands a request over at once: the order of sending is the order of deciding.
    ///
    /// # Errors
    /// `busy` when the mailbox is full, `room_paused` when the room has gone.
    pub fn send(&self, request: Request) -> Result<oneshot::Receiver<Result<Answer, ErrorBody>>, ErrorBody> {
        let (reply, answer) = oneshot::channel();
        match self.mailbox.try_send((request, reply)) {
            Ok(()) => Ok(answer),
            Err(mpsc::error::TrySendError::Full(_)) => Err(ErrorCode::Busy.into()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(ErrorCode::RoomPaused.into()),
        }
    }

    /// Hands a request over and waits for the answer.
    ///
    /// # Errors
    /// As `send`, and the room's own refusals.
    pub async fn call(&self, request: Request) -> Result<Answer, ErrorBody> {
        self.send(request)?.await.unwrap_or_else(|_| Err(ErrorCode::RoomPaused.into()))
    }

    /// Tells of committed gifts.
    pub fn hint(&self, gifts: CommittedGifts) {
        let _ = self.send(Request::GiftsCommitted(gifts));
    }

    /// STUB: a handle with the other end of its mailbox.
    pub fn mailbox(capacity: usize) -> (Self, mpsc::Receiver<Mail>) {
        let (mailbox, mail) = mpsc::channel(capacity);
        (Self { mailbox }, mail)
    }
}
