//! The room's record: how it changes, and what it lets people do.

use parlor_protocol::command::{ChangeRoom, CloseRoom};
use parlor_protocol::record::{Closed, ClosedBy, Privacy, Who};
use parlor_protocol::room::RoomCard;
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId};

use super::rights::{self, Act, Role};
use super::{Decision, Outcome, RoomState};
use crate::kit::clock::Timestamp;
use crate::kit::operation::Operation;
use crate::room::facts::Fact;
use crate::room::request::{Answer, PrivacyChange};
use crate::room::{change, door};

impl RoomState {
    /// Decides a change of the record: it must have been decided on the record as it is now.
    pub(super) fn decide_change(&self, change: &ChangeRoom) -> Result<Fact, ErrorBody> {
        self.check_record_version(change.version)?;
        // Above the server's own number there may be room for as many as an operator has given this room.
        let most = u32::try_from(self.settings.capacity).unwrap_or(u32::MAX).max(self.card.capacity.unwrap_or(0));
        if change.capacity.is_some_and(|capacity| capacity > most) {
            return Err(ErrorBody::new(ErrorCode::BadRequest).field("capacity", format!("0 to {most}")));
        }
        Ok(Fact::RoomChanged { change: Box::new(change.clone()) })
    }

    fn check_record_version(&self, version: u64) -> Result<(), ErrorBody> {
        if version == self.card.version {
            return Ok(());
        }
        let words = format!("the record has version {} by now", self.card.version);
        Err(ErrorBody::new(ErrorCode::RoomChanged).message(words))
    }

    /// Decides who is let in. The password was hashed before.
    pub(super) fn decide_privacy(
        &self,
        user: UserId,
        operation: &Operation,
        change: &PrivacyChange,
        now: Timestamp,
    ) -> Result<Decision, ErrorBody> {
        if let Some(first) = self.memory.recall(operation, now, &self.settings)? {
            return Ok(Decision::only(Outcome::Answer(first.map(Answer::Done))));
        }
        self.permit(user, Act::ChangeSettings, now)?;
        let PrivacyChange { version, privacy, password } = change;
        let verdict = self.check_record_version(*version).and_then(|()| {
            let has_password = password.is_some() || self.card.privacy == Privacy::Password;
            if *privacy == Privacy::Password && !has_password {
                return Err(ErrorBody::new(ErrorCode::BadRequest).field("password", "the room has none yet"));
            }
            Ok(Fact::PrivacyChanged { version: *version, privacy: *privacy, password: password.clone() })
        });
        Ok(self.hard(operation, verdict, now))
    }

    pub(super) fn decide_close(&self, close: &CloseRoom) -> Result<Fact, ErrorBody> {
        self.check_not_suspended()?;
        Ok(Fact::DoorChanged { closed: Some(Closed { by: ClosedBy::Owner, reason: close.reason.clone() }) })
    }

    pub(super) fn decide_open(&self) -> Result<Fact, ErrorBody> {
        self.check_not_suspended()?;
        Ok(Fact::DoorChanged { closed: None })
    }

    fn check_not_suspended(&self) -> Result<(), ErrorBody> {
        match &self.card.closed {
            Some(Closed { by: ClosedBy::Staff, .. }) => {
                let words = "the platform's staff has closed the room, and they alone open it";
                Err(ErrorBody::new(ErrorCode::NotPermitted).message(words))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a join while the room is closed.
    pub(super) fn check_open(&self) -> Result<(), ErrorBody> {
        self.card.closed.as_ref().map_or(Ok(()), |closed| Err(door::refusal(closed)))
    }

    /// The event by which others are let in.
    pub(super) fn with_privacy(&self, privacy: Privacy, by: UserId) -> Event {
        let room = RoomCard { privacy, version: self.card.version + 1, ..(*self.card).clone() };
        Event::RoomChanged { room: Box::new(room), by }
    }

    /// The event by which the room is closed or opened.
    pub(super) fn with_door(&self, closed: Option<&Closed>, by: UserId) -> Event {
        let room = RoomCard { closed: closed.cloned(), version: self.card.version + 1, ..(*self.card).clone() };
        Event::RoomChanged { room: Box::new(room), by }
    }

    /// The event of a change that the store has.
    pub(super) fn changed(&self, change: &ChangeRoom, by: UserId) -> Event {
        Event::RoomChanged { room: Box::new(change::changed(&self.card, change)), by }
    }

    /// Whether lists show the room.
    pub fn is_listed(&self) -> bool {
        self.card.privacy != Privacy::Hidden && self.card.closed.is_none()
    }

    pub(super) fn evolve_record(&mut self, room: &RoomCard) {
        RoomCard::clone_from(&mut self.card, room);
        let own = room.capacity.and_then(|capacity| usize::try_from(capacity).ok());
        self.capacity = own.unwrap_or(self.settings.capacity);
    }

    /// Refuses what the record leaves to others than this user.
    pub(super) fn check_record(&self, user: UserId, role: Role, act: Act) -> Result<(), ErrorBody> {
        let (who, what) = match act {
            Act::Chat => (self.card.may_chat, "write here"),
            Act::PostImage => (self.card.may_post_images, "post images here"),
            Act::TakeSeat => (self.card.may_sit, "take a seat by themselves"),
            Act::Invite => (self.card.may_invite, "invite others to a seat"),
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

/// The fact of a room that the platform's staff closes.
pub(super) fn suspended(reason: &str) -> Fact {
    Fact::DoorChanged { closed: Some(Closed { by: ClosedBy::Staff, reason: reason.to_owned() }) }
}
