//! Raised hands: users without a seat who ask for one. A hand is settled once. Whoever comes later is told what became of it,
//! and by whom.

use std::collections::VecDeque;

use parlor_protocol::command::{OfferSeat, OnMap, OnUserOnMap, RaiseHand};
use parlor_protocol::room::{Person, Seat, SeatCause};
use parlor_protocol::seating::{Hand, HandOutcome, SettledHand};
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};
use serde::{Deserialize, Serialize};

use super::RoomState;
use super::rights::Role;
use super::seats::{check_free, check_host};
use crate::kit::clock::Timestamp;
use crate::room::settings::ms;

/// How many settled hands are kept, so that whoever comes later can be told.
const SETTLED: usize = 20;

/// The raised hands, oldest first, and those that were settled lately.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Hands {
    raised: Vec<Hand>,
    settled: VecDeque<(UserId, SettledHand)>,
}

/// The hands as a checkpoint keeps them: with the time that is left, because the clock may be another one when the room
/// wakes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct KeptHands {
    /// The raised hands: the user, the seat that they ask for, and the milliseconds that are left.
    pub raised: Vec<(Person, Option<u8>, i64)>,
    /// What became of those that were settled lately, oldest first.
    pub settled: Vec<(UserId, SettledHand)>,
}

impl KeptHands {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.raised.is_empty() && self.settled.is_empty()
    }
}

impl Hands {
    pub(super) fn all(&self) -> &[Hand] {
        &self.raised
    }

    pub(super) fn of(&self, user: UserId) -> Option<&Hand> {
        self.raised.iter().find(|hand| hand.user.id == user)
    }

    /// The refusal for a hand that is not raised: what became of it, as far as that is known.
    fn settled(&self, user: UserId) -> ErrorBody {
        let known = self.settled.iter().rev().find(|(of, _)| *of == user);
        ErrorBody::hand_settled(known.map(|(_, settled)| *settled))
    }

    /// When the next hand is lowered by itself.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        // The oldest is over first: each is raised for the same time.
        self.raised.first().map(|hand| Timestamp(hand.until))
    }

    /// The users whose hands are lowered by now.
    pub(super) fn expired(&self, now: Timestamp) -> impl Iterator<Item = UserId> {
        self.raised.iter().filter(move |hand| hand.until <= now.0).map(|hand| hand.user.id)
    }

    pub(super) fn raise(&mut self, hand: &Hand) {
        self.raised.retain(|known| known.user.id != hand.user.id);
        self.raised.push(hand.clone());
    }

    pub(super) fn settle(&mut self, user: UserId, settled: SettledHand) {
        self.raised.retain(|hand| hand.user.id != user);
        self.settled.retain(|(known, _)| *known != user);
        self.settled.push_back((user, settled));
        if self.settled.len() > SETTLED {
            self.settled.pop_front();
        }
    }

    pub(super) fn rename(&mut self, person: &Person) {
        if let Some(hand) = self.raised.iter_mut().find(|hand| hand.user.id == person.id) {
            hand.user.clone_from(person);
        }
    }

    pub(super) fn kept(&self, now: Timestamp) -> KeptHands {
        let left = |hand: &Hand| (hand.user.clone(), hand.seat, Timestamp(hand.until).ms_since(now));
        KeptHands { raised: self.raised.iter().map(left).collect(), settled: self.settled.iter().copied().collect() }
    }

    /// The hands that a checkpoint kept, of those users who may have one. None lasts longer than a new one would.
    pub(super) fn restore(kept: KeptHands, now: Timestamp, longest: i64, may: impl Fn(UserId) -> bool) -> Self {
        let there = kept.raised.into_iter().filter(|(user, _, left_ms)| *left_ms > 0 && may(user.id));
        let raised = there.map(|(user, seat, left_ms)| Hand { user, seat, until: now.plus_ms(left_ms.min(longest)).0 });
        Self { raised: raised.collect(), settled: kept.settled.into() }
    }
}

impl RoomState {
    /// Raises a hand, or raises it anew with another wish: at the end of the queue, for the whole time.
    pub(super) fn decide_raise(
        &self,
        wish: &RaiseHand,
        user: &Person,
        role: Role,
        now: Timestamp,
    ) -> Result<Vec<Event>, ErrorBody> {
        self.seats.check_version(wish.version)?;
        if let Some(no) = wish.seat {
            check_host(self.seats.seat(no)?, role)?;
        }
        if self.seats.of(user.id).is_some() {
            return Err(ErrorCode::AlreadySeated.into());
        }
        if self.hands.of(user.id).is_none() && self.hands.all().len() >= self.settings.hands {
            return Err(ErrorCode::QueueFull.into());
        }
        let until = now.plus_ms(ms(self.settings.hand_ms)).0;
        Ok(vec![Event::HandRaised { hand: Hand { user: user.clone(), seat: wish.seat, until } }])
    }

    pub(super) fn decide_lower(&self, on: &OnMap, user: UserId) -> Result<Vec<Event>, ErrorBody> {
        self.hands.of(user).ok_or_else(|| self.hands.settled(user))?;
        self.seats.check_version(on.version)?;
        Ok(vec![settled(user, HandOutcome::Lowered, None)])
    }

    /// Gives the user a seat. A hand that is settled is refused first, whatever else has changed with it.
    pub(super) fn decide_approve(&self, on: &OfferSeat, (by, role): (UserId, Role)) -> Result<Vec<Event>, ErrorBody> {
        let hand = self.hands.of(on.user).ok_or_else(|| self.hands.settled(on.user))?;
        self.seats.check_version(on.version)?;
        let seat = self.offered(on.seat, hand.seat, role)?;
        check_free(seat)?;
        let mut events = vec![settled(on.user, HandOutcome::Approved, Some(by))];
        events.extend(self.invitation_ended(on.user));
        let seat = Seat { user: Some(hand.user.clone()), ..seat.clone() };
        events.push(self.seats.changed(vec![seat], SeatCause::Approved, Some(by)));
        Ok(events)
    }

    pub(super) fn decide_refuse_hand(&self, on: &OnUserOnMap, by: UserId) -> Result<Vec<Event>, ErrorBody> {
        self.hands.of(on.user).ok_or_else(|| self.hands.settled(on.user))?;
        self.seats.check_version(on.version)?;
        Ok(vec![settled(on.user, HandOutcome::Refused, Some(by))])
    }

    /// The event by which the user's hand is lowered for this reason; `None` if it is not raised.
    pub(super) fn hand_settled(&self, user: UserId, outcome: HandOutcome) -> Option<Event> {
        self.hands.of(user).map(|_| settled(user, outcome, None))
    }
}

fn settled(user: UserId, outcome: HandOutcome, by: Option<UserId>) -> Event {
    Event::HandSettled { user, settled: SettledHand { outcome, by } }
}
