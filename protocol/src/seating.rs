//! The types of hands, invitations and the way in which seats are taken, which commands, events and snapshots share.

use serde::{Deserialize, Serialize};

use crate::id::UserId;
use crate::room::Person;

/// How users get a seat.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SeatMode {
    /// Everybody in the room may take a free seat.
    #[default]
    Free,
    /// The owner and the admins may take a seat. Others raise a hand or are invited.
    Apply,
}

/// What becomes of a user who sits on the seat to which another user is moved.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MovePolicy {
    /// They stay, and the move is answered `seat_taken`.
    GiveUp,
    /// They lose the seat, and stay in the room.
    Kick,
    /// The two users change seats.
    Swap,
}

/// A raised hand: a user who has no seat asks for one.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Hand {
    /// The user who has raised it.
    pub user: Person,
    /// The number of the seat that they ask for. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// Unix milliseconds at which it is lowered by itself.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    #[cfg_attr(feature = "utoipa", schema(minimum = 0))]
    pub until: i64,
}

/// Why a hand is no longer raised.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HandOutcome {
    /// It was approved, and the user has a seat.
    Approved,
    /// It was refused.
    Refused,
    /// The user has lowered it.
    Lowered,
    /// Nobody has answered it in time.
    Expired,
    /// The user has got a seat in another way.
    Seated,
    /// The user has left the room.
    Gone,
}

/// What became of a hand, and by whom.
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SettledHand {
    /// What became of it.
    pub outcome: HandOutcome,
    /// The user who decided. Absent: nobody else than the one who had raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}

/// An invitation to take a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Invitation {
    /// The user who is invited.
    pub user: Person,
    /// The number of the seat. Absent: any that is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<u8>,
    /// The user who invites.
    pub by: UserId,
    /// Unix milliseconds at which it is over.
    #[cfg_attr(feature = "schemars", schemars(range(min = 0)))]
    pub until: i64,
}

/// Why an invitation is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InvitationOutcome {
    /// It was accepted, and the user has a seat.
    Accepted,
    /// The user has refused it.
    Refused,
    /// The user has not answered it in time.
    Expired,
    /// The user has got a seat in another way.
    Seated,
    /// The user has left the room.
    Gone,
}
