//! Invitations to take a seat. A user has at most one, which a later one replaces.

use parlor_protocol::command::{OfferSeat, OnMap};
use parlor_protocol::room::{Person, Seat, SeatCause};
use parlor_protocol::seating::{HandOutcome, Invitation, InvitationOutcome};
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};
use serde::{Deserialize, Serialize};

use super::RoomState;
use super::rights::Role;
use super::seats::check_free;
use crate::kit::clock::Timestamp;
use crate::room::settings::ms;

/// The open invitations, oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Invitations(Vec<Invitation>);

/// An open invitation as a checkpoint keeps it: with the time that is left, because the clock may be another one when the
/// room wakes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeptInvitation {
    /// The user who is invited.
    pub user: Person,
    /// The seat's number, if it is to a certain one.
    pub seat: Option<u8>,
    /// The user who invites.
    pub by: UserId,
    /// The milliseconds that are left.
    pub left_ms: i64,
}

impl Invitations {
    pub(super) fn of(&self, user: UserId) -> Option<&Invitation> {
        self.0.iter().find(|open| open.user.id == user)
    }

    pub(super) fn all(&self) -> &[Invitation] {
        &self.0
    }

    /// When the next invitation is over by itself.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        // The oldest is over first: each is sent for the same time.
        self.0.first().map(|open| Timestamp(open.until))
    }

    /// The users whose invitations are over by now.
    pub(super) fn expired(&self, now: Timestamp) -> impl Iterator<Item = UserId> {
        self.0.iter().filter(move |open| open.until <= now.0).map(|open| open.user.id)
    }

    pub(super) fn send(&mut self, invitation: &Invitation) {
        self.end(invitation.user.id);
        self.0.push(invitation.clone());
    }

    pub(super) fn end(&mut self, user: UserId) {
        self.0.retain(|open| open.user.id != user);
    }

    pub(super) fn rename(&mut self, person: &Person) {
        if let Some(open) = self.0.iter_mut().find(|open| open.user.id == person.id) {
            open.user.clone_from(person);
        }
    }

    pub(super) fn kept(&self, now: Timestamp) -> Vec<KeptInvitation> {
        let keep = |open: &Invitation| KeptInvitation {
            user: open.user.clone(),
            seat: open.seat,
            by: open.by,
            left_ms: Timestamp(open.until).ms_since(now),
        };
        self.0.iter().map(keep).collect()
    }

    /// The invitations that a checkpoint kept, of those users who may have one. None lasts longer than a new one would.
    pub(super) fn restore(
        kept: Vec<KeptInvitation>,
        now: Timestamp,
        longest: i64,
        may: impl Fn(UserId) -> bool,
    ) -> Self {
        let open = kept.into_iter().filter(|kept| kept.left_ms > 0 && may(kept.user.id));
        let until = |left_ms: i64| now.plus_ms(left_ms.min(longest)).0;
        let open =
            open.map(|KeptInvitation { user, seat, by, left_ms }| Invitation { user, seat, by, until: until(left_ms) });
        Self(open.collect())
    }
}

impl RoomState {
    pub(super) fn decide_invite(
        &self,
        on: &OfferSeat,
        (by, role): (UserId, Role),
        now: Timestamp,
    ) -> Result<Vec<Event>, ErrorBody> {
        self.seats.check_version(on.version)?;
        if on.user == by {
            return Err(ErrorBody::new(ErrorCode::BadRequest).field("user", "another user than oneself"));
        }
        if let Some(no) = on.seat {
            let seat = self.seats.seat(no)?;
            self.check_gives(seat, role)?;
            check_free(seat)?;
        }
        let user = self.presence.person(on.user).ok_or_else(|| self.unknown_user(now))?;
        if self.seats.of(on.user).is_some() {
            return Err(ErrorCode::AlreadySeated.into());
        }
        if self.invitations.of(on.user).is_none() && self.invitations.all().len() >= self.settings.hands {
            return Err(ErrorCode::QueueFull.into());
        }
        let until = now.plus_ms(ms(self.settings.invitation_ms)).0;
        let invitation = Invitation { user: user.clone(), seat: on.seat, by, until };
        Ok(vec![Event::InvitationSent { invitation }])
    }

    /// Gives the user the seat to which they are invited. The invitation stays open if the seat cannot be had now.
    pub(super) fn decide_accept(&self, on: &OnMap, user: &Person) -> Result<Vec<Event>, ErrorBody> {
        let invitation = self.invitations.of(user.id).ok_or(ErrorCode::InvitationOver)?;
        self.seats.check_version(on.version)?;
        let seat = self.wished(invitation.seat)?;
        check_free(seat)?;
        let mut events: Vec<Event> = self.hand_settled(user.id, HandOutcome::Seated).into_iter().collect();
        events.push(ended(user.id, InvitationOutcome::Accepted));
        let seat = Seat { user: Some(user.clone()), ..seat.clone() };
        events.push(self.seats.changed(vec![seat], SeatCause::Invited, Some(invitation.by)));
        Ok(events)
    }

    pub(super) fn decide_refuse_invitation(&self, on: &OnMap, user: UserId) -> Result<Vec<Event>, ErrorBody> {
        self.invitations.of(user).ok_or(ErrorCode::InvitationOver)?;
        self.seats.check_version(on.version)?;
        Ok(vec![ended(user, InvitationOutcome::Refused)])
    }

    /// The event by which the user's invitation is over because they have a seat; `None` if there is none.
    pub(super) fn invitation_ended(&self, user: UserId) -> Option<Event> {
        self.invitations.of(user).map(|_| ended(user, InvitationOutcome::Seated))
    }

    /// The events by which hands and invitations of these users, and an offer to one of them, end because they leave the room.
    pub(super) fn farewells(&self, users: &[UserId]) -> Vec<Event> {
        let offer = self.offer_gone(users);
        if self.hands.all().is_empty() && self.invitations.all().is_empty() {
            return offer.into_iter().collect();
        }
        let of = |user: &UserId| {
            let invitation = self.invitations.of(*user).map(|_| ended(*user, InvitationOutcome::Gone));
            self.hand_settled(*user, HandOutcome::Gone).into_iter().chain(invitation)
        };
        users.iter().flat_map(of).chain(offer).collect()
    }

    /// The events of hands, invitations and an offer that end by now, because nobody has answered them.
    pub(super) fn expiries(&self, now: Timestamp) -> Vec<Event> {
        let hands = self.hands.expired(now).filter_map(|user| self.hand_settled(user, HandOutcome::Expired));
        let invitations = self.invitations.expired(now).map(|user| ended(user, InvitationOutcome::Expired));
        hands.chain(invitations).chain(self.offer_expired(now)).collect()
    }
}

fn ended(user: UserId, outcome: InvitationOutcome) -> Event {
    Event::InvitationEnded { user, outcome }
}
