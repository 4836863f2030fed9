//! A socket's place in a room. However the socket ends, the room is told. It holds no handle: a room
//! that nobody else needs may go to sleep under it, and then nobody is in it.

use std::time::Duration;

use parlor_protocol::{ErrorCode, RoomId, UserId};

use super::GatewayState;
use crate::delivery::ConnectionId;
use crate::room::Request;

/// How often and how long a room with a full mailbox is asked again: together longer than a room is
/// ever busy, shorter than any grace period.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// A socket's place in a room; dropping it tells the room that the socket is gone.
pub(super) struct Place {
    pub room: RoomId,
    user: UserId,
    connection: ConnectionId,
    gateway: GatewayState,
    held: bool,
}

impl Place {
    /// Taken when the join is asked, so that an answer which comes too late leaves nobody behind.
    pub(super) fn new(room: RoomId, user: UserId, connection: ConnectionId, gateway: &GatewayState) -> Self {
        Self { room, user, connection, gateway: gateway.clone(), held: true }
    }

    /// The room knows already, or never took the socket in.
    pub(super) fn release(mut self) {
        self.held = false;
    }

    /// The user leaves the room at once and not only this socket.
    pub(super) fn leave(mut self) {
        self.held = false;
        insist(&self.gateway, self.room, Request::Leave { user: self.user });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held {
            let dropped = Request::Dropped { user: self.user, connection: self.connection };
            insist(&self.gateway, self.room, dropped);
        }
    }
}

/// Tells a room what it has to know: at once, or later when its mailbox is full. A room that sleeps
/// has nobody in it.
pub(super) fn insist(gateway: &GatewayState, room: RoomId, request: Request) {
    if !is_busy(gateway, room, &request) {
        return;
    }
    let again = gateway.clone();
    gateway.tracker.spawn(async move {
        for _ in 0..ATTEMPTS {
            let pause = again.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            if pause.is_none() || !is_busy(&again, room, &request) {
                return;
            }
        }
        tracing::warn!(
            room.id = room.number(),
            "a room did not take the word of a socket that left: its mailbox stayed full"
        );
    });
}

fn is_busy(gateway: &GatewayState, room: RoomId, request: &Request) -> bool {
    let handle = gateway.ports.awake(room);
    handle.is_some_and(|handle| handle.send(request.clone()).is_err_and(|error| error.code == ErrorCode::Busy))
}
