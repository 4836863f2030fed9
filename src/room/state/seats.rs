//! The seat map. A user has at most one seat, and a seat at most one user.

use parlor_protocol::command::{MoveSeat, OnMap, TakeSeat};
use parlor_protocol::room::{Person, Seat, SeatCause};
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};

use super::rights::{self, Act, Role};

/// The number of the host's seat, which only the owner may take.
pub const HOST: u8 = 0;

/// Every seat in the order of the numbers, and the map's version, which rises with each change of who sits where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seats {
    seats: Vec<Seat>,
    version: u64,
    /// Rises with each change of what the map shows: with its version, and when somebody who sits has another name.
    looks: u64,
}

impl Seats {
    pub(super) fn new(count: u8, locks: &[u8], mutes: &[u8], version: u64) -> Self {
        let seat = |no| Seat { locked: locks.contains(&no), muted: mutes.contains(&no), ..Seat::empty(no) };
        Self { seats: (0..count).map(seat).collect(), version, looks: 0 }
    }

    pub(super) fn all(&self) -> &[Seat] {
        &self.seats
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    pub(super) const fn looks(&self) -> u64 {
        self.looks
    }

    pub(super) fn seat(&self, no: u8) -> Result<&Seat, ErrorBody> {
        self.seats.get(usize::from(no)).ok_or_else(|| ErrorCode::SeatNotFound.into())
    }

    /// The seat of this user.
    pub(super) fn of(&self, user: UserId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.user.as_ref().is_some_and(|sitting| sitting.id == user))
    }

    /// Refuses a command that names another version of the map than the present one.
    pub(super) fn check_version(&self, version: Option<u64>) -> Result<(), ErrorBody> {
        if version.is_some_and(|version| version != self.version) {
            return Err(ErrorCode::SeatsChanged.into());
        }
        Ok(())
    }

    /// The first free seat that is not the host's.
    pub(super) fn first_free(&self) -> Result<&Seat, ErrorBody> {
        let free = |seat: &&Seat| seat.no != HOST && !seat.locked && seat.user.is_none();
        let seat = self.seats.iter().find(free);
        seat.ok_or_else(|| ErrorBody::new(ErrorCode::SeatTaken).message("no seat is free"))
    }

    /// Decides which seat the user takes: the one that was asked for, or else the first free one that is not the
    /// host's. `may_sit` says whether the user may take a seat without having been given it.
    pub(super) fn decide_take(
        &self,
        take: &TakeSeat,
        user: &Person,
        role: Role,
        may_sit: bool,
    ) -> Result<Event, ErrorBody> {
        self.check_version(take.version)?;
        let wanted = take.seat.map(|no| self.seat(no)).transpose()?;
        if let Some(seat) = wanted {
            check_host(seat, role)?;
        }
        if !may_sit {
            let words = "in this room a seat is given: raise a hand";
            return Err(ErrorBody::new(ErrorCode::NotPermitted).message(words));
        }
        if self.of(user.id).is_some() {
            return Err(ErrorCode::AlreadySeated.into());
        }
        let seat = wanted.map_or_else(|| self.first_free(), Ok)?;
        check_free(seat)?;
        let seat = Seat { user: Some(user.clone()), ..seat.clone() };
        Ok(self.changed(vec![seat], SeatCause::Taken, None))
    }

    /// Decides whether the user moves from their seat to the one that was asked for. Both seats change in one event, so
    /// the user is never shown on two seats or on none.
    pub(super) fn decide_move(&self, to: &MoveSeat, user: &Person, role: Role) -> Result<Event, ErrorBody> {
        self.check_version(to.version)?;
        let seat = self.seat(to.seat)?;
        check_host(seat, role)?;
        let own = self.of(user.id).ok_or(ErrorCode::NotSeated)?;
        if own.no == seat.no {
            return Err(ErrorBody::new(ErrorCode::AlreadySeated).message("the user sits on this seat"));
        }
        check_free(seat)?;
        let left = freed(own);
        let taken = Seat { user: Some(user.clone()), self_muted: own.self_muted, ..seat.clone() };
        Ok(self.changed(vec![left, taken], SeatCause::Moved, None))
    }

    /// Decides whether the user leaves their seat.
    pub(super) fn decide_leave(&self, on: &OnMap, user: UserId) -> Result<Event, ErrorBody> {
        self.check_version(on.version)?;
        self.vacated(&[user], SeatCause::Left, None).ok_or_else(|| ErrorCode::NotSeated.into())
    }

    /// The event by which the seats of these users become free; `None` if none of them has a seat.
    pub(super) fn vacated(&self, users: &[UserId], cause: SeatCause, by: Option<UserId>) -> Option<Event> {
        let sits = |seat: &&Seat| seat.user.as_ref().is_some_and(|sitting| users.contains(&sitting.id));
        let seats: Vec<Seat> = self.seats.iter().filter(sits).map(freed).collect();
        (!seats.is_empty()).then(|| self.changed(seats, cause, by))
    }

    /// All seats that are locked together: all but the host's, so that the owner keeps a place to sit.
    pub(super) fn lockable(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| seat.no != HOST)
    }

    /// The event by which these seats are locked and whoever sits there is removed, where `frees` says so; `None` if that is so
    /// already.
    pub(super) fn locked(&self, numbers: &[u8], by: UserId, frees: impl Fn(&Seat) -> bool) -> Option<Event> {
        let changes = |seat: &&Seat| !seat.locked || seat.user.is_some() && frees(seat);
        let open = self.seats.iter().filter(|seat| numbers.contains(&seat.no)).filter(changes);
        let kept = |seat: &Seat| if frees(seat) { freed(seat) } else { seat.clone() };
        let after: Vec<_> = open.map(|seat| Seat { locked: true, ..kept(seat) }).collect();
        (!after.is_empty()).then(|| self.changed(after, SeatCause::Locked, Some(by)))
    }

    /// The event by which these seats are unlocked; `None` if none is locked.
    pub(super) fn unlocked(&self, numbers: &[u8], by: UserId) -> Option<Event> {
        let locked = self.seats.iter().filter(|seat| numbers.contains(&seat.no) && seat.locked);
        let after: Vec<_> = locked.map(|seat| Seat { locked: false, ..seat.clone() }).collect();
        (!after.is_empty()).then(|| self.changed(after, SeatCause::Unlocked, Some(by)))
    }

    /// The event by which this seat is muted or not; `None` if it is so already, or is no longer there.
    pub(super) fn muted(&self, no: u8, muted: bool, by: UserId) -> Option<Event> {
        let seat = self.seat(no).ok().filter(|seat| seat.muted != muted)?;
        let cause = if muted { SeatCause::Muted } else { SeatCause::Unmuted };
        Some(self.changed(vec![Seat { muted, ..seat.clone() }], cause, Some(by)))
    }

    /// Decides whether the user mutes themselves, or unmutes. Nothing changes if it is so already.
    pub(super) fn decide_mic(&self, on: &OnMap, user: UserId, self_muted: bool) -> Result<Vec<Event>, ErrorBody> {
        self.check_version(on.version)?;
        let seat = self.of(user).ok_or(ErrorCode::NotSeated)?;
        if seat.self_muted == self_muted {
            return Ok(Vec::new());
        }
        let cause = if self_muted { SeatCause::SelfMuted } else { SeatCause::SelfUnmuted };
        Ok(vec![self.changed(vec![Seat { self_muted, ..seat.clone() }], cause, None)])
    }

    /// The event by which the room has this number of seats; `None` if it has it already. New seats are open.
    pub(super) fn laid_out(&self, count: u8, by: UserId) -> Option<Event> {
        if self.seats.len() == usize::from(count) {
            return None;
        }
        let kept = self.seats.iter().take(usize::from(count)).cloned();
        let new = (0..count).skip(self.seats.len()).map(Seat::empty);
        Some(Event::LayoutChanged { seats: kept.chain(new).collect(), version: self.version + 1, by })
    }

    /// Replaces the whole map.
    pub(super) fn lay_out(&mut self, seats: &[Seat], version: u64) {
        self.seats = seats.to_vec();
        self.version = version;
        self.looks += 1;
    }

    pub(super) fn changed(&self, seats: Vec<Seat>, cause: SeatCause, by: Option<UserId>) -> Event {
        Event::SeatsChanged { seats, version: self.version + 1, cause, by }
    }

    /// Replaces these seats, and sets the map's version.
    pub(super) fn assign(&mut self, seats: &[Seat], version: u64) {
        for seat in seats {
            if let Some(place) = self.seats.get_mut(usize::from(seat.no)) {
                place.clone_from(seat);
            }
        }
        self.version = version;
        self.looks += 1;
    }

    /// The user has this name and picture from now on. Who sits where stays, and so does the version.
    pub(super) fn rename(&mut self, person: &Person) {
        let sitting = self.seats.iter_mut().filter_map(|seat| seat.user.as_mut());
        if let Some(known) = sitting.into_iter().find(|known| known.id == person.id) {
            known.clone_from(person);
            self.looks += 1;
        }
    }
}

/// Refuses the host's seat to a role that may not take it.
pub(super) fn check_host(seat: &Seat, role: Role) -> Result<(), ErrorBody> {
    if seat.no == HOST && !rights::may(role, Act::TakeHostSeat) {
        return Err(ErrorBody::new(ErrorCode::Forbidden).message("only the owner may take the host's seat"));
    }
    Ok(())
}

/// The seat as it is when nobody sits there any more.
fn freed(seat: &Seat) -> Seat {
    Seat { user: None, self_muted: false, ..seat.clone() }
}

/// Refuses a seat that is locked, or on which somebody sits.
pub(super) fn check_free(seat: &Seat) -> Result<(), ErrorBody> {
    match seat {
        Seat { locked: true, .. } => Err(ErrorCode::SeatLocked.into()),
        Seat { user: Some(_), .. } => Err(ErrorCode::SeatTaken.into()),
        Seat { .. } => Ok(()),
    }
}
