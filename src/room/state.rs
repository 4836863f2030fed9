//! What a room is and how it changes, pure: `decide` looks and changes nothing, `evolve` is the only
//! change, `next_deadline` says when time alone changes something. No I/O, no clock, no chance.

mod chat;
mod decision;
mod gifts;
mod memory;
mod moderation;
mod presence;
mod rights;
mod seats;
mod snapshot;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;

use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::Done;
use parlor_protocol::room::{ChatLine, Person, Position, RoomCard, SeatCause};
use parlor_protocol::{Coins, Command, ErrorBody, ErrorCode, Event, Op, Retry, UserId, Weight};

pub use self::decision::{Change, Decision, Outcome, Removal};
pub use self::gifts::gifts_within;
pub use self::memory::{FirstAnswer, PackedMemory};
pub use self::rights::{Act, Role, may};
pub use self::snapshot::{Checkpoint, Woken};
use super::facts::{Fact, HardWrite};
use super::request::{Answer, Caller, Request};
use super::settings::{Settings, ms};
use crate::delivery::ConnectionId;
use crate::kit::clock::Timestamp;
use crate::kit::operation::Operation;

/// What somebody waits who asks for one who may be on their way back: seldom enough for the rate of
/// seat commands.
const RETURNING_MS: u64 = 2_000;

/// A room at one moment of one epoch.
#[derive(Clone, Debug)]
pub struct RoomState {
    card: RoomCard,
    capacity: usize,
    settings: Settings,
    epoch: i64,
    seq: u64,
    seats: seats::Seats,
    presence: presence::Presence,
    chat: chat::Chat,
    kicks: BTreeMap<UserId, Timestamp>,
    memory: memory::Memory,
    gifts: gifts::GiftNumbers,
    last_fact: i64,
    /// Until then somebody unknown may be on their way back: the room has just been woken.
    settled_at: Timestamp,
    /// Rises with every change of what a snapshot shows.
    revision: u64,
}

impl RoomState {
    /// Which room.
    pub const fn card(&self) -> &RoomCard {
        &self.card
    }

    /// Of which epoch.
    pub const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// The last event's number.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The last announced gift's number.
    pub const fn announced(&self) -> i64 {
        self.gifts.announced
    }

    /// The last gift's number that is known to be committed.
    pub const fn committed(&self) -> i64 {
        self.gifts.committed
    }

    /// Rises with every change of what a snapshot shows to somebody whose own place is the same.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Since when nobody has been in the room.
    pub const fn empty_since(&self) -> Option<Timestamp> {
        self.presence.empty_since()
    }

    /// When time alone changes something: a grace period ends, or who came and left is told.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.presence.next_deadline(&self.settings)
    }

    /// Who is awaited: in the room without a socket.
    pub fn awaited(&self) -> impl Iterator<Item = UserId> {
        let awaited = self.presence.participants().filter(|participant| participant.connections.is_empty());
        awaited.map(|participant| participant.person.id)
    }

    /// What a request comes to now.
    ///
    /// # Errors
    /// A refusal that is not remembered: the operation was not taken up.
    pub fn decide(&self, request: &Request, now: Timestamp) -> Result<Decision, ErrorBody> {
        match request {
            Request::Join { caller, position } => self.decide_join(caller, *position, now),
            Request::Leave { user } => Ok(self.decide_leave(*user)),
            Request::Elsewhere { user } => Ok(self.decide_elsewhere(*user)),
            Request::Dropped { user, connection } => Ok(self.decide_drop(*user, *connection)),
            Request::Command { caller, operation, command } => self.decide_command(caller, operation, command, now),
            Request::Present { user } => self.permit(*user, Act::Look, now).map(|_| Decision::answer(Answer::Nothing)),
            Request::People { user, after } => {
                self.permit(*user, Act::Look, now).map(|_| Decision::answer(Answer::People(self.people_page(*after))))
            }
            Request::Seats { user } => {
                self.permit(*user, Act::Look, now).map(|_| Decision::answer(Answer::Seats(self.seat_map())))
            }
            Request::Staff { operation, act } => Ok(self.decide_staff(operation, act, now)),
            Request::Look => Ok(Decision::answer(Answer::Sight(self.sight()))),
            Request::GiftsCommitted(gifts) => Ok(self.decide_gifts(gifts)),
        }
    }

    fn decide_join(&self, caller: &Caller, position: Option<Position>, now: Timestamp) -> Result<Decision, ErrorBody> {
        let user = caller.user.id;
        self.check_not_kicked(user, now)?;
        if self.presence.person(user).is_none() && self.presence.len() >= self.capacity {
            return Err(ErrorCode::RoomFull.into());
        }
        let changes = vec![Change::Attached(caller.clone())];
        Ok(Decision { changes, ..Decision::only(Outcome::Joined { user, position }) })
    }

    /// Who was put out has nothing to do or see here for a while: not even the owner, whom only the
    /// platform's staff puts out.
    fn check_not_kicked(&self, user: UserId, now: Timestamp) -> Result<(), ErrorBody> {
        match self.kicks.get(&user).filter(|until| **until > now) {
            Some(until) => Err(ErrorBody::kicked(until.0)),
            None => Ok(()),
        }
    }

    fn decide_leave(&self, user: UserId) -> Decision {
        if self.presence.person(user).is_none() {
            return Decision::answer(Answer::Nothing);
        }
        let removals = self.removal(user, RemovalCause::Left, None, "").into_iter().collect();
        Decision { removals, ..Decision::silent(self.departures(&[user])) }
    }

    fn decide_elsewhere(&self, user: UserId) -> Decision {
        let is_awaited = self.presence.person(user).is_some() && self.presence.connections(user).is_empty();
        Decision::silent(if is_awaited { self.departures(&[user]) } else { Vec::new() })
    }

    fn decide_drop(&self, user: UserId, connection: ConnectionId) -> Decision {
        let known = self.presence.has(user, connection);
        Decision::silent(if known { vec![Change::Detached(user, connection)] } else { Vec::new() })
    }

    /// What is due by now, one step at a time: to be asked again while `next_deadline` has passed.
    pub fn decide_time(&self, now: Timestamp) -> Decision {
        let overdue = self.presence.overdue(now);
        Decision::silent(if overdue.is_empty() {
            match self.presence.due(now, &self.settings) {
                Some(presence::Told::Names(event)) => vec![Change::Event(event)],
                Some(presence::Told::Count(count)) => vec![Change::Counted(count)],
                None => Vec::new(),
            }
        } else {
            self.departures(&overdue)
        })
    }

    /// What follows from a time in which nothing could be decided.
    pub fn decide_resumed(&self) -> Decision {
        Decision::silent(vec![Change::GraceRenewed])
    }

    fn departures(&self, users: &[UserId]) -> Vec<Change> {
        let seats = self.seats.vacated(users, SeatCause::Gone, None).map(Change::Event);
        seats.into_iter().chain(users.iter().map(|user| Change::Departed { user: *user })).collect()
    }

    fn decide_command(
        &self,
        caller: &Caller,
        operation: &Operation,
        command: &Command,
        now: Timestamp,
    ) -> Result<Decision, ErrorBody> {
        if let Command::GiftSend(send) = command {
            return self.decide_gift(caller, operation, send, now);
        }
        if let Some(first) = self.memory.recall(operation, now, &self.settings)? {
            return Ok(Decision::only(Outcome::Answer(first.map(Answer::Done))));
        }
        let not_here = || ErrorBody::new(ErrorCode::BadRequest).message("this is no command of a room's");
        let (user, act) = (&caller.user, Act::of(command).ok_or_else(not_here)?);
        let role = match self.permit(user.id, act, now) {
            Ok(role) => role,
            // Who has to come in first asks again then; who is in has had their answer.
            Err(refusal) if refusal.code == ErrorCode::Forbidden => return Ok(self.decide_refused(operation, refusal)),
            Err(refusal) => return Err(refusal),
        };
        match command {
            Command::SeatTake(take) => Ok(self.soft(operation, self.seats.decide_take(take, user, role))),
            Command::SeatLeave(_) => {
                let left = self.seats.vacated(&[user.id], SeatCause::Left, None);
                Ok(self.soft(operation, left.ok_or_else(|| ErrorCode::NotSeated.into())))
            }
            Command::ChatSend(chat) => Ok(self.soft(operation, Ok(posted(user, operation.op, &chat.text)?))),
            Command::SeatLock(on) => Ok(self.hard(operation, self.decide_lock(on))),
            Command::SeatUnlock(on) => Ok(self.hard(operation, self.decide_unlock(on))),
            Command::RoomKick(kick) => Ok(self.hard(operation, self.decide_kick(kick, now))),
            _ => Err(not_here()),
        }
    }

    /// What waits for the store; its turn comes when those before it are answered.
    pub const fn is_hard(request: &Request) -> bool {
        match request {
            Request::Command { command, .. } => matches!(command.weight(), Weight::Hard),
            Request::Staff { .. } => true,
            _ => false,
        }
    }

    /// What this user is to the room now.
    fn role(&self, user: UserId) -> Role {
        Role::of(user, self.card.owner.id, self.presence.person(user).is_some())
    }

    /// The user's role, if it may do this now. Whoever acts from outside must not have been put out.
    fn permit(&self, user: UserId, act: Act, now: Timestamp) -> Result<Role, ErrorBody> {
        let role = self.role(user);
        rights::check(role, act)?;
        if role == Role::AwayOwner {
            self.check_not_kicked(user, now)?;
        }
        Ok(role)
    }

    fn soft(&self, operation: &Operation, verdict: Result<Event, ErrorBody>) -> Decision {
        match verdict {
            Ok(event) => self.answered(operation, vec![Change::Event(event)]),
            Err(error) => self.decide_refused(operation, error),
        }
    }

    fn hard(&self, operation: &Operation, verdict: Result<Fact, ErrorBody>) -> Decision {
        let (room, epoch, operation) = (self.card.id, self.epoch, *operation);
        Decision::only(Outcome::Write(HardWrite { room, epoch, operation, verdict }))
    }

    /// These changes, with their answer remembered: it names the last event among them.
    fn answered(&self, operation: &Operation, mut changes: Vec<Change>) -> Decision {
        let events = changes.iter().filter(|change| matches!(change, Change::Event(_))).count();
        let done = Done { epoch: self.epoch, seq: self.seq + events as u64, replayed: false };
        changes.push(Change::Remembered(*operation, Ok(done)));
        Decision { changes, ..Decision::answer(Answer::Done(done)) }
    }

    /// Nobody of this name is here. Right after waking they may be on their way back, and that is no
    /// verdict: nothing is remembered of it, and the client asks again.
    fn unknown_user(&self, now: Timestamp) -> ErrorBody {
        if now < self.settled_at {
            let words = "the room has just been woken: they may be on their way back";
            return ErrorBody::new(ErrorCode::RoomPaused).message(words).retry_after_ms(RETURNING_MS);
        }
        ErrorCode::UserNotFound.into()
    }

    /// The operation is refused; for good, unless the error says that it may pass.
    pub fn decide_refused(&self, operation: &Operation, error: ErrorBody) -> Decision {
        let is_final = error.retry == Retry::Never;
        let changes = is_final.then(|| Change::Remembered(*operation, Err(error.clone()))).into_iter().collect();
        Decision { changes, ..Decision::only(Outcome::Answer(Err(error))) }
    }

    /// Takes one step. `at` is the time of the decision.
    pub fn evolve(&mut self, change: &Change, at: Timestamp) {
        let shows = match change {
            Change::Event(_) | Change::Counted(_) | Change::GiftsPassed { .. } => true,
            Change::Attached(caller) => self.presence.page_shows(&caller.user),
            Change::Departed { user } => self.presence.page_has(*user),
            Change::Detached(..)
            | Change::GraceRenewed
            | Change::Remembered(..)
            | Change::FactApplied { .. }
            | Change::GiftsKnown { .. } => false,
        };
        self.revision += u64::from(shows);
        match change {
            Change::Event(event) => self.evolve_event(event, at),
            Change::Counted(count) => self.presence.told_count_of(*count, at),
            Change::Attached(caller) => self.presence.attach(&caller.user, caller.connection),
            Change::Detached(user, connection) => {
                self.presence.detach(*user, *connection, at.plus_ms(ms(self.settings.grace_ms)));
            }
            Change::GraceRenewed => self.presence.renew_grace(at.plus_ms(ms(self.settings.grace_ms))),
            Change::Departed { user } => self.presence.depart(*user, at, &self.settings),
            Change::Remembered(operation, answer) => self.memory.remember(operation, answer, at, &self.settings),
            Change::FactApplied { id } => self.last_fact = *id,
            Change::GiftsKnown { gift_no } => self.gifts.committed = self.gifts.committed.max(*gift_no),
            Change::GiftsPassed { gift_no, coins } => self.announce(*gift_no, *coins),
        }
    }

    fn evolve_event(&mut self, event: &Event, at: Timestamp) {
        self.seq += 1;
        match event {
            Event::ParticipantsChanged { joined, left, count } => self.presence.told_names(joined, left, *count, at),
            Event::SeatsChanged { seats, version, .. } => self.seats.assign(seats, *version),
            Event::ChatPosted { from, op, text } => {
                self.chat.push(ChatLine { at: at.0, from: from.clone(), op: *op, text: text.clone() });
            }
            Event::ParticipantKicked { user, until, .. } => {
                self.kicks.retain(|_, until| *until > at);
                self.kicks.insert(*user, Timestamp(*until));
            }
            Event::GiftsSent { gifts, coins } => {
                if let Some(last) = gifts.last() {
                    self.announce(last.gift_no, *coins);
                }
            }
        }
    }

    fn announce(&mut self, gift_no: i64, coins: Coins) {
        self.gifts.announced = gift_no;
        self.gifts.committed = self.gifts.committed.max(gift_no);
        self.gifts.coins = coins;
    }
}

/// The line, without control characters other than line breaks.
fn posted(from: &Person, op: Op, text: &str) -> Result<Event, ErrorBody> {
    let text = text.replace(|char: char| char.is_control() && char != '\n', "");
    if text.trim().is_empty() {
        return Err(ErrorBody::new(ErrorCode::BadRequest).field("text", "not only spaces and control characters"));
    }
    Ok(Event::ChatPosted { from: from.clone(), op, text })
}
