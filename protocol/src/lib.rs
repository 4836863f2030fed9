//! The protocol of Parlor's socket, which installed apps use for years.
//!
//! It has the commands, replies, events, signals, user frames, errors, ids, limits and the WebSocket frame codec, as
//! plain types with serde. Nothing here uses a socket, a runtime, a database or a clock, so the server, the load tester
//! and the tests share these types.
//!
//! The docstrings are published: `./parlor schema` writes the JSON Schema, the AsyncAPI document and its page from
//! them. A docstring says shape and unit, and for a field that may be absent what its absence means. What was added
//! after the first release says `Since` and the version.

pub mod chat;
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
pub mod read;
pub mod record;
pub mod reply;
pub mod room;
#[cfg(feature = "utoipa")]
mod schema;
pub mod seating;
pub mod text;

pub use close::CloseCode;
pub use command::Command;
pub use error::{ErrorBody, ErrorCode, Retry};
pub use event::{Event, Signal, UserFrame};
pub use id::{GiftId, Op, RoomId, UserId};
pub use kind::{CommandData, CommandKind, Lane, RateClass, Weight};
pub use money::{Coins, Currency, Diamonds};

/// The WebSocket subprotocol of this version of the protocol.
pub const SUBPROTOCOL: &str = "parlor.v1.json";
