//! Who may do what in a room: one table of acts and roles. Every act in a room is checked here; no other code compares
//! a user with the owner.
//!
//! A role is what a user is to the room at this moment. Having been kicked is not a role. It is checked apart from the
//! table, and only for users whose right does not require them to be in the room.

use parlor_protocol::room::RoomRole;
use parlor_protocol::{Command, ErrorBody, ErrorCode, UserId};

use self::Role::{AwayOwner, Member, Outsider, Owner, Staff};

/// What a user is to a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The owner, while they are in the room.
    Owner,
    /// The owner, while they are not in the room. They may still decide about the room itself.
    AwayOwner,
    /// Another user who is in the room, with or without a seat.
    Member,
    /// Another user who is not in the room.
    Outsider,
    /// A member of the platform's staff, who acts from outside.
    Staff,
}

/// Something that is done in a room, or to it, and that needs a right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// See who is in the room, who sits where, and its gifts.
    Look,
    /// Post a line of chat.
    Chat,
    /// Take a free seat.
    TakeSeat,
    /// Take the host's seat, or move to it.
    TakeHostSeat,
    /// Move from one's own seat to another.
    MoveSeat,
    /// Leave one's own seat.
    LeaveSeat,
    /// Lock a seat, from which whoever sits there is removed.
    LockSeat,
    /// Unlock a seat.
    UnlockSeat,
    /// Lock all seats except the host's, from which everybody who sits there is removed.
    LockAllSeats,
    /// Unlock all seats.
    UnlockAllSeats,
    /// Kick a user who does not own the room.
    Kick,
    /// Kick the owner.
    KickOwner,
    /// Put everybody out of the room.
    Close,
    /// Change the room's settings, such as its picture.
    ChangeSettings,
    /// Wake a room that sleeps, by asking it something from outside.
    Wake,
}

/// The table: the roles that may do this.
const fn allowed(act: Act) -> &'static [Role] {
    match act {
        Act::Look => &[Owner, AwayOwner, Member, Staff],
        Act::Chat | Act::TakeSeat | Act::MoveSeat | Act::LeaveSeat => &[Owner, Member],
        Act::TakeHostSeat => &[Owner],
        Act::LockSeat | Act::UnlockSeat | Act::LockAllSeats | Act::UnlockAllSeats => &[Owner, AwayOwner],
        Act::ChangeSettings => &[Owner, AwayOwner],
        Act::Kick => &[Owner, AwayOwner, Staff],
        Act::KickOwner | Act::Close => &[Staff],
        Act::Wake => &[AwayOwner, Staff],
    }
}

/// Whether the role may do this.
pub fn may(role: Role, act: Act) -> bool {
    allowed(act).contains(&role)
}

/// Refuses an act that the role may not do.
///
/// # Errors
/// `not_in_room` for a user who is not in the room; `forbidden` for a user who is, and for staff.
pub fn check(role: Role, act: Act) -> Result<(), ErrorBody> {
    match role {
        _ if may(role, act) => Ok(()),
        Owner | Member | Staff => Err(ErrorCode::Forbidden.into()),
        AwayOwner | Outsider => Err(ErrorCode::NotInRoom.into()),
    }
}

impl Role {
    /// The role of this user in a room of this owner.
    pub fn of(user: UserId, owner: UserId, is_present: bool) -> Self {
        match (user == owner, is_present) {
            (true, true) => Owner,
            (true, false) => AwayOwner,
            (false, true) => Member,
            (false, false) => Outsider,
        }
    }

    /// Whether it is the owner's role, in the room or not.
    pub const fn is_owner(self) -> bool {
        matches!(self, Owner | AwayOwner)
    }

    /// The role as clients see it.
    pub const fn shown(self) -> RoomRole {
        if self.is_owner() { RoomRole::Owner } else { RoomRole::Member }
    }
}

impl Act {
    /// The act of a command that a room decides; `None` for other commands. For `room.kick` it is [`Act::Kick`];
    /// whether it would be the owner who is kicked is checked when the kick is decided.
    pub const fn of(command: &Command) -> Option<Self> {
        match command {
            Command::ChatSend(_) => Some(Self::Chat),
            Command::SeatTake(_) => Some(Self::TakeSeat),
            Command::SeatMove(_) => Some(Self::MoveSeat),
            Command::SeatLeave(_) => Some(Self::LeaveSeat),
            Command::SeatLock(_) => Some(Self::LockSeat),
            Command::SeatUnlock(_) => Some(Self::UnlockSeat),
            Command::SeatLockAll(_) => Some(Self::LockAllSeats),
            Command::SeatUnlockAll(_) => Some(Self::UnlockAllSeats),
            Command::RoomKick(_) => Some(Self::Kick),
            _ => None,
        }
    }

    /// The act of kicking a user of this role.
    pub const fn kick(whom: Role) -> Self {
        if whom.is_owner() { Self::KickOwner } else { Self::Kick }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 5] = [Owner, AwayOwner, Member, Outsider, Staff];

    /// Each act with a mark for each of [`ROLES`], in their order.
    const RIGHTS: [(Act, &str); 15] = [
        (Act::Look, "x x x . x"),
        (Act::Chat, "x . x . ."),
        (Act::TakeSeat, "x . x . ."),
        (Act::TakeHostSeat, "x . . . ."),
        (Act::MoveSeat, "x . x . ."),
        (Act::LeaveSeat, "x . x . ."),
        (Act::LockSeat, "x x . . ."),
        (Act::UnlockSeat, "x x . . ."),
        (Act::LockAllSeats, "x x . . ."),
        (Act::UnlockAllSeats, "x x . . ."),
        (Act::Kick, "x x . . x"),
        (Act::KickOwner, ". . . . x"),
        (Act::Close, ". . . . x"),
        (Act::ChangeSettings, "x x . . ."),
        (Act::Wake, ". x . . x"),
    ];

    #[test]
    fn each_role_may_do_exactly_what_this_table_says() {
        for (act, expected) in RIGHTS {
            let marks = ROLES.map(|role| if may(role, act) { "x" } else { "." });
            assert_eq!(marks.join(" "), expected, "{act:?}");
            for role in ROLES {
                let code = check(role, act).err().map(|refusal| refusal.code);
                let from_outside = matches!(role, AwayOwner | Outsider);
                let refusal = if from_outside { ErrorCode::NotInRoom } else { ErrorCode::Forbidden };
                assert_eq!(code, (!may(role, act)).then_some(refusal), "{role:?} {act:?}");
            }
        }
    }

    #[test]
    fn a_role_follows_from_who_owns_the_room_and_who_is_in_it() {
        let (owner, other) = (UserId::new(1).expect("a user"), UserId::new(2).expect("a user"));
        let of = |user, is_present| Role::of(user, owner, is_present);
        assert_eq!([of(owner, true), of(owner, false), of(other, true), of(other, false)], ROLES[..4]);
        assert_eq!(ROLES.map(|role| Act::kick(role) == Act::KickOwner), [true, true, false, false, false]);
        assert_eq!(ROLES.map(Role::shown).iter().filter(|role| **role == RoomRole::Owner).count(), 2);
    }
}
