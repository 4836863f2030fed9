//! The room's admins: whom the owner promotes and demotes, and what an admin may do against whom. That somebody is an admin
//! is a hard fact.

use std::collections::BTreeSet;

use parlor_protocol::command::OnUser;
use parlor_protocol::room::{Person, Seat};
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};

use super::RoomState;
use super::rights::{self, Act, Role, Whereabouts};
use crate::kit::clock::Timestamp;
use crate::room::facts::Fact;

impl RoomState {
    /// The user's role in the room now.
    pub(super) fn role(&self, user: UserId) -> Role {
        let place = match self.seats.of(user) {
            Some(seat) => Whereabouts::Seated(seat.no),
            None if self.presence.person(user).is_some() => Whereabouts::Inside,
            None => Whereabouts::Outside,
        };
        Role::of(user, self.card.owner.id, self.admins.contains(&user), place)
    }

    pub(super) fn decide_promote(&self, on: &OnUser, now: Timestamp) -> Result<Fact, ErrorBody> {
        let most = self.settings.admins;
        match self.role(on.user) {
            role if role.is_owner() => Err(ErrorBody::new(ErrorCode::Forbidden).message("the owner is no admin")),
            role if role.is_admin() => Ok(Fact::AdminPromoted { user: on.user }),
            Role::Outsider => Err(self.unknown_user(now)),
            _ if self.admins.len() >= most => {
                Err(ErrorBody::new(ErrorCode::TooManyAdmins).message(format!("the room may have {most} admins")))
            }
            _ => Ok(Fact::AdminPromoted { user: on.user }),
        }
    }

    pub(super) fn decide_demote(&self, on: &OnUser) -> Result<Fact, ErrorBody> {
        if !self.admins.contains(&on.user) {
            return Err(ErrorBody::new(ErrorCode::UserNotFound).message("the user is no admin of the room"));
        }
        Ok(Fact::AdminDemoted { user: on.user })
    }

    /// The event by which this user is an admin; `None` if they are one, or own the room.
    pub(super) fn promoted(&self, user: UserId, by: UserId) -> Option<Event> {
        let mut admins = self.admins.clone();
        let is_new = !self.role(user).is_owner() && admins.insert(user);
        is_new.then(|| Event::AdminsChanged { admins: admins.into_iter().collect(), user, by })
    }

    /// The event by which this user is no admin; `None` if they are none.
    pub(super) fn demoted(&self, user: UserId, by: UserId) -> Option<Event> {
        let mut admins = self.admins.clone();
        admins.remove(&user).then(|| Event::AdminsChanged { admins: admins.into_iter().collect(), user, by })
    }

    pub(super) fn evolve_admins(&mut self, admins: &[UserId]) {
        self.admins = admins.iter().copied().collect();
    }

    /// Whether a user of this role may decide about the seat of whoever sits here. Everybody may about their own.
    pub(super) fn may_overrule(&self, (by, role): (UserId, Role), seat: &Seat) -> bool {
        let against = |sitting: &Person| sitting.id == by || rights::may(role, Act::overrule(self.role(sitting.id)));
        seat.user.as_ref().is_none_or(against)
    }

    /// Refuses to decide about the seat of somebody above the user.
    pub(super) fn check_overrule(&self, by: (UserId, Role), seat: &Seat) -> Result<(), ErrorBody> {
        if self.may_overrule(by, seat) {
            return Ok(());
        }
        Err(ErrorBody::new(ErrorCode::Forbidden).message("the owner or an admin sits there"))
    }
}

/// The admins of a waking room. The owner is none, and nobody who is banned: an older program left them in the table.
pub(super) fn admins_of(stored: Vec<UserId>, owner: UserId, is_banned: impl Fn(UserId) -> bool) -> BTreeSet<UserId> {
    let counts = |user: &UserId| !Role::outside(*user, owner).is_owner() && !is_banned(*user);
    stored.into_iter().filter(counts).collect()
}
