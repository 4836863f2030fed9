//! Hard commands: the fact that each would make true, and what follows when the store has that fact.

use parlor_protocol::command::{Kick, OnAllSeats, OnSeat};
use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::Done;
use parlor_protocol::room::SeatCause;
use parlor_protocol::{ErrorBody, ErrorCode, Event, UserFrame, UserId, limit};

use super::bans::list_full;
use super::record::suspended;
use super::rights::{self, Act, Role};
use super::{Change, Decision, Outcome, Removal, RoomState};
use crate::delivery::ConnectionId;
use crate::kit::clock::Timestamp;
use crate::kit::operation::Operation;
use crate::room::facts::{Fact, Written};
use crate::room::request::{Answer, StaffAct};
use crate::room::settings::ms;

impl RoomState {
    pub(super) fn decide_lock(&self, on: &OnSeat, by: (UserId, Role)) -> Result<Fact, ErrorBody> {
        self.seats.check_version(on.version)?;
        self.check_overrule(by, self.seats.seat(on.seat)?)?;
        Ok(Fact::SeatLocked { seat: on.seat })
    }

    pub(super) fn decide_unlock(&self, on: &OnSeat) -> Result<Fact, ErrorBody> {
        self.seats.check_version(on.version)?;
        self.seats.seat(on.seat)?;
        Ok(Fact::SeatUnlocked { seat: on.seat })
    }

    pub(super) fn decide_lock_all(&self, on: &OnAllSeats, by: (UserId, Role)) -> Result<Fact, ErrorBody> {
        self.seats.check_version(on.version)?;
        let seats = self.seats.lockable().filter(|seat| self.may_overrule(by, seat));
        Ok(Fact::SeatsLocked { seats: seats.map(|seat| seat.no).collect() })
    }

    pub(super) fn decide_unlock_all(&self, on: &OnAllSeats) -> Result<Fact, ErrorBody> {
        self.seats.check_version(on.version)?;
        Ok(Fact::SeatsUnlocked { seats: self.seats.all().iter().map(|seat| seat.no).collect() })
    }

    pub(super) fn decide_kick(&self, kick: &Kick, by: Role, now: Timestamp) -> Result<Fact, ErrorBody> {
        if !rights::may(by, Act::kick(self.role(kick.user))) {
            let words = "the owner cannot be kicked, and an admin only by the owner";
            return Err(ErrorBody::new(ErrorCode::Forbidden).message(words));
        }
        let others = self.kicks.iter().filter(|(user, until)| **user != kick.user && **until > now);
        if others.count() >= limit::MEASURES {
            return Err(list_full("kicks"));
        }
        self.kicked(kick, now)
    }

    /// The fact of a kick, if the user is in the room.
    fn kicked(&self, kick: &Kick, now: Timestamp) -> Result<Fact, ErrorBody> {
        if self.presence.person(kick.user).is_none() {
            return Err(self.unknown_user(now));
        }
        let until = now.plus_ms(ms(kick.duration_ms.unwrap_or(self.settings.kick_ms))).0;
        Ok(Fact::Kicked { user: kick.user, until, reason: kick.reason.clone() })
    }

    /// Decides an act of the platform's staff, who stand above the room's own roles. The room's memory is not asked,
    /// because each act has a new operation.
    pub(super) fn decide_staff(
        &self,
        operation: &Operation,
        request: &str,
        act: &StaffAct,
        now: Timestamp,
    ) -> Decision {
        let may = |act| rights::check(Role::Staff, act);
        let verdict = match act {
            StaffAct::Kick(kick) => may(Act::kick(self.role(kick.user))).and_then(|()| self.kicked(kick, now)),
            StaffAct::Ban(ban) => may(Act::Ban).and_then(|()| self.decide_ban(ban, Role::Staff, now)),
            StaffAct::Unban { user } => may(Act::Unban).map(|()| Fact::Unbanned { user: *user }),
            StaffAct::MuteChat(mute) => may(Act::MuteChat).and_then(|()| self.decide_mute(mute, Role::Staff, now)),
            StaffAct::UnmuteChat { user } => may(Act::UnmuteChat).map(|()| Fact::ChatUnmuted { user: *user }),
            StaffAct::Recall { epoch, seq } => {
                may(Act::RecallAny).and_then(|()| self.recall_by_right(*epoch, *seq, None))
            }
            StaffAct::Suspend { reason } => may(Act::Suspend).map(|()| suspended(reason)),
            StaffAct::Restore => may(Act::Suspend).map(|()| Fact::DoorChanged { closed: None }),
            StaffAct::Close { reason } => may(Act::Close).map(|()| Fact::Closed { reason: reason.clone() }),
        };
        let mut decision = self.hard(operation, verdict, now);
        if let Outcome::Write(write) = &mut decision.outcome {
            write.by_staff = Some(request.to_owned());
        }
        decision
    }

    /// Decides what follows now from a fact that the store has. A fact that the state already includes changes nothing,
    /// because a later one may have undone it. The answer is the one that was stored with the fact: it names the last event
    /// before the fact, because nobody knows at the commit which number the fact's own event will have.
    pub fn decide_fact(&self, operation: &Operation, written: &Written) -> Decision {
        if written.id <= self.last_fact {
            return Decision::answer(Answer::Done(Done { replayed: true, ..written.done }));
        }
        let by = operation.actor;
        let mut removals = Vec::new();
        let mut changes = match &written.fact {
            Fact::SeatLocked { seat } => self.locked(&[*seat], by).map(Change::Event).into_iter().collect(),
            Fact::SeatUnlocked { seat } => self.seats.unlocked(&[*seat], by).map(Change::Event).into_iter().collect(),
            Fact::SeatsLocked { seats } => self.locked(seats, by).map(Change::Event).into_iter().collect(),
            Fact::SeatsUnlocked { seats } => self.seats.unlocked(seats, by).map(Change::Event).into_iter().collect(),
            Fact::Kicked { user, until, reason } => {
                removals.extend(self.removal(*user, RemovalCause::Kicked, Some(*until), reason));
                let kicked = Event::ParticipantKicked { user: *user, by, until: *until, reason: reason.clone() };
                self.put_out(*user, SeatCause::Kicked, by, kicked)
            }
            Fact::SeatMuted { seat } => self.seats.muted(*seat, true, by).map(Change::Event).into_iter().collect(),
            Fact::SeatUnmuted { seat } => self.seats.muted(*seat, false, by).map(Change::Event).into_iter().collect(),
            Fact::SeatModeChanged { mode } => self.mode_changed(*mode, by).map(Change::Event).into_iter().collect(),
            Fact::LayoutChanged { seats } => self.seats.laid_out(*seats, by).map(Change::Event).into_iter().collect(),
            Fact::OwnerChanged { owner, .. } => self.handed_over(owner, by).into_iter().map(Change::Event).collect(),
            Fact::AdminPromoted { user } => self.promoted(*user, by).map(Change::Event).into_iter().collect(),
            Fact::AdminDemoted { user } => self.demoted(*user, by).map(Change::Event).into_iter().collect(),
            Fact::Banned { user, until, reason } => {
                removals.extend(self.removal(*user, RemovalCause::Banned, *until, reason));
                let banned = Event::ParticipantBanned { user: *user, by, until: *until, reason: reason.clone() };
                // A banned user is no admin. That is part of the ban, and its lifting does not undo it.
                let demoted = self.demoted(*user, by).map(Change::Event).into_iter();
                demoted.chain(self.put_out(*user, SeatCause::Banned, by, banned)).collect()
            }
            Fact::ChatMuted { user, until } => {
                vec![Change::Event(Event::ChatMuted { user: *user, by, until: *until })]
            }
            Fact::ChatUnmuted { user } => self.unmuted(*user, by).map(Change::Event).into_iter().collect(),
            Fact::ChatRules { rules } => self.chat_rules_changed(*rules, by).map(Change::Event).into_iter().collect(),
            // Without its line the fact was read back from the store, by a room that has posted the line or has died over it.
            Fact::ImagePosted { image, line } => {
                line.iter().map(|line| Change::Event(self.with_image(*image, line, operation))).collect()
            }
            Fact::LineRecalled { epoch, seq, .. } => {
                self.recalled(*epoch, *seq, by).map(Change::Event).into_iter().collect()
            }
            Fact::Unbanned { user } => self.unbanned(*user, by).map(Change::Event).into_iter().collect(),
            Fact::RoomChanged { change } => vec![Change::Event(self.changed(change, by))],
            Fact::PrivacyChanged { privacy, .. } => vec![Change::Event(self.with_privacy(*privacy, by))],
            Fact::DoorChanged { closed } => {
                let event = Change::Event(self.with_door(closed.as_ref(), by));
                let users = self.presence.participants().map(|there| there.person.id).filter(|_| closed.is_some());
                let users: Vec<_> = users.collect();
                let reason = closed.as_ref().map_or("", |closed| &closed.reason);
                let removal = |user: &UserId| self.removal(*user, RemovalCause::Closed, None, reason);
                removals.extend(users.iter().filter_map(removal));
                [event].into_iter().chain(self.departures(&users)).collect()
            }
            Fact::Closed { reason } => {
                let users: Vec<_> = self.presence.participants().map(|participant| participant.person.id).collect();
                let removal = |user: &UserId| self.removal(*user, RemovalCause::Closed, None, reason);
                removals.extend(users.iter().filter_map(removal));
                self.departures(&users)
            }
        };
        changes.push(Change::FactApplied { id: written.id });
        changes.push(Change::Remembered(*operation, Ok(written.done)));
        Decision { changes, removals, ..Decision::answer(Answer::Done(written.done)) }
    }

    /// The event by which these seats are locked. Who sat down there while the store was writing loses the seat as if they had sat
    /// there before: if the user who locks stands above them. The others stay, on a seat that nobody else can take.
    fn locked(&self, seats: &[u8], by: UserId) -> Option<Event> {
        // When it was decided the user was the owner or an admin, whatever they have become since.
        let role = if self.role(by).is_owner() { Role::Owner } else { Role::Admin };
        self.seats.locked(seats, by, |seat| self.may_overrule((by, role), seat))
    }

    /// The changes by which a user is put out: their seat becomes free, the room is told, and they depart if they are in it.
    fn put_out(&self, user: UserId, cause: SeatCause, by: UserId, told: Event) -> Vec<Change> {
        let seat = self.seats.vacated(&[user], cause, Some(by));
        let events = self.farewells(&[user]).into_iter().chain(seat).chain([told]);
        let departed = self.presence.person(user).map(|_| Change::Departed { user });
        events.map(Change::Event).chain(departed).collect()
    }

    /// The removal of the user's sockets from the room, with the cause; `None` if the user has none.
    pub(super) fn removal(
        &self,
        user: UserId,
        cause: RemovalCause,
        until: Option<i64>,
        reason: &str,
    ) -> Option<Removal> {
        self.removal_of(user, self.presence.connections(user).to_vec(), cause, until, reason)
    }

    /// The removal of these sockets of the user; `None` if there are none.
    pub(super) fn removal_of(
        &self,
        user: UserId,
        connections: Vec<ConnectionId>,
        cause: RemovalCause,
        until: Option<i64>,
        reason: &str,
    ) -> Option<Removal> {
        let frame = UserFrame::RoomRemoved { room: self.card.id, cause, until, reason: reason.to_owned() };
        (!connections.is_empty()).then_some(Removal { user, connections, frame })
    }
}
