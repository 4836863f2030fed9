//! A room handed over: its owner offers it to somebody in the room, who accepts. Who owns it is a hard fact; an open offer is
//! not.

use parlor_protocol::command::OnUser;
use parlor_protocol::room::{OwnershipCause, OwnershipOffer, Person};
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};
use serde::{Deserialize, Serialize};

use super::RoomState;
use crate::kit::clock::Timestamp;
use crate::room::facts::Fact;
use crate::room::settings::ms;

/// An open offer as a checkpoint keeps it: with the time that is left, because the clock may be another one when the room
/// wakes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeptOffer {
    /// The user to whom the room is offered.
    pub user: Person,
    /// The owner who has made it. It ends with their ownership.
    pub by: UserId,
    /// The milliseconds that are left.
    pub left_ms: i64,
}

impl KeptOffer {
    pub(super) fn of(offer: &OwnershipOffer, by: UserId, now: Timestamp) -> Self {
        Self { user: offer.user.clone(), by, left_ms: Timestamp(offer.until).ms_since(now) }
    }

    /// The offer in a room of this owner that wakes at `now`, if it is theirs and not over. It lasts no longer than a new one
    /// would.
    pub(super) fn restore(self, present: UserId, now: Timestamp, longest: i64) -> Option<OwnershipOffer> {
        let until = now.plus_ms(self.left_ms.min(longest)).0;
        (self.left_ms > 0 && self.by == present).then_some(OwnershipOffer { user: self.user, until })
    }
}

impl RoomState {
    /// Offers the room to a user, in place of an earlier offer.
    pub(super) fn decide_offer(&self, on: &OnUser, now: Timestamp) -> Result<Vec<Event>, ErrorBody> {
        if self.role(on.user).is_owner() {
            return Err(ErrorBody::new(ErrorCode::BadRequest).field("user", "another user than the owner"));
        }
        let user = self.presence.person(on.user).ok_or_else(|| self.unknown_user(now))?;
        let until = now.plus_ms(ms(self.settings.offer_ms)).0;
        let offer = OwnershipOffer { user: user.clone(), until };
        let (owner, cause) = (self.card.owner.clone(), OwnershipCause::Offered);
        Ok(vec![Event::OwnershipChanged { owner, offer: Some(offer), cause }])
    }

    pub(super) fn decide_withdraw(&self) -> Result<Vec<Event>, ErrorBody> {
        self.offer.as_ref().ok_or(ErrorCode::InvitationOver)?;
        Ok(vec![self.offer_ended(OwnershipCause::Withdrawn)])
    }

    pub(super) fn decide_refuse_offer(&self, user: UserId) -> Result<Vec<Event>, ErrorBody> {
        self.offer_to(user)?;
        Ok(vec![self.offer_ended(OwnershipCause::Refused)])
    }

    pub(super) fn decide_accept_offer(&self, user: UserId) -> Result<Fact, ErrorBody> {
        let offer = self.offer_to(user)?;
        Ok(Fact::OwnerChanged { owner: offer.user.clone(), former: self.card.owner.id })
    }

    fn offer_to(&self, user: UserId) -> Result<&OwnershipOffer, ErrorBody> {
        self.offer.as_deref().filter(|offer| offer.user.id == user).ok_or_else(|| ErrorCode::InvitationOver.into())
    }

    /// The events by which this user owns the room. An owner is no admin besides.
    pub(super) fn handed_over(&self, owner: &Person, by: UserId) -> Vec<Event> {
        if self.role(owner.id).is_owner() {
            return Vec::new();
        }
        let owner = self.presence.person(owner.id).unwrap_or(owner).clone();
        let no_admin = self.demoted(owner.id, by);
        let changed = Event::OwnershipChanged { owner, offer: None, cause: OwnershipCause::Accepted };
        no_admin.into_iter().chain([changed]).collect()
    }

    /// The event by which the open offer ends, because its user leaves the room; `None` if it is to nobody of these.
    pub(super) fn offer_gone(&self, users: &[UserId]) -> Option<Event> {
        let gone = self.offer.as_ref().is_some_and(|offer| users.contains(&offer.user.id));
        gone.then(|| self.offer_ended(OwnershipCause::Gone))
    }

    /// The event by which the open offer ends, because it was not answered in time.
    pub(super) fn offer_expired(&self, now: Timestamp) -> Option<Event> {
        let expired = self.offer.as_ref().is_some_and(|offer| offer.until <= now.0);
        expired.then(|| self.offer_ended(OwnershipCause::Expired))
    }

    fn offer_ended(&self, cause: OwnershipCause) -> Event {
        Event::OwnershipChanged { owner: self.card.owner.clone(), offer: None, cause }
    }

    pub(super) fn evolve_ownership(&mut self, owner: &Person, offer: Option<&OwnershipOffer>) {
        self.card.owner.clone_from(owner);
        self.offer = offer.cloned().map(Box::new);
    }
}
