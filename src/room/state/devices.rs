//! A user's devices in a room: how many there may be, and the one from which the user speaks, which has their seat.

use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};
use uuid::Uuid;

use super::{Change, Decision, Outcome, RoomState};
use crate::delivery::ConnectionId;
use crate::kit::operation::Operation;
use crate::room::request::Caller;
use crate::room::settings::Devices;
use crate::voice::Rights;

impl RoomState {
    /// The user's sockets that are put out of the room when this one joins: the oldest of those that are too many.
    ///
    /// # Errors
    /// `joined_elsewhere` if newer devices are refused and another one is in the room.
    pub(super) fn replaced_by(&self, caller: &Caller) -> Result<Vec<ConnectionId>, ErrorBody> {
        let there = self.presence.connections(caller.user.id);
        let most = self.settings.devices.most();
        // The usual case: no other device is in the room, or few are.
        if there.len() < most || there.contains(&caller.connection) {
            return Ok(Vec::new());
        }
        if self.settings.devices == Devices::Refuse {
            return Err(ErrorBody::new(ErrorCode::JoinedElsewhere).message("another device of yours is in the room"));
        }
        Ok(there[..there.len() + 1 - most].to_vec())
    }

    /// Refuses a command of a socket that was put out for another one of its user: while as many as may are in the room.
    pub(super) fn check_not_replaced(&self, caller: &Caller) -> Result<(), ErrorBody> {
        let there = self.presence.connections(caller.user.id);
        if there.len() < self.settings.devices.most() {
            return Ok(());
        }
        let is_out =
            caller.connection != ConnectionId::NONE && !there.is_empty() && !there.contains(&caller.connection);
        if is_out {
            return Err(ErrorBody::new(ErrorCode::NotInRoom).message("another device of yours is in the room instead"));
        }
        Ok(())
    }

    /// A decision by which the caller sits down, with their session as the one that has the seat.
    pub(super) fn seated_by(&self, caller: &Caller, mut decision: Decision) -> Decision {
        let user = caller.user.id;
        let sits = |change: &Change| match change {
            Change::Event(Event::SeatsChanged { seats, .. }) => {
                seats.iter().any(|seat| seat.user.as_ref().is_some_and(|sitting| sitting.id == user))
            }
            _ => false,
        };
        if decision.changes.iter().any(sits) {
            decision.changes.extend(self.held_by(user, caller.session));
        }
        decision
    }

    /// Gives the caller's seat to the device from which they ask.
    pub(super) fn decide_claim(&self, operation: &Operation, caller: &Caller) -> Decision {
        let user = caller.user.id;
        if self.seats.of(user).is_none() {
            return self.decide_refused(operation, ErrorCode::NotSeated.into());
        }
        self.answered(operation, self.held_by(user, caller.session).into_iter().collect())
    }

    /// What the device may do with the room's sound from which a user asks. If no device has their seat, this one has it
    /// from now on.
    pub(super) fn decide_place(&self, user: UserId, session: Uuid) -> Decision {
        let may_speak = self.voice_rights(user) == Rights::Speak;
        let holder = self.held.get(&user);
        let rights =
            if may_speak && holder.is_none_or(|holder| *holder == session) { Rights::Speak } else { Rights::Listen };
        let takes_it = self.seats.of(user).is_some() && holder.is_none();
        let changes = takes_it.then(|| self.held_by(user, session)).flatten().into_iter().collect();
        Decision { changes, ..Decision::only(Outcome::Hears { user, rights }) }
    }

    /// The change by which this session has the user's seat; `None` if it has it already.
    fn held_by(&self, user: UserId, session: Uuid) -> Option<Change> {
        let holder = self.held.get(&user);
        (holder != Some(&session)).then_some(Change::Holds { user, session, from_another: holder.is_some() })
    }

    /// Forgets who had a seat of users who have none any more.
    pub(super) fn forget_held(&mut self) {
        if !self.held.is_empty() {
            let seats = &self.seats;
            self.held.retain(|user, _| seats.of(*user).is_some());
        }
    }
}
