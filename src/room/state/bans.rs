//! Bans: who may not join the room, and until when.

use parlor_protocol::command::Ban;
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserId, limit};

use super::rights::{self, Act, Role};
use super::{RoomState, ms};
use crate::kit::clock::Timestamp;
use crate::room::facts::Fact;

impl RoomState {
    /// Refuses a user whose ban holds.
    pub(super) fn check_not_banned(&self, user: UserId, now: Timestamp) -> Result<(), ErrorBody> {
        match self.bans.term(user, now) {
            Some(until) => Err(ErrorBody::banned(until.map(|until| until.0), "")),
            None => Ok(()),
        }
    }

    pub(super) fn decide_ban(&self, ban: &Ban, by: Role, now: Timestamp) -> Result<Fact, ErrorBody> {
        if !rights::may(by, Act::kick(self.role(ban.user))) {
            let words = "the owner cannot be banned, and an admin only by the owner";
            return Err(ErrorBody::new(ErrorCode::Forbidden).message(words));
        }
        if self.bans.is_full_for(ban.user, now) {
            return Err(list_full("bans"));
        }
        let until = ban.duration_ms.map(|duration_ms| now.plus_ms(ms(duration_ms)).0);
        Ok(Fact::Banned { user: ban.user, until, reason: ban.reason.clone() })
    }

    /// The event by which a ban is lifted; `None` if the user is not banned.
    pub(super) fn unbanned(&self, user: UserId, by: UserId) -> Option<Event> {
        self.bans.put_for(user).map(|_| Event::ParticipantUnbanned { user, by })
    }

    /// The refusal for a user who is refused because they are not in the room: `banned` if they are.
    pub(super) fn outside(&self, user: UserId, now: Timestamp, refusal: ErrorBody) -> ErrorBody {
        match self.check_not_banned(user, now) {
            Err(banned) if refusal.code == ErrorCode::NotInRoom => banned,
            _ => refusal,
        }
    }
}

/// The refusal of one more entry in a list of the room.
pub(super) fn list_full(list: &str) -> ErrorBody {
    let words = format!("the room has {} {list}, as many as it may", limit::MEASURES);
    ErrorBody::new(ErrorCode::RoomListFull).message(words)
}
