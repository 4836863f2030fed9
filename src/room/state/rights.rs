//! Who may do what in a room: one table, role by act. Every act of a room asks it; nobody else compares a user with
//! the owner.
//!
//! A role is what somebody is to the room at this moment. That somebody was put out for a while is no role: it is
//! looked at beside the table, for those whose right does not need them to be in the room.

use parlor_protocol::room::RoomRole;
use parlor_protocol::{Command, ErrorBody, ErrorCode, UserId};

use self::Role::{AwayOwner, Member, Outsider, Owner, Staff};

/// What somebody is to a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The owner, in the room.
    Owner,
    /// The owner, not in the room: what the owner decides about it needs nobody to be there.
    AwayOwner,
    /// In the room, with or without a seat.
    Member,
    /// Not in the room.
    Outsider,
    /// The platform's staff, who act from outside and need no role in the room.
    Staff,
}

/// What a role may or may not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// See who is in the room, who sits where, and its gifts.
    Look,
    /// Say something.
    Chat,
    /// Take a free seat.
    TakeSeat,
    /// Take the host's seat.
    TakeHostSeat,
    /// Leave one's own seat.
    LeaveSeat,
    /// Lock a seat; who sits there is evicted.
    LockSeat,
    /// Unlock a seat.
    UnlockSeat,
    /// Put somebody out who does not own the room.
    Kick,
    /// Put the owner out.
    KickOwner,
    /// Put everybody out.
    Close,
    /// Change what the room looks like.
    ChangeSettings,
    /// Wake a room that sleeps by asking it something.
    Wake,
}

/// The table: who may do this.
const fn allowed(act: Act) -> &'static [Role] {
    match act {
        Act::Look => &[Owner, AwayOwner, Member, Staff],
        Act::Chat | Act::TakeSeat | Act::LeaveSeat => &[Owner, Member],
        Act::TakeHostSeat => &[Owner],
        Act::LockSeat | Act::UnlockSeat | Act::ChangeSettings => &[Owner, AwayOwner],
        Act::Kick => &[Owner, AwayOwner, Staff],
        Act::KickOwner | Act::Close => &[Staff],
        Act::Wake => &[AwayOwner, Staff],
    }
}

/// Whether the role has this right.
pub fn may(role: Role, act: Act) -> bool {
    allowed(act).contains(&role)
}

/// # Errors
/// `not_in_room` for who would have to come in first, and `forbidden` for who is in and may not.
pub fn check(role: Role, act: Act) -> Result<(), ErrorBody> {
    match role {
        _ if may(role, act) => Ok(()),
        Owner | Member | Staff => Err(ErrorCode::Forbidden.into()),
        AwayOwner | Outsider => Err(ErrorCode::NotInRoom.into()),
    }
}

impl Role {
    /// What this user is to a room of this owner.
    pub fn of(user: UserId, owner: UserId, is_present: bool) -> Self {
        match (user == owner, is_present) {
            (true, true) => Owner,
            (true, false) => AwayOwner,
            (false, true) => Member,
            (false, false) => Outsider,
        }
    }

    /// It is the owner's, in the room or not.
    pub const fn is_owner(self) -> bool {
        matches!(self, Owner | AwayOwner)
    }

    /// The role as clients know it.
    pub const fn shown(self) -> RoomRole {
        if self.is_owner() { RoomRole::Owner } else { RoomRole::Member }
    }
}

impl Act {
    /// What a command does in its room, for those that are decided there by who asks; whom a kick puts out is seen
    /// when it is decided.
    pub const fn of(command: &Command) -> Option<Self> {
        match command {
            Command::ChatSend(_) => Some(Self::Chat),
            Command::SeatTake(_) => Some(Self::TakeSeat),
            Command::SeatLeave(_) => Some(Self::LeaveSeat),
            Command::SeatLock(_) => Some(Self::LockSeat),
            Command::SeatUnlock(_) => Some(Self::UnlockSeat),
            Command::RoomKick(_) => Some(Self::Kick),
            _ => None,
        }
    }

    /// Putting out somebody of this role.
    pub const fn kick(whom: Role) -> Self {
        if whom.is_owner() { Self::KickOwner } else { Self::Kick }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 5] = [Owner, AwayOwner, Member, Outsider, Staff];

    /// Each act with a mark for each of [`ROLES`], in their order.
    const RIGHTS: [(Act, &str); 12] = [
        (Act::Look, "x x x . x"),
        (Act::Chat, "x . x . ."),
        (Act::TakeSeat, "x . x . ."),
        (Act::TakeHostSeat, "x . . . ."),
        (Act::LeaveSeat, "x . x . ."),
        (Act::LockSeat, "x x . . ."),
        (Act::UnlockSeat, "x x . . ."),
        (Act::Kick, "x x . . x"),
        (Act::KickOwner, ". . . . x"),
        (Act::Close, ". . . . x"),
        (Act::ChangeSettings, "x x . . ."),
        (Act::Wake, ". x . . x"),
    ];

    #[test]
    fn each_role_may_what_stands_here_and_nothing_else() {
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
    fn a_role_is_who_owns_the_room_and_who_is_there() {
        let (owner, other) = (UserId::new(1).expect("a user"), UserId::new(2).expect("a user"));
        let of = |user, is_present| Role::of(user, owner, is_present);
        assert_eq!([of(owner, true), of(owner, false), of(other, true), of(other, false)], ROLES[..4]);
        assert_eq!(ROLES.map(|role| Act::kick(role) == Act::KickOwner), [true, true, false, false, false]);
        assert_eq!(ROLES.map(Role::shown).iter().filter(|role| **role == RoomRole::Owner).count(), 2);
    }
}
