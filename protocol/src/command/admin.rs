//! The commands about who is an admin of a room.

use serde::{Deserialize, Serialize};

use crate::id::{RoomId, UserId};
use crate::kind::CommandData;

/// The data of a command about one user of a room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OnUser {
    /// The room.
    pub room: RoomId,
    /// The user.
    pub user: UserId,
}

impl CommandData for OnUser {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }
}
