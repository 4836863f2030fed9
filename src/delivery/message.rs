//! The messages to a shard. They all go through one queue, whose order is the order in which sockets get their frames.

use std::sync::Arc;

use parlor_protocol::{CloseCode, RoomId};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::listeners::Ticket;
use super::{ConnectionId, Frame};

/// The position at which a socket joins a room: it gets the events above it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub room: RoomId,
    pub epoch: i64,
    pub seq: u64,
}

/// A message to a shard.
pub(super) enum Message {
    /// Take over the write side of this socket.
    Attach { id: ConnectionId, stream: Arc<TcpStream>, closed: CancellationToken },
    /// Send a frame to this socket alone. A pong replaces one that has not been written yet.
    Send { id: ConnectionId, frame: Frame },
    /// Hold the room's events back for this socket from now on, until its join is answered.
    Subscribe { id: ConnectionId, room: RoomId, ticket: Ticket },
    /// Send the reply, then the events that were held above each entry; the socket is then a live member.
    Joined { id: ConnectionId, entries: Vec<Entry>, reply: Frame },
    /// End the subscription of this socket to the room.
    Unsubscribe { id: ConnectionId, room: RoomId },
    /// Send the reason and a close frame, and end the socket when everything that waits has been written.
    Close { id: ConnectionId, code: CloseCode, after_ms: Option<u64> },
    /// Close every socket. Each is told to reconnect after a time of its own below `spread_ms`.
    CloseAll { code: CloseCode, spread_ms: u64 },
    /// Forget this socket, which is gone.
    Detach { id: ConnectionId },
    /// Let go of this socket, which another shard has from now on.
    Part { id: ConnectionId },
    /// A sequenced event of a room.
    Event { room: RoomId, epoch: i64, seq: u64, frame: Frame },
    /// Events that the shard has missed, from the number `first` on.
    Missed { room: RoomId, epoch: i64, first: u64, frames: Vec<Frame> },
    /// The room's last event. All events up to it were published before this message.
    Digest { room: RoomId, epoch: i64, seq: u64 },
    /// A signal of a room, which may be missed.
    Signal { room: RoomId, frame: Frame },
    /// End the subscriptions of these sockets to the room, and send each this frame.
    Remove { room: RoomId, connections: Vec<ConnectionId>, frame: Frame },
}
