//! A socket's place in a room. However the socket ends, the room is told.

use std::time::Duration;

use parlor_protocol::{ErrorCode, RoomId, UserId};
use tokio_util::task::TaskTracker;

use crate::delivery::ConnectionId;
use crate::room::{Request, RoomHandle};

/// How often and how long a room with a full mailbox is asked again: together longer than a room is
/// ever busy, shorter than any grace period.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// A socket's place in a room; dropping it tells the room that the socket is gone.
pub(super) struct Place {
    pub room: RoomId,
    pub handle: RoomHandle,
    user: UserId,
    connection: ConnectionId,
    tracker: TaskTracker,
    held: bool,
}

impl Place {
    /// Taken when the join is asked, so that an answer which comes too late leaves nobody behind.
    pub(super) fn new(
        room: RoomId,
        handle: RoomHandle,
        user: UserId,
        connection: ConnectionId,
        tracker: &TaskTracker,
    ) -> Self {
        Self { room, handle, user, connection, tracker: tracker.clone(), held: true }
    }

    /// The room knows already, or never took the socket in.
    pub(super) fn release(mut self) {
        self.held = false;
    }

    /// The user leaves the room at once and not only this socket.
    pub(super) fn leave(mut self) {
        self.held = false;
        insist(&self.tracker, &self.handle, Request::Leave { user: self.user });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held {
            let dropped = Request::Dropped { user: self.user, connection: self.connection };
            insist(&self.tracker, &self.handle, dropped);
        }
    }
}

/// Tells a room what it has to know: at once, or later when its mailbox is full. A room that has gone
/// has nobody in it.
pub(super) fn insist(tracker: &TaskTracker, handle: &RoomHandle, request: Request) {
    if !is_busy(handle, &request) {
        return;
    }
    let handle = handle.clone();
    tracker.spawn(async move {
        for _ in 0..ATTEMPTS {
            tokio::time::sleep(PAUSE).await;
            if !is_busy(&handle, &request) {
                return;
            }
        }
        tracing::warn!("a room did not take the word of a socket that left: its mailbox stayed full");
    });
}

fn is_busy(handle: &RoomHandle, request: &Request) -> bool {
    handle.send(request.clone()).is_err_and(|error| error.code == ErrorCode::Busy)
}
