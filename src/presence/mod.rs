//! The users of this process: their devices, the one room that each is in, and how much each has asked lately.
//!
//! Presence tells rooms which sockets are gone, and sockets into which other room their user went. It reads no frames
//! and decides nothing that is a room's to decide.

mod place;
mod user;

pub use place::Place;
pub use user::{Former, Presence, Users};

use parlor_protocol::RoomId;

use crate::room::RoomHandle;

/// How presence reaches a room. It is a trait because presence must not know the register of rooms, which implements
/// it.
pub trait Rooms: Send + Sync + 'static {
    /// The handle of the room, if it is awake on this node.
    fn awake(&self, room: RoomId) -> Option<RoomHandle>;
}
