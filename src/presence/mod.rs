//! Users of this process: their devices, the one room each is in, and how much they have asked lately.
//!
//! Presence tells rooms who is gone and sockets where their user went; it reads no frames and decides nothing
//! that a room decides.

mod place;
mod user;

pub use place::Place;
pub use user::{Former, Presence, Users};

use parlor_protocol::RoomId;

use crate::room::RoomHandle;

/// The way to a room that is awake; stated here, connected by whoever knows the rooms.
pub trait Rooms: Send + Sync + 'static {
    /// The room's handle, if it is awake on this node.
    fn awake(&self, room: RoomId) -> Option<RoomHandle>;
}
