//! The room's record: how it changes, and what it lets people do.

use parlor_protocol::command::ChangeRoom;
use parlor_protocol::record::Who;
use parlor_protocol::room::RoomCard;
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};

use super::RoomState;
use super::rights::{self, Act, Role};
use crate::room::change;
use crate::room::facts::Fact;

impl RoomState {
    /// Decides a change of the record: it must have been decided on the record as it is now.
    pub(super) fn decide_change(&self, change: &ChangeRoom) -> Result<Fact, ErrorBody> {
        if change.version != self.card.version {
            let words = format!("the record has version {} by now", self.card.version);
            return Err(ErrorBody::new(ErrorCode::RoomChanged).message(words));
        }
        // Above the server's own number there may be room for as many as an operator has given this room.
        let most = u32::try_from(self.settings.capacity).unwrap_or(u32::MAX).max(self.card.capacity.unwrap_or(0));
        if change.capacity.is_some_and(|capacity| capacity > most) {
            return Err(ErrorBody::new(ErrorCode::BadRequest).field("capacity", format!("0 to {most}")));
        }
        Ok(Fact::RoomChanged { change: Box::new(change.clone()) })
    }

    /// The event of a change that the store has.
    pub(super) fn changed(&self, change: &ChangeRoom, by: UserId) -> Event {
        Event::RoomChanged { room: Box::new(change::changed(&self.card, change)), by }
    }

    pub(super) fn evolve_record(&mut self, room: &RoomCard) {
        self.card.clone_from(room);
        let own = room.capacity.and_then(|capacity| usize::try_from(capacity).ok());
        self.capacity = own.unwrap_or(self.settings.capacity);
    }

    /// Refuses what the record leaves to others than this user.
    pub(super) fn check_record(&self, user: UserId, role: Role, act: Act) -> Result<(), ErrorBody> {
        let (who, what) = match act {
            Act::Chat => (self.card.may_chat, "write here"),
            Act::TakeSeat => (self.card.may_sit, "take a seat by themselves"),
            _ => return Ok(()),
        };
        let allowed = match who {
            Who::All => true,
            Who::Seated => self.seats.of(user).is_some() || rights::may(role, Act::PassRecord),
            Who::Admins => rights::may(role, Act::PassRecord),
        };
        if allowed {
            return Ok(());
        }
        let whom = if who == Who::Seated { "those who sit on a seat" } else { "the room's owner and admins" };
        Err(ErrorBody::new(ErrorCode::NotPermitted).message(format!("only {whom} may {what}")))
    }
}
