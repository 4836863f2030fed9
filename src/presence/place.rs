//! A socket's place in a room. However the socket ends, the room is told. It holds no handle: a room
//! that nobody else needs may go to sleep under it, and then nobody is in it.

use std::time::Duration;

use parlor_protocol::{ErrorCode, RoomId, UserId};

use super::Users;
use crate::delivery::ConnectionId;
use crate::room::Request;

/// How often and how long a room with a full mailbox is asked again: together longer than a room is
/// ever busy, shorter than any grace period.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// A socket's place in a room; dropping it tells the room that the socket is gone.
pub struct Place {
    /// Which room.
    pub room: RoomId,
    user: UserId,
    connection: ConnectionId,
    users: Users,
    held: bool,
}

impl Place {
    /// Taken when the join is asked, so that an answer which comes too late leaves nobody behind.
    pub fn new(room: RoomId, user: UserId, connection: ConnectionId, users: &Users) -> Self {
        Self { room, user, connection, users: users.clone(), held: true }
    }

    /// The room knows already, or never took the socket in.
    pub fn release(mut self) {
        self.held = false;
    }

    /// The user leaves the room at once and not only this socket.
    pub fn leave(mut self) {
        self.held = false;
        self.users.insist(self.room, Request::Leave { user: self.user });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held {
            let dropped = Request::Dropped { user: self.user, connection: self.connection };
            self.users.insist(self.room, dropped);
        }
    }
}

impl Users {
    /// Tells a room what it has to know: at once, or later when its mailbox is full. A room that sleeps
    /// has nobody in it.
    pub fn insist(&self, room: RoomId, request: Request) {
        if !self.is_busy(room, &request) {
            return;
        }
        let again = self.clone();
        self.0.crew.work("word of a socket that left", async move {
            for _ in 0..ATTEMPTS {
                let pause = again.0.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                if pause.is_none() || !again.is_busy(room, &request) {
                    return;
                }
            }
            tracing::warn!(
                room.id = room.number(),
                "a room did not take the word of a socket that left: its mailbox stayed full"
            );
        });
    }

    fn is_busy(&self, room: RoomId, request: &Request) -> bool {
        let handle = self.0.rooms.awake(room);
        handle.is_some_and(|handle| handle.send(request.clone()).is_err_and(|error| error.code == ErrorCode::Busy))
    }
}
