//! Nodes, their leases, and which node acts for a room. This module knows ids and epochs, and not what a room is.
//!
//! A process that serves holds a lease on its row in `nodes`; whether it lives is judged by the database's clock alone.
//! A room belongs to one process `(node, incarnation)`, by a row in `room_owners` whose epoch only rises. Every durable
//! write of the room checks that epoch under a lock on the row.

mod lease;
mod mode;
mod node;
pub mod ownership;
mod settings;
mod store;

pub use lease::{Lease, Proof};
pub use mode::{Mode, refuse_peoples, unserved};
pub use node::{Identity, Node};
pub use settings::Settings;

use sqlx::PgConnection;

use crate::kit::error::Result;

/// The node whose lease holds at present, if one does.
///
/// # Errors
/// A fault or an outage of the store.
pub async fn serving(conn: &mut PgConnection) -> Result<Option<String>> {
    Ok(store::live_lease(conn).await?.map(|lease| lease.node_id))
}
