//! Events out: encoded once, handed to the shards that own the sockets, written as shared bytes.
//!
//! Delivery knows ids and bytes. It never decides what is sent or who may have it.

use bytes::Bytes;
use parlor_protocol::frame;

/// A text frame, WebSocket header and all: every socket gets these same bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame(Bytes);

impl Frame {
    /// Frames this text.
    pub fn text(text: &str) -> Self {
        Self(Bytes::from(frame::text(text)))
    }

    /// What goes into the socket.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The text within.
    pub fn payload(&self) -> &str {
        std::str::from_utf8(frame::payload(&self.0)).unwrap_or_default()
    }
}

/// One socket of this process; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnectionId(pub u64);

// STUB of the room worktree, until the real delivery is merged: the same methods, nobody listens.

/// Where rooms' frames go.
#[derive(Clone, Debug, Default)]
pub struct Delivery;

impl Delivery {
    /// The room's topic.
    pub fn topic(&self, _room: parlor_protocol::RoomId) -> Topic {
        Topic
    }
}

/// Everybody who is subscribed to one room.
#[derive(Clone, Debug)]
pub struct Topic;

impl Topic {
    /// One event for everybody.
    pub async fn publish(&self, _epoch: i64, _seq: u64, _frame: Frame) {}

    /// One signal for everybody who isn't behind.
    pub async fn signal(&self, _frame: Frame) {}

    /// Ends these subscriptions, with a last frame each.
    pub async fn remove(&self, _connections: Vec<ConnectionId>, _frame: Frame) {}
}
