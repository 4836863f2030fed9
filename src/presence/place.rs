//! A socket's place in a room. However the socket ends, the room is told. A place holds no handle of the room, so that
//! a room which nobody else needs can go to sleep; nobody is in a room that sleeps.

use std::time::Duration;

use parlor_protocol::{ErrorCode, RoomId, UserId};

use super::Users;
use crate::delivery::ConnectionId;
use crate::room::Request;

/// How often a room with a full mailbox is told again. All attempts together take 10 s: longer than a mailbox stays
/// full, and shorter than the default grace period.
const ATTEMPTS: u32 = 50;
/// The wait before each of these attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// A socket's place in a room; dropping it tells the room that the socket is gone.
pub struct Place {
    /// The room in which the place is.
    pub room: RoomId,
    user: UserId,
    connection: ConnectionId,
    users: Users,
    held: bool,
}

impl Place {
    /// A place, which is taken before the room is asked to let the user in. So the room is told that the socket is gone
    /// even if the socket ends before the answer comes.
    pub fn new(room: RoomId, user: UserId, connection: ConnectionId, users: &Users) -> Self {
        Self { room, user, connection, users: users.clone(), held: true }
    }

    /// Gives up the place without telling the room, which knows already or never took the socket in.
    pub fn release(mut self) {
        self.held = false;
    }

    /// Gives up the place and has the user, with all devices, leave the room at once.
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
    /// Sends the request to the room; if its mailbox is full, a piece of work tries again for 10 s. Nothing is sent to
    /// a room that sleeps, because nobody is in it.
    pub fn insist(&self, room: RoomId, request: Request) {
        if !self.is_busy(room, &request) {
            return;
        }
        let again = self.clone();
        self.0.crew.work("repeated request to a busy room", async move {
            for _ in 0..ATTEMPTS {
                let pause = again.0.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                if pause.is_none() || !again.is_busy(room, &request) {
                    return;
                }
            }
            tracing::warn!(
                room.id = room.number(),
                "a room was not told that a socket or user has left or a name has changed: its mailbox stayed full"
            );
        });
    }

    fn is_busy(&self, room: RoomId, request: &Request) -> bool {
        let handle = self.0.rooms.awake(room);
        handle.is_some_and(|handle| handle.send(request.clone()).is_err_and(|error| error.code == ErrorCode::Busy))
    }
}
