//! Delivery writes frames to sockets. A frame is encoded once, handed to the shards that own the sockets, and written
//! to each socket as the same shared bytes.
//!
//! Delivery knows ids and bytes. It does not decide what is sent or who may receive it.

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

/// A WebSocket frame with its header, usually of text. Every socket gets the same bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame(Bytes);

impl Frame {
    /// A frame with this text.
    pub fn text(text: &str) -> Self {
        Self(Bytes::from(frame::text(text)))
    }

    /// A text frame whose payload `write` writes directly into its buffer, which at first has room for `bytes`.
    pub fn written(bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = frame::written(bytes, write);
        // Some frames are kept for long, in a room's ring, so the buffer is cut to its size.
        bytes.shrink_to_fit();
        Self(Bytes::from(bytes))
    }

    /// The pong that answers a ping of the WebSocket layer with its own payload.
    pub fn pong(payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(frame::HEADER_BYTES + payload.len());
        frame::write(frame::Opcode::Pong, payload, &mut bytes);
        Self(Bytes::from(bytes))
    }

    /// Whether it is a pong of the WebSocket layer.
    pub fn is_pong(&self) -> bool {
        // FIN and opcode 0xA (RFC 6455, 5.2).
        self.0.first() == Some(&0x8A)
    }

    /// The bytes that are written to the socket, header included.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The text in the frame; empty if it is not a text frame.
    pub fn payload(&self) -> &str {
        std::str::from_utf8(frame::payload(&self.0)).unwrap_or_default()
    }
}

/// The id of a socket in this process. It is never used twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// Stands for no socket: the request came by REST.
    pub const NONE: Self = Self(0);
}
