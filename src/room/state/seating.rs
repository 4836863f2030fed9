//! How seats are given and taken away: the rules of the host's seat and of the room's mode, users who are moved or lose their
//! seat by another one's decision, muted seats, and the number of seats.

use parlor_protocol::command::{MoveUser, OnSeat, OnUserOnMap, SetLayout, SetSeatMode, TakeSeat};
use parlor_protocol::room::{Person, Seat, SeatCause};
use parlor_protocol::seating::{HandOutcome, MovePolicy, SeatMode};
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};

use super::RoomState;
use super::rights::{self, Act, Role};
use super::seats::HOST;
use crate::kit::clock::Timestamp;
use crate::room::facts::Fact;

impl RoomState {
    /// Refuses a role that may not give somebody the host's seat.
    pub(super) fn check_gives(&self, seat: &Seat, role: Role) -> Result<(), ErrorBody> {
        if seat.no == HOST && !rights::may(role, Act::GiveHostSeat) {
            return Err(ErrorBody::new(ErrorCode::Forbidden).message("only the owner gives the host's seat"));
        }
        Ok(())
    }

    /// The seat that a user of this role gives: the one that they name, or else that which was asked for.
    pub(super) fn offered(&self, named: Option<u8>, wish: Option<u8>, role: Role) -> Result<&Seat, ErrorBody> {
        let seat = match named {
            Some(no) => self.seats.seat(no)?,
            None => self.wished(wish)?,
        };
        self.check_gives(seat, role)?;
        Ok(seat)
    }

    /// The seat that was asked for, or else the first free one. A wish is void if the room no longer has the seat.
    pub(super) fn wished(&self, wish: Option<u8>) -> Result<&Seat, ErrorBody> {
        match wish.and_then(|no| self.seats.seat(no).ok()) {
            Some(seat) => Ok(seat),
            None => self.seats.first_free(),
        }
    }

    /// Takes a seat, which ends the user's hand and invitation. Where seats are applied for, only some may.
    pub(super) fn decide_take(&self, take: &TakeSeat, user: &Person, role: Role) -> Result<Vec<Event>, ErrorBody> {
        let may_sit = self.seat_mode == SeatMode::Free || rights::may(role, Act::SitUnasked);
        let taken = self.seats.decide_take(take, user, role, may_sit)?;
        let mut events: Vec<Event> = self.hand_settled(user.id, HandOutcome::Seated).into_iter().collect();
        events.extend(self.invitation_ended(user.id));
        events.push(taken);
        Ok(events)
    }

    /// Moves a user to another seat by the decision of somebody else. Both seats change in one event.
    pub(super) fn decide_move_user(
        &self,
        on: &MoveUser,
        by: (UserId, Role),
        now: Timestamp,
    ) -> Result<Vec<Event>, ErrorBody> {
        self.seats.check_version(on.version)?;
        let target = self.seats.seat(on.seat)?;
        let own = self.seat_of(on.user, now)?;
        if own.no == target.no {
            return Err(ErrorBody::new(ErrorCode::AlreadySeated).message("the user sits on this seat"));
        }
        self.check_overrule(by, own)?;
        self.check_gives(target, by.1)?;
        if target.locked {
            return Err(ErrorCode::SeatLocked.into());
        }
        let (other, cause) = match (on.policy, &target.user) {
            (_, None) => (None, SeatCause::Placed),
            (MovePolicy::GiveUp, Some(_)) => return Err(ErrorCode::SeatTaken.into()),
            (MovePolicy::Kick, Some(_)) => (None, SeatCause::Placed),
            (MovePolicy::Swap, Some(_)) => (Some(target), SeatCause::Swapped),
        };
        self.check_overrule(by, target)?;
        if other.is_some() {
            self.check_gives(own, by.1)?;
        }
        let left = Seat {
            user: other.and_then(|seat| seat.user.clone()),
            self_muted: other.is_some_and(|seat| seat.self_muted),
            ..own.clone()
        };
        let taken = Seat { user: own.user.clone(), self_muted: own.self_muted, ..target.clone() };
        Ok(vec![self.seats.changed(vec![left, taken], cause, Some(by.0))])
    }

    /// Takes a user's seat away. They stay in the room.
    pub(super) fn decide_remove_user(
        &self,
        on: &OnUserOnMap,
        by: (UserId, Role),
        now: Timestamp,
    ) -> Result<Vec<Event>, ErrorBody> {
        self.seats.check_version(on.version)?;
        self.check_overrule(by, self.seat_of(on.user, now)?)?;
        let removed = self.seats.vacated(&[on.user], SeatCause::Removed, Some(by.0));
        Ok(removed.into_iter().collect())
    }

    /// The seat of another user.
    fn seat_of(&self, user: UserId, now: Timestamp) -> Result<&Seat, ErrorBody> {
        if let Some(seat) = self.seats.of(user) {
            return Ok(seat);
        }
        self.presence.person(user).ok_or_else(|| self.unknown_user(now))?;
        Err(ErrorBody::new(ErrorCode::NotSeated).message("the user sits on no seat"))
    }

    pub(super) fn decide_seat_mute(&self, on: &OnSeat, by: (UserId, Role)) -> Result<Fact, ErrorBody> {
        self.seats.check_version(on.version)?;
        self.check_overrule(by, self.seats.seat(on.seat)?)?;
        Ok(Fact::SeatMuted { seat: on.seat })
    }

    pub(super) fn decide_seat_unmute(&self, on: &OnSeat) -> Result<Fact, ErrorBody> {
        self.seats.check_version(on.version)?;
        self.seats.seat(on.seat)?;
        Ok(Fact::SeatUnmuted { seat: on.seat })
    }

    pub(super) fn decide_seat_mode(&self, on: &SetSeatMode) -> Result<Fact, ErrorBody> {
        self.seats.check_version(on.version)?;
        Ok(Fact::SeatModeChanged { mode: on.mode })
    }

    pub(super) fn decide_layout(&self, on: &SetLayout) -> Result<Fact, ErrorBody> {
        self.seats.check_version(on.version)?;
        Ok(Fact::LayoutChanged { seats: on.seats })
    }

    /// The event by which the room has this mode; `None` if it has it already.
    pub(super) fn mode_changed(&self, mode: SeatMode, by: UserId) -> Option<Event> {
        (self.seat_mode != mode).then_some(Event::SeatModeChanged { mode, by })
    }

    pub(super) fn evolve_layout(&mut self, seats: &[Seat], version: u64) {
        self.seats.lay_out(seats, version);
        self.forget_held();
        self.card.seats = u8::try_from(seats.len()).expect("a room has at most twenty seats");
    }
}
