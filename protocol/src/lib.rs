//! The wire of Parlor: what apps in the field speak for years.
//!
//! Here live commands, replies, events, signals, user frames, errors, ids, limits and the WebSocket
//! frame codec, as plain types with serde. Nothing here knows a socket, a runtime, a database or a
//! clock: the server, the load testers and the tests share one set of words.
//!
//! The docstrings are published: the JSON Schema, the AsyncAPI document and its page are written from
//! them (`./parlor schema`). They say shape and unit, and of what may be absent what its absence means.
//! What came after the first release says `Since` and the version; the rest was there from the beginning.

pub mod close;
pub mod command;
#[cfg(feature = "schemars")]
pub mod describe;
pub mod envelope;
pub mod error;
pub mod event;
pub mod frame;
pub mod id;
pub mod kind;
pub mod limit;
pub mod money;
pub mod reply;
pub mod room;
#[cfg(feature = "utoipa")]
mod schema;

pub use close::CloseCode;
pub use command::Command;
pub use error::{ErrorBody, ErrorCode, Retry};
pub use event::{Event, Signal, UserFrame};
pub use id::{GiftId, Op, RoomId, UserId};
pub use kind::{CommandData, CommandKind, Lane, RateClass, Weight};
pub use money::{Coins, Currency, Diamonds};

/// The WebSocket subprotocol of this form of the wire.
pub const SUBPROTOCOL: &str = "parlor.v1.json";
