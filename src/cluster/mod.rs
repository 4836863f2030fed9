//! Nodes, their leases, and which node acts for a room. This module knows ids and epochs, and not what a room is.
//!
//! A process that serves holds a lease on its row in `nodes`. Whether it lives is judged by whoever wants to know, who
//! watches the row by a clock of its own; the holder itself proves its lease by its own.
//!
//! A room belongs to one process `(node, incarnation)`, by a row in `room_owners` whose epoch only rises. Every durable
//! write of the room checks that epoch under a lock on the row.

mod lease;
mod mode;
mod node;
pub mod ownership;
mod settings;
mod store;
mod watched;

pub use lease::{Lease, Proof};
pub use mode::{Mode, refuse_peoples, serving, unserved};
pub use node::{Identity, Node};
pub use settings::Settings;
