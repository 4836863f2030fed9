//! Who may do what in a room: one table of acts and roles. Every act in a room is checked here; no other code compares
//! a user with the owner or the admins.
//!
//! A role is what a user is to the room at this moment: the highest that they have, so that an admin on the host's seat is
//! an admin. Having been kicked is not a role. It is checked apart from the table, and only for users whose right does not
//! require them to be in the room.

use parlor_protocol::room::RoomRole;
use parlor_protocol::{Command, ErrorBody, ErrorCode, UserId};

use self::Role::{Admin, AwayAdmin, AwayOwner, Host, Listener, Outsider, Owner, Speaker, Staff};
use super::seats::HOST;

/// What a user is to a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The owner, while they are in the room.
    Owner,
    /// The owner, while they are not in the room. They may still decide about the room itself.
    AwayOwner,
    /// An admin who is in the room, with or without a seat.
    Admin,
    /// An admin who is not in the room. They may do no more than other users outside; but other admins have no right over
    /// them.
    AwayAdmin,
    /// Another user, who sits on the host's seat.
    Host,
    /// Another user, who sits on another seat.
    Speaker,
    /// Another user, who is in the room and has no seat.
    Listener,
    /// Another user who is not in the room.
    Outsider,
    /// A member of the platform's staff, who acts from outside.
    Staff,
}

/// Where a user is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whereabouts {
    /// Not in the room.
    Outside,
    /// In the room, without a seat.
    Inside,
    /// In the room, on the seat of this number.
    Seated(u8),
}

/// Something that is done in a room, or to it, and that needs a right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// See who is in the room, who sits where, and its gifts.
    Look,
    /// Hear the room.
    Hear,
    /// Post a line of chat.
    Chat,
    /// Post a line of chat with an image.
    PostImage,
    /// Recall one's own line of chat.
    Recall,
    /// Recall any line of chat, at any time.
    RecallAny,
    /// Be heard on one's own seat.
    Speak,
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
    /// Kick a user who is neither owner nor admin.
    Kick,
    /// Kick an admin.
    KickAdmin,
    /// Kick the owner.
    KickOwner,
    /// Decide about the seat of a user who is neither owner nor admin, against their will.
    Overrule,
    /// Decide about the seat of an admin, against their will.
    OverruleAdmin,
    /// Decide about the seat of the owner, against their will.
    OverruleOwner,
    /// Take a free seat where seats are applied for.
    SitUnasked,
    /// Give another user the host's seat.
    GiveHostSeat,
    /// Raise one's hand, and lower it.
    RaiseHand,
    /// Approve and refuse hands, and see all of them.
    SettleHands,
    /// Invite a user to a seat.
    Invite,
    /// Answer an invitation.
    AnswerInvitation,
    /// Move another user to a seat, or take their seat away.
    MoveOthers,
    /// Mute and unmute oneself.
    MuteOneself,
    /// Mute a seat, and unmute it.
    MuteSeat,
    /// Change how users get a seat.
    ChangeSeatMode,
    /// Change the number of seats.
    ChangeLayout,
    /// Offer the room to another user, and withdraw the offer.
    OfferOwnership,
    /// Answer an offer of the room.
    AnswerOffer,
    /// Make a user an admin.
    Promote,
    /// Make an admin a user like others.
    Demote,
    /// Be an admin no longer, by one's own decision.
    StepDown,
    /// Ban a user whom one may kick.
    Ban,
    /// Lift a ban.
    Unban,
    /// Mute a user in the chat whom one may kick.
    MuteChat,
    /// Let a muted user write again.
    UnmuteChat,
    /// Set the rules of the chat.
    SetChatRules,
    /// Write in the chat whatever its rules are.
    ChatFreely,
    /// See who is banned from the room, and who is muted in it.
    ReadConduct,
    /// See what the room was on each day.
    ReadDays,
    /// Put everybody out of the room.
    Close,
    /// Change the room's settings, such as its picture and its record.
    ChangeSettings,
    /// Close the room, and open it.
    Shut,
    /// Close the room so that its owner cannot open it, and open it.
    Suspend,
    /// Do what the room's record lets only its admins do.
    PassRecord,
    /// Wake a room that sleeps, by asking it something from outside.
    Wake,
}

/// The table: the roles that may do this.
const fn allowed(act: Act) -> &'static [Role] {
    match act {
        Act::Look => &[Owner, AwayOwner, Admin, Host, Speaker, Listener, Staff],
        Act::Hear | Act::Chat | Act::PostImage | Act::TakeSeat | Act::MoveSeat | Act::LeaveSeat => {
            &[Owner, Admin, Host, Speaker, Listener]
        }
        // The owner recalls lines from outside too, and others only those that they wrote.
        Act::Recall => &[Owner, AwayOwner, Admin, Host, Speaker, Listener],
        Act::RecallAny => &[Owner, AwayOwner, Admin, Staff],
        Act::Speak => &[Owner, Admin, Host, Speaker, Listener],
        Act::TakeHostSeat => &[Owner],
        Act::PassRecord => &[Owner, Admin],
        Act::LockSeat | Act::UnlockSeat | Act::LockAllSeats | Act::UnlockAllSeats => &[Owner, AwayOwner, Admin],
        Act::Overrule | Act::MoveOthers | Act::MuteSeat | Act::ChangeSeatMode => &[Owner, AwayOwner, Admin],
        Act::SettleHands | Act::Invite => &[Owner, AwayOwner, Admin, Host],
        Act::RaiseHand | Act::AnswerInvitation | Act::MuteOneself => &[Owner, Admin, Host, Speaker, Listener],
        Act::SitUnasked => &[Owner, Admin],
        Act::GiveHostSeat => &[Owner, AwayOwner],
        Act::OverruleAdmin => &[Owner, AwayOwner],
        Act::OverruleOwner => &[],
        Act::AnswerOffer => &[Admin, Host, Speaker, Listener],
        Act::ChangeSettings | Act::Shut | Act::ChangeLayout | Act::OfferOwnership | Act::Promote | Act::Demote => {
            &[Owner, AwayOwner]
        }
        Act::ReadDays => &[Owner, AwayOwner],
        Act::StepDown => &[Admin],
        Act::Kick => &[Owner, AwayOwner, Admin, Staff],
        Act::KickAdmin => &[Owner, AwayOwner, Staff],
        Act::KickOwner | Act::Close | Act::Suspend => &[Staff],
        Act::Ban | Act::Unban | Act::MuteChat | Act::UnmuteChat => &[Owner, AwayOwner, Admin, Staff],
        Act::ReadConduct | Act::SetChatRules => &[Owner, AwayOwner, Admin],
        Act::ChatFreely => &[Owner, Admin],
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
        Owner | Admin | Host | Speaker | Listener | Staff => Err(ErrorCode::Forbidden.into()),
        AwayOwner | AwayAdmin | Outsider => Err(ErrorCode::NotInRoom.into()),
    }
}

impl Role {
    /// The role of this user in a room of this owner, if it is known whether they are an admin, and where they are.
    pub fn of(user: UserId, owner: UserId, is_admin: bool, place: Whereabouts) -> Self {
        let is_owner = user == owner;
        match place {
            Whereabouts::Outside if is_owner => AwayOwner,
            Whereabouts::Outside if is_admin => AwayAdmin,
            Whereabouts::Outside => Outsider,
            _ if is_owner => Owner,
            _ if is_admin => Admin,
            Whereabouts::Seated(HOST) => Host,
            Whereabouts::Seated(_) => Speaker,
            Whereabouts::Inside => Listener,
        }
    }

    /// The role of a user who is in no room, in a room of this owner. Admins have no rights from outside.
    pub fn outside(user: UserId, owner: UserId) -> Self {
        Self::of(user, owner, false, Whereabouts::Outside)
    }

    /// Whether it is the owner's role, in the room or not.
    pub const fn is_owner(self) -> bool {
        matches!(self, Owner | AwayOwner)
    }

    /// Whether it is an admin's role, in the room or not.
    pub const fn is_admin(self) -> bool {
        matches!(self, Admin | AwayAdmin)
    }

    /// The role as clients see it. Whoever is not in the room has no seat.
    pub const fn shown(self) -> RoomRole {
        match self {
            Owner | AwayOwner => RoomRole::Owner,
            Admin | AwayAdmin => RoomRole::Admin,
            Host => RoomRole::Host,
            Speaker => RoomRole::Speaker,
            Listener | Outsider | Staff => RoomRole::Listener,
        }
    }
}

impl Act {
    /// The act of a command that a room decides, if this user gives it; `None` for other commands. For a command against
    /// somebody, such as `room.kick`, it does not depend on whom: that is checked when the command is decided.
    pub fn of(command: &Command, by: UserId) -> Option<Self> {
        match command {
            Command::ChatSend(_) => Some(Self::Chat),
            Command::ChatImage(_) => Some(Self::PostImage),
            Command::ChatRecall(_) => Some(Self::Recall),
            Command::SeatTake(_) => Some(Self::TakeSeat),
            Command::SeatMove(_) => Some(Self::MoveSeat),
            Command::SeatLeave(_) | Command::SeatClaim(_) => Some(Self::LeaveSeat),
            Command::SeatLock(_) => Some(Self::LockSeat),
            Command::SeatUnlock(_) => Some(Self::UnlockSeat),
            Command::SeatLockAll(_) => Some(Self::LockAllSeats),
            Command::SeatUnlockAll(_) => Some(Self::UnlockAllSeats),
            Command::RoomKick(_) => Some(Self::Kick),
            Command::SeatMute(_) | Command::SeatUnmute(_) => Some(Self::MuteSeat),
            Command::SeatMode(_) => Some(Self::ChangeSeatMode),
            Command::SeatLayout(_) => Some(Self::ChangeLayout),
            Command::SeatMoveUser(_) | Command::SeatRemoveUser(_) => Some(Self::MoveOthers),
            Command::MicMute(_) | Command::MicUnmute(_) => Some(Self::MuteOneself),
            Command::HandRaise(_) | Command::HandLower(_) => Some(Self::RaiseHand),
            Command::HandApprove(_) | Command::HandRefuse(_) => Some(Self::SettleHands),
            Command::InvitationSend(_) => Some(Self::Invite),
            Command::InvitationAccept(_) | Command::InvitationRefuse(_) => Some(Self::AnswerInvitation),
            Command::OwnershipOffer(_) | Command::OwnershipWithdraw(_) => Some(Self::OfferOwnership),
            Command::OwnershipAccept(_) | Command::OwnershipRefuse(_) => Some(Self::AnswerOffer),
            Command::AdminPromote(_) => Some(Self::Promote),
            Command::AdminDemote(whom) if whom.user == by => Some(Self::StepDown),
            Command::AdminDemote(_) => Some(Self::Demote),
            Command::RoomBan(_) => Some(Self::Ban),
            Command::RoomUnban(_) => Some(Self::Unban),
            Command::ChatMute(_) => Some(Self::MuteChat),
            Command::ChatUnmute(_) => Some(Self::UnmuteChat),
            Command::ChatRules(_) => Some(Self::SetChatRules),
            Command::RoomChange(_) => Some(Self::ChangeSettings),
            Command::RoomClose(_) | Command::RoomOpen(_) => Some(Self::Shut),
            _ => None,
        }
    }

    /// The act of kicking a user of this role.
    pub const fn kick(whom: Role) -> Self {
        match whom {
            Owner | AwayOwner => Self::KickOwner,
            Admin | AwayAdmin => Self::KickAdmin,
            Host | Speaker | Listener | Outsider | Staff => Self::Kick,
        }
    }

    /// The act of deciding about the seat of a user of this role against their will.
    pub const fn overrule(whom: Role) -> Self {
        match whom {
            Owner | AwayOwner => Self::OverruleOwner,
            Admin | AwayAdmin => Self::OverruleAdmin,
            Host | Speaker | Listener | Outsider | Staff => Self::Overrule,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 9] = [Owner, AwayOwner, Admin, AwayAdmin, Host, Speaker, Listener, Outsider, Staff];

    /// Each act with a mark for each of [`ROLES`], in their order.
    const RIGHTS: [(Act, &str); 51] = [
        (Act::Look, "xxx.xxx.x"),
        (Act::Hear, "x.x.xxx.."),
        (Act::Chat, "x.x.xxx.."),
        (Act::PostImage, "x.x.xxx.."),
        (Act::Recall, "xxx.xxx.."),
        (Act::RecallAny, "xxx.....x"),
        (Act::Speak, "x.x.xxx.."),
        (Act::TakeSeat, "x.x.xxx.."),
        (Act::TakeHostSeat, "x........"),
        (Act::MoveSeat, "x.x.xxx.."),
        (Act::LeaveSeat, "x.x.xxx.."),
        (Act::LockSeat, "xxx......"),
        (Act::UnlockSeat, "xxx......"),
        (Act::LockAllSeats, "xxx......"),
        (Act::UnlockAllSeats, "xxx......"),
        (Act::Overrule, "xxx......"),
        (Act::OverruleAdmin, "xx......."),
        (Act::OverruleOwner, "........."),
        (Act::SitUnasked, "x.x......"),
        (Act::GiveHostSeat, "xx......."),
        (Act::RaiseHand, "x.x.xxx.."),
        (Act::SettleHands, "xxx.x...."),
        (Act::Invite, "xxx.x...."),
        (Act::AnswerInvitation, "x.x.xxx.."),
        (Act::MoveOthers, "xxx......"),
        (Act::MuteOneself, "x.x.xxx.."),
        (Act::MuteSeat, "xxx......"),
        (Act::ChangeSeatMode, "xxx......"),
        (Act::ChangeLayout, "xx......."),
        (Act::OfferOwnership, "xx......."),
        (Act::AnswerOffer, "..x.xxx.."),
        (Act::Kick, "xxx.....x"),
        (Act::KickAdmin, "xx......x"),
        (Act::KickOwner, "........x"),
        (Act::Ban, "xxx.....x"),
        (Act::Unban, "xxx.....x"),
        (Act::MuteChat, "xxx.....x"),
        (Act::UnmuteChat, "xxx.....x"),
        (Act::SetChatRules, "xxx......"),
        (Act::ChatFreely, "x.x......"),
        (Act::ReadConduct, "xxx......"),
        (Act::ReadDays, "xx......."),
        (Act::Close, "........x"),
        (Act::ChangeSettings, "xx......."),
        (Act::Shut, "xx......."),
        (Act::Suspend, "........x"),
        (Act::PassRecord, "x.x......"),
        (Act::Promote, "xx......."),
        (Act::Demote, "xx......."),
        (Act::StepDown, "..x......"),
        (Act::Wake, ".x......x"),
    ];

    #[test]
    fn each_role_may_do_exactly_what_this_table_says() {
        for (act, expected) in RIGHTS {
            let marks = ROLES.map(|role| if may(role, act) { "x" } else { "." });
            assert_eq!(marks.concat(), expected, "{act:?}");
            for role in ROLES {
                let code = check(role, act).err().map(|refusal| refusal.code);
                let from_outside = matches!(role, AwayOwner | AwayAdmin | Outsider);
                let refusal = if from_outside { ErrorCode::NotInRoom } else { ErrorCode::Forbidden };
                assert_eq!(code, (!may(role, act)).then_some(refusal), "{role:?} {act:?}");
            }
        }
    }

    #[test]
    fn a_role_is_the_highest_that_follows_from_who_one_is_and_where() {
        use Whereabouts::{Inside, Outside, Seated};
        let places = [Outside, Inside, Seated(HOST), Seated(1)];
        let (owner, other) = (UserId::new(1).expect("a user"), UserId::new(2).expect("a user"));
        let of = |user, is_admin| places.map(|place| Role::of(user, owner, is_admin, place));
        assert_eq!(of(owner, true), [AwayOwner, Owner, Owner, Owner]);
        assert_eq!(of(owner, false), of(owner, true));
        assert_eq!(of(other, true), [AwayAdmin, Admin, Admin, Admin]);
        assert_eq!(of(other, false), [Outsider, Listener, Host, Speaker]);
        assert_eq!([Role::outside(owner, owner), Role::outside(other, owner)], [AwayOwner, Outsider]);
    }

    #[test]
    fn what_is_done_against_somebody_depends_on_their_role() {
        let acts = ROLES.map(|whom| (Act::kick(whom), Act::overrule(whom)));
        let (owner, admin) = ((Act::KickOwner, Act::OverruleOwner), (Act::KickAdmin, Act::OverruleAdmin));
        let other = (Act::Kick, Act::Overrule);
        assert_eq!(acts, [owner, owner, admin, admin, other, other, other, other, other]);
        use RoomRole as Shown;
        let shown = [Shown::Owner, Shown::Owner, Shown::Admin, Shown::Admin, Shown::Host, Shown::Speaker];
        assert_eq!(ROLES.map(Role::shown)[..6], shown);
        assert!(ROLES[6..].iter().all(|role| role.shown() == Shown::Listener));
    }
}
