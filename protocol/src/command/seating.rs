//! The commands about seats beyond one's own: who is heard, how seats are taken, how many there are, and who is moved.

use serde::{Deserialize, Serialize};

use super::{NUMBER, is_number};
use crate::error::ErrorBody;
use crate::id::{RoomId, UserId};
use crate::kind::CommandData;
use crate::limit;
use crate::seating::{MovePolicy, SeatMode};

/// The data of a command that names its room, and may name the seat map on which it was decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OnMap {
    /// The room.
    pub room: RoomId,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Change how users get a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SetSeatMode {
    /// The room.
    pub room: RoomId,
    /// How users get a seat from now on.
    pub mode: SeatMode,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Change the number of seats.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SetLayout {
    /// The room.
    pub room: RoomId,
    /// The number of seats from now on: 5, 8, 10, 12, 15 or 20.
    #[cfg_attr(feature = "schemars", schemars(extend("enum" = limit::LAYOUTS)))]
    pub seats: u8,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Move another user to a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct MoveUser {
    /// The room.
    pub room: RoomId,
    /// The user, who sits on a seat.
    pub user: UserId,
    /// The number of the seat to move them to, from 0.
    pub seat: u8,
    /// What becomes of a user who sits there.
    pub policy: MovePolicy,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// The data of a command about one user of a room, which may name the seat map on which it was decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OnUserOnMap {
    /// The room.
    pub room: RoomId,
    /// The user.
    pub user: UserId,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Raise a hand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RaiseHand {
    /// The room.
    pub room: RoomId,
    /// The number of the seat that the user asks for, from 0. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Offer a user a seat: approve their hand, or invite them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OfferSeat {
    /// The room.
    pub room: RoomId,
    /// The user who gets the seat.
    pub user: UserId,
    /// The seat's number, from 0. Absent: the one that the user has asked for, or else the first free seat except the
    /// host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// The version of the seat map that the user saw; if the map has another version, the answer is `seats_changed`.
    /// Absent: the version does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

macro_rules! on_map {
    ($($data:ident),*) => {$(
        impl CommandData for $data {
            fn room(&self) -> Option<RoomId> {
                Some(self.room)
            }

            fn refuse(&mut self, error: ErrorBody) -> ErrorBody {
                if self.version.is_none_or(is_number) { error } else { error.field("version", NUMBER) }
            }
        }
    )*};
}

on_map! { OnMap, SetSeatMode, MoveUser, OnUserOnMap, RaiseHand, OfferSeat }

impl CommandData for SetLayout {
    fn room(&self) -> Option<RoomId> {
        Some(self.room)
    }

    fn refuse(&mut self, mut error: ErrorBody) -> ErrorBody {
        if !limit::LAYOUTS.contains(&self.seats) {
            error = error.field("seats", "one of 5, 8, 10, 12, 15, 20");
        }
        if self.version.is_none_or(is_number) { error } else { error.field("version", NUMBER) }
    }
}
