//! Nodes, their leases, and which node acts for a room. Knows ids and epochs; never what a room is.
//!
//! A process that serves holds a lease on its row in `nodes`, judged by the database's clock alone. A
//! room belongs to one process, `(node, incarnation)`, by a row with an epoch that only rises; every
//! durable write of the room checks that epoch under a lock on the row.

mod lease;
mod node;
pub mod ownership;
mod settings;
mod store;

pub use lease::{Lease, Proof};
pub use node::{Identity, Node};
pub use settings::Settings;
