//! What a shard can be told. One queue for all of it: its order is the order on the sockets.

use std::sync::Arc;

use parlor_protocol::{CloseCode, RoomId};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::listeners::Ticket;
use super::{ConnectionId, Frame};

/// Where a socket comes into a room: the events above this are its own to see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub room: RoomId,
    pub epoch: i64,
    pub seq: u64,
}

/// What a shard can be told.
pub(super) enum Message {
    /// Own this socket's write side.
    Attach { id: ConnectionId, stream: Arc<TcpStream>, closed: CancellationToken },
    /// A frame for this socket alone. A pong takes the place of one that has not left yet.
    Send { id: ConnectionId, frame: Frame },
    /// Hold the room's events back for this socket from here on.
    Subscribe { id: ConnectionId, room: RoomId, ticket: Ticket },
    /// The reply, then what was held above each entry, then what comes.
    Joined { id: ConnectionId, entries: Vec<Entry>, reply: Frame },
    /// No more of this room for this socket.
    Unsubscribe { id: ConnectionId, room: RoomId },
    /// Say why, close, and end the socket when all that waits has left.
    Close { id: ConnectionId, code: CloseCode, after_ms: Option<u64> },
    /// The same for every socket, each with a wait of its own below `spread_ms`.
    CloseAll { code: CloseCode, spread_ms: u64 },
    /// The socket is gone.
    Detach { id: ConnectionId },
    /// Another shard has the socket from here on.
    Part { id: ConnectionId },
    /// A sequenced event of a room.
    Event { room: RoomId, epoch: i64, seq: u64, frame: Frame },
    /// Events that the shard has missed, from this number on.
    Missed { room: RoomId, epoch: i64, first: u64, frames: Vec<Frame> },
    /// Where the room stands: all up to this has been said before.
    Digest { room: RoomId, epoch: i64, seq: u64 },
    /// What may be missed.
    Signal { room: RoomId, frame: Frame },
    /// These sockets leave the room and are told so.
    Remove { room: RoomId, connections: Vec<ConnectionId>, frame: Frame },
}
