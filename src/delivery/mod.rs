//! Events out: encoded once, handed to the shards that own the sockets, written as shared bytes.
//!
//! Delivery knows ids and bytes. It never decides what is sent or who may have it.

mod agenda;
mod audience;
mod handle;
mod listeners;
mod membership;
mod message;
mod outbox;
mod pace;
mod relief;
mod settings;
mod shard;
mod socket;
mod tally;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use parlor_protocol::frame;

pub use handle::{Connection, Delivery, Topic};
pub use settings::Settings;

/// A text frame, WebSocket header and all: every socket gets these same bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame(Bytes);

impl Frame {
    /// Frames this text.
    pub fn text(text: &str) -> Self {
        Self(Bytes::from(frame::text(text)))
    }

    /// The same, written where it stays; it takes about so many bytes.
    pub fn written(bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = frame::written(bytes, write);
        // What is kept for long (a room's last events) has no room to spare.
        bytes.shrink_to_fit();
        Self(Bytes::from(bytes))
    }

    /// The pong that answers a ping of the WebSocket layer with its own payload.
    pub fn pong(payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(frame::HEADER_BYTES + payload.len());
        frame::write(frame::Opcode::Pong, payload, &mut bytes);
        Self(Bytes::from(bytes))
    }

    /// Whether it is such a pong.
    pub fn is_pong(&self) -> bool {
        // FIN and opcode 0xA (RFC 6455, 5.2).
        self.0.first() == Some(&0x8A)
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

impl ConnectionId {
    /// No socket: what is asked came another way.
    pub const NONE: Self = Self(0);
}
