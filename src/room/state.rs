//! The state of a room as a pure state machine: `decide` only looks, `evolve` is the only way to change it, and
//! `next_deadline` says when time alone changes something. It has no I/O, no clock and no randomness of its own.

mod admins;
mod bans;
mod chat;
mod decision;
mod devices;
mod gifts;
mod hands;
mod images;
mod invitations;
mod lines;
mod memory;
mod moderation;
mod naming;
mod ownership;
mod presence;
mod quiet;
mod record;
mod rights;
mod scene;
mod seating;
mod seats;
mod signals;
mod snapshot;
mod terms;
#[cfg(test)]
pub(super) mod tests;
mod voice;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parlor_protocol::event::RemovalCause;
use parlor_protocol::reply::Done;
use parlor_protocol::room::{OwnershipOffer, Position, RoomCard, SeatCause};
use parlor_protocol::seating::SeatMode;
use parlor_protocol::{Coins, Command, ErrorBody, ErrorCode, Event, Retry, UserId, Weight};
use uuid::Uuid;

pub use self::decision::{Change, Decision, Outcome, Removal};
pub use self::gifts::gifts_within;
pub use self::hands::KeptHands;
pub use self::images::KeptImage;
pub use self::invitations::KeptInvitation;
pub use self::memory::{FirstAnswer, PackedMemory};
pub use self::ownership::KeptOffer;
pub use self::rights::{Act, Role, Whereabouts, may};
pub use self::scene::Scene;
pub use self::snapshot::{Checkpoint, Woken};
use super::facts::{Fact, HardWrite};
use super::request::{Answer, Caller, Request};
use super::settings::{Settings, ms};
use super::words::Words;
use crate::delivery::ConnectionId;
use crate::kit::clock::Timestamp;
use crate::kit::operation::Operation;

/// The time that a client is told to wait when it names a user who may be on their way back to a room that has just
/// woken. It is long enough that retries stay within the rate of seat commands.
const RETURNING_MS: u64 = 2_000;

/// A room at one moment, in one epoch.
#[derive(Clone, Debug)]
pub struct RoomState {
    /// Boxed, because every room that is awake has one and few decisions look at it.
    card: Box<RoomCard>,
    capacity: usize,
    /// They are shared by all rooms.
    settings: Arc<Settings>,
    epoch: i64,
    seq: u64,
    seats: seats::Seats,
    seat_mode: SeatMode,
    hands: hands::Hands,
    invitations: invitations::Invitations,
    presence: presence::Presence,
    /// The sessions that have their users' seats. A user of whom none is known may speak from any device.
    held: BTreeMap<UserId, Uuid>,
    chat: chat::Chat,
    images: images::Images,
    signals: signals::Signals,
    kicks: BTreeMap<UserId, Timestamp>,
    admins: BTreeSet<UserId>,
    offer: Option<Box<OwnershipOffer>>,
    bans: terms::Terms,
    quiet: quiet::Quiet,
    /// What judges lines of chat. It is not of the room, so it is neither in a checkpoint nor told.
    words: Words,
    memory: memory::Memory,
    gifts: gifts::GiftNumbers,
    last_fact: i64,
    /// Until this time a user who is not in the room may be on their way back, because the room has just woken.
    settled_at: Timestamp,
    /// Rises with every change of what a snapshot shows.
    revision: u64,
}

impl RoomState {
    /// Lines of chat are judged by this filter from now on.
    pub fn use_words(&mut self, words: Words) {
        self.words = words;
    }

    /// The room's id, name, owner and number of seats.
    pub fn card(&self) -> &RoomCard {
        &self.card
    }

    /// The epoch in which this owner decides.
    pub const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// The number of the last event in this epoch; 0 before the first.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The number of the last announced gift; 0 before the first.
    pub const fn announced(&self) -> i64 {
        self.gifts.announced
    }

    /// The number of the last gift that is known to be committed; 0 before the first.
    pub const fn committed(&self) -> i64 {
        self.gifts.committed
    }

    /// All coins that were ever spent in the room on the gifts announced so far.
    pub const fn coins(&self) -> Coins {
        self.gifts.coins
    }

    /// A number that rises with every change of what a snapshot shows. Two users whose role and seat are the same see
    /// the same snapshot at one revision.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Since when nobody has been in the room; `None` while somebody is.
    pub const fn empty_since(&self) -> Option<Timestamp> {
        self.presence.empty_since()
    }

    /// When time alone next changes something: a grace period, a hand, an invitation or an offer ends, or it is to be announced who
    /// came and left.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let presence = self.presence.next_deadline(&self.settings);
        let offer = self.offer.as_ref().map(|offer| Timestamp(offer.until));
        presence
            .into_iter()
            .chain(self.hands.next_deadline())
            .chain(self.invitations.next_deadline())
            .chain(offer)
            .chain(self.signals.next_deadline(&self.settings))
            .min()
    }

    /// The bytes of the memory of operations in a checkpoint, if none was refused.
    pub fn memory_bytes(&self) -> usize {
        self.memory.packed_bytes()
    }

    /// The users who are awaited: members of the room without a socket in it.
    pub fn awaited(&self) -> impl Iterator<Item = UserId> {
        let awaited = self.presence.participants().filter(|participant| participant.connections.is_empty());
        awaited.map(|participant| participant.person.id)
    }

    /// Decides a request on the room as it is now. Nothing is changed.
    ///
    /// # Errors
    /// A refusal that is not remembered, so that a retry of the operation is decided anew.
    pub fn decide(&self, request: &Request, now: Timestamp) -> Result<Decision, ErrorBody> {
        match request {
            Request::Join { caller, position } => self.decide_join(caller, *position, now),
            Request::Leave { user } => Ok(self.decide_leave(*user)),
            Request::Elsewhere { user } => Ok(self.decide_elsewhere(*user)),
            Request::Changed { person } => {
                let renamed = self.renaming(person).or_else(|| self.renaming_of_left(person));
                Ok(Decision::silent(renamed.into_iter().collect()))
            }
            Request::Dropped { user, connection } => Ok(self.decide_drop(*user, *connection)),
            Request::Command { caller, operation, command } => self.decide_command(caller, operation, command, now),
            Request::Signal { caller, command } => self.decide_signal(&caller.user, command, now),
            Request::Present { user, act } => self.permit(*user, *act, now).map(|_| Decision::answer(Answer::Nothing)),
            Request::People { user, after, search } => self
                .permit(*user, Act::Look, now)
                .map(|_| Decision::answer(Answer::People(self.people_page(*after, search)))),
            Request::Permitted { user, act } => {
                self.permit(*user, *act, now).map(|_| Decision::answer(Answer::Nothing))
            }
            Request::Seats { user } => {
                self.permit(*user, Act::Look, now).map(|_| Decision::answer(Answer::Seats(self.seat_map())))
            }
            Request::Place { user, session } => {
                self.permit(*user, Act::Hear, now).map(|_| self.decide_place(*user, *session))
            }
            Request::Voices { users, all } => {
                let standings = users.iter().map(|user| (*user, self.standing_since_wake(*user, now))).collect();
                Ok(Decision::only(Outcome::Voices { standings, all: *all }))
            }
            Request::Privacy { user, operation, change } => self.decide_privacy(*user, operation, change, now),
            Request::Hands { user } => self
                .permit(*user, Act::SettleHands, now)
                .map(|_| Decision::answer(Answer::Hands(self.hands.all().to_vec()))),
            Request::Staff { operation, request, act } => Ok(self.decide_staff(operation, request, act, now)),
            Request::Look => Ok(Decision::answer(Answer::Sight(self.sight()))),
            Request::Scene => Ok(Decision::answer(Answer::Scene(Box::new(self.scene_now())))),
            Request::Roster { after, limit } => Ok(Decision::answer(Answer::Roster(self.roster(*after, *limit)))),
            Request::GiftsCommitted(gifts) => Ok(self.decide_gifts(gifts)),
        }
    }

    fn decide_join(&self, caller: &Caller, position: Option<Position>, now: Timestamp) -> Result<Decision, ErrorBody> {
        let user = caller.user.id;
        self.check_open()?;
        self.check_not_banned(user, now)?;
        self.check_not_kicked(user, now)?;
        if self.presence.person(user).is_none() && self.presence.len() >= self.capacity {
            return Err(ErrorCode::RoomFull.into());
        }
        let replaced = self.replaced_by(caller)?;
        let renamed = self.renaming(&caller.user);
        let changes = renamed.into_iter().chain([Change::Attached(caller.clone())]);
        let changes = changes.chain(replaced.iter().map(|socket| Change::Detached(user, *socket))).collect();
        let removals = self.removal_of(user, replaced, RemovalCause::Replaced, None, "").into_iter().collect();
        Ok(Decision { changes, removals, outcome: Outcome::Joined { user, position } })
    }

    /// Refuses a user who was kicked and whose time is not over. That can be the owner, whom only the platform's staff
    /// can kick.
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

    /// Decides the next thing that is due. It is called again while [`next_deadline`](Self::next_deadline) has passed.
    pub fn decide_time(&self, now: Timestamp) -> Decision {
        let overdue = self.presence.overdue(now);
        if overdue.is_empty() {
            let expiries = self.expiries(now);
            if !expiries.is_empty() {
                return Decision::silent(expiries.into_iter().map(Change::Event).collect());
            }
        }
        Decision::silent(if overdue.is_empty() {
            match self.presence.due(now, &self.settings) {
                Some(presence::Told::Names(event)) => vec![Change::Event(event)],
                Some(presence::Told::Count(count)) => vec![Change::Counted(count)],
                None => self.due_signals(now).into_iter().map(Change::Signalled).collect(),
            }
        } else {
            self.departures(&overdue)
        })
    }

    /// Decides what follows from a pause, in which nothing could be decided: grace periods begin anew.
    pub fn decide_resumed(&self) -> Decision {
        Decision::silent(vec![Change::GraceRenewed])
    }

    /// The changes by which these users leave: their hands and invitations end, their seats become free, then they depart.
    fn departures(&self, users: &[UserId]) -> Vec<Change> {
        let seats = self.seats.vacated(users, SeatCause::Gone, None);
        let events = self.farewells(users).into_iter().chain(seats);
        events.map(Change::Event).chain(users.iter().map(|user| Change::Departed { user: *user })).collect()
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
        self.check_not_replaced(caller)?;
        if let Some(first) = self.memory.recall(operation, now, &self.settings)? {
            return Ok(Decision::only(Outcome::Answer(first.map(Answer::Done))));
        }
        let not_here = || ErrorBody::new(ErrorCode::BadRequest).message("this is not a command for a room");
        let (user, act) = (self.known(&caller.user), Act::of(command, caller.user.id).ok_or_else(not_here)?);
        let role = match self.permit(user.id, act, now) {
            Ok(role) => role,
            // `forbidden` is remembered as the operation's answer. `not_in_room` is not: the user may join and try
            // again.
            Err(refusal) if refusal.code == ErrorCode::Forbidden => return Ok(self.decide_refused(operation, refusal)),
            Err(refusal) => return Err(refusal),
        };
        if let Err(refusal) = self.check_record(user.id, role, act) {
            return Ok(self.decide_refused(operation, refusal));
        }
        match command {
            Command::RoomClose(close) => Ok(self.hard(operation, self.decide_close(close), now)),
            Command::RoomOpen(_) => Ok(self.hard(operation, self.decide_open(), now)),
            Command::RoomChange(change) => Ok(self.hard(operation, self.decide_change(change), now)),
            Command::SeatTake(take) => {
                Ok(self.seated_by(caller, self.soft_all(operation, self.decide_take(take, user, role))))
            }
            Command::SeatClaim(_) => Ok(self.decide_claim(operation, caller)),
            Command::SeatMove(to) => Ok(self.soft(operation, self.seats.decide_move(to, user, role))),
            Command::SeatLeave(on) => Ok(self.soft(operation, self.seats.decide_leave(on, user.id))),
            Command::ChatSend(chat) => Ok(self.decide_line(operation, chat, (user, role), now)),
            Command::ChatImage(on) => Ok(self.hard(operation, self.decide_image(on, (user, role), now), now)),
            Command::ChatRecall(on) => Ok(self.hard(operation, self.decide_recall(on, (user.id, role), now), now)),
            Command::SeatLock(on) => Ok(self.hard(operation, self.decide_lock(on, (user.id, role)), now)),
            Command::SeatUnlock(on) => Ok(self.hard(operation, self.decide_unlock(on), now)),
            Command::SeatLockAll(on) => Ok(self.hard(operation, self.decide_lock_all(on, (user.id, role)), now)),
            Command::SeatUnlockAll(on) => Ok(self.hard(operation, self.decide_unlock_all(on), now)),
            Command::SeatMoveUser(on) => Ok(self.soft_all(operation, self.decide_move_user(on, (user.id, role), now))),
            Command::SeatRemoveUser(on) => {
                Ok(self.soft_all(operation, self.decide_remove_user(on, (user.id, role), now)))
            }
            Command::MicMute(on) => Ok(self.soft_all(operation, self.seats.decide_mic(on, user.id, true))),
            Command::MicUnmute(on) => Ok(self.soft_all(operation, self.seats.decide_mic(on, user.id, false))),
            Command::HandRaise(wish) => Ok(self.soft_all(operation, self.decide_raise(wish, user, role, now))),
            Command::HandLower(on) => Ok(self.soft_all(operation, self.decide_lower(on, user.id))),
            Command::HandApprove(on) => Ok(self.soft_all(operation, self.decide_approve(on, (user.id, role)))),
            Command::HandRefuse(on) => Ok(self.soft_all(operation, self.decide_refuse_hand(on, user.id))),
            Command::InvitationSend(on) => Ok(self.soft_all(operation, self.decide_invite(on, (user.id, role), now))),
            Command::InvitationAccept(on) => {
                Ok(self.seated_by(caller, self.soft_all(operation, self.decide_accept(on, user))))
            }
            Command::InvitationRefuse(on) => Ok(self.soft_all(operation, self.decide_refuse_invitation(on, user.id))),
            Command::OwnershipOffer(on) => Ok(self.soft_all(operation, self.decide_offer(on, now))),
            Command::OwnershipWithdraw(_) => Ok(self.soft_all(operation, self.decide_withdraw())),
            Command::OwnershipRefuse(_) => Ok(self.soft_all(operation, self.decide_refuse_offer(user.id))),
            Command::OwnershipAccept(_) => Ok(self.hard(operation, self.decide_accept_offer(user.id), now)),
            Command::SeatMute(on) => Ok(self.hard(operation, self.decide_seat_mute(on, (user.id, role)), now)),
            Command::SeatUnmute(on) => Ok(self.hard(operation, self.decide_seat_unmute(on), now)),
            Command::SeatMode(on) => Ok(self.hard(operation, self.decide_seat_mode(on), now)),
            Command::SeatLayout(on) => Ok(self.hard(operation, self.decide_layout(on), now)),
            Command::RoomKick(kick) => Ok(self.hard(operation, self.decide_kick(kick, role, now), now)),
            Command::AdminPromote(on) => Ok(self.hard(operation, self.decide_promote(on, now), now)),
            Command::AdminDemote(on) => Ok(self.hard(operation, self.decide_demote(on), now)),
            Command::RoomBan(ban) => Ok(self.hard(operation, self.decide_ban(ban, role, now), now)),
            Command::ChatMute(mute) => Ok(self.hard(operation, self.decide_mute(mute, role, now), now)),
            Command::ChatUnmute(on) => Ok(self.hard(operation, Ok(Fact::ChatUnmuted { user: on.user }), now)),
            Command::ChatRules(set) => Ok(self.hard(operation, Ok(self.decide_chat_rules(set)), now)),
            Command::RoomUnban(on) => Ok(self.hard(operation, Ok(Fact::Unbanned { user: on.user }), now)),
            _ => Err(not_here()),
        }
    }

    /// Whether the request is a hard command, which the store must have before it is a fact; or one that is decided in turn
    /// with those, so that an offer of ownership is not withdrawn or refused while the store is writing that it was accepted.
    pub const fn is_hard(request: &Request) -> bool {
        match request {
            Request::Command {
                command: Command::OwnershipOffer(_) | Command::OwnershipWithdraw(_) | Command::OwnershipRefuse(_),
                ..
            } => true,
            Request::Command { command, .. } => matches!(command.weight(), Weight::Hard),
            Request::Staff { .. } | Request::Privacy { .. } => true,
            _ => false,
        }
    }

    /// The user's role, if it permits the act now. A user who is outside because they are banned is told that instead. An
    /// owner who acts from outside must not have been kicked, and not banned by staff.
    fn permit(&self, user: UserId, act: Act, now: Timestamp) -> Result<Role, ErrorBody> {
        let role = self.role(user);
        if let Err(refusal) = rights::check(role, act) {
            return Err(self.outside(user, now, refusal));
        }
        if role == Role::AwayOwner {
            self.check_not_kicked(user, now)?;
            self.check_not_banned(user, now)?;
        }
        Ok(role)
    }

    fn soft(&self, operation: &Operation, verdict: Result<Event, ErrorBody>) -> Decision {
        match verdict {
            Ok(event) => self.answered(operation, vec![Change::Event(event)]),
            Err(error) => self.decide_refused(operation, error),
        }
    }

    /// A decision with these events, in order. Without an event nothing was left to do.
    fn soft_all(&self, operation: &Operation, verdict: Result<Vec<Event>, ErrorBody>) -> Decision {
        match verdict {
            Ok(events) => self.answered(operation, events.into_iter().map(Change::Event).collect()),
            Err(error) => self.decide_refused(operation, error),
        }
    }

    fn hard(&self, operation: &Operation, verdict: Result<Fact, ErrorBody>, at: Timestamp) -> Decision {
        let (room, epoch, seq, operation) = (self.card.id, self.epoch, self.seq, *operation);
        Decision::only(Outcome::Write(HardWrite {
            room,
            epoch,
            operation,
            verdict,
            seq,
            at,
            by_staff: None,
            voice: Vec::new(),
        }))
    }

    /// A decision with these changes and the answer `Done`, which names the last event among them and is remembered.
    fn answered(&self, operation: &Operation, mut changes: Vec<Change>) -> Decision {
        let events = changes.iter().filter(|change| matches!(change, Change::Event(_))).count();
        let done = Done { epoch: self.epoch, seq: self.seq + events as u64, replayed: false };
        changes.push(Change::Remembered(*operation, Ok(done)));
        Decision { changes, ..Decision::answer(Answer::Done(done)) }
    }

    /// The refusal for a user who is not in the room. Just after the room has woken they may be on their way back; then
    /// the refusal is `room_paused`, which is not remembered, so that the client can ask again.
    fn unknown_user(&self, now: Timestamp) -> ErrorBody {
        if now < self.settled_at {
            let words = "the room has just woken, and this user may be on their way back";
            return ErrorBody::new(ErrorCode::RoomPaused).message(words).retry_after_ms(RETURNING_MS);
        }
        ErrorCode::UserNotFound.into()
    }

    /// A decision that refuses the operation. The refusal is remembered, unless its code says that a retry may succeed.
    pub fn decide_refused(&self, operation: &Operation, error: ErrorBody) -> Decision {
        let is_final = error.retry == Retry::Never;
        let changes = is_final.then(|| Change::Remembered(*operation, Err(error.clone()))).into_iter().collect();
        Decision { changes, ..Decision::only(Outcome::Answer(Err(error))) }
    }

    /// Makes one change. `at` is the time of the decision.
    pub fn evolve(&mut self, change: &Change, at: Timestamp) {
        let shows = match change {
            Change::Event(_) | Change::Counted(_) => true,
            Change::Attached(Caller { user: person, .. }) | Change::Renamed(person) => self.presence.page_shows(person),
            Change::Departed { user } => self.presence.page_has(*user),
            Change::Reacted { .. } => true,
            Change::Detached(..)
            | Change::GraceRenewed
            | Change::Remembered(..)
            | Change::Typed(_)
            | Change::Spoke(_)
            | Change::Signalled(_)
            | Change::Holds { .. }
            | Change::FactApplied { .. }
            | Change::GiftsKnown { .. } => false,
        };
        self.revision += u64::from(shows);
        match change {
            Change::Event(event) => self.evolve_event(event, at),
            Change::Counted(count) => self.presence.told_count_of(*count, at),
            Change::Renamed(person) => self.presence.rename(person),
            Change::Attached(caller) => self.presence.attach(&caller.user, caller.connection),
            Change::Detached(user, connection) => {
                self.presence.detach(*user, *connection, at.plus_ms(ms(self.settings.grace_ms)));
            }
            Change::GraceRenewed => self.presence.renew_grace(at.plus_ms(ms(self.settings.grace_ms))),
            Change::Departed { user } => {
                self.signals.forget(*user);
                self.presence.depart(*user, at, &self.settings);
            }
            Change::Remembered(operation, answer) => {
                let is_line = answer.as_ref().is_ok_and(|done| self.chat.ends_with(operation, done));
                self.memory.remember(operation, answer, is_line, at, &self.settings);
            }
            Change::Typed(_) | Change::Spoke(_) | Change::Reacted { .. } | Change::Signalled(_) => {
                self.evolve_signal(change, at);
            }
            Change::Holds { user, session, .. } => drop(self.held.insert(*user, *session)),
            Change::FactApplied { id } => self.last_fact = *id,
            Change::GiftsKnown { gift_no } => self.gifts.committed = self.gifts.committed.max(*gift_no),
        }
    }

    fn evolve_event(&mut self, event: &Event, at: Timestamp) {
        self.seq += 1;
        match event {
            Event::ParticipantsChanged { joined, left, count } => self.presence.told_names(joined, left, *count, at),
            Event::PersonChanged { person } => self.evolve_person(person),
            Event::RoomChanged { room, .. } => self.evolve_record(room),
            Event::SeatsChanged { seats, version, .. } => {
                self.seats.assign(seats, *version);
                self.forget_held();
            }
            Event::ChatPosted { .. } | Event::ChatRecalled { .. } => self.evolve_line(event, at),
            Event::ParticipantKicked { user, until, .. } => {
                self.kicks.retain(|_, until| *until > at);
                self.kicks.insert(*user, Timestamp(*until));
            }
            Event::AdminsChanged { admins, .. } => self.evolve_admins(admins),
            Event::ParticipantBanned { user, until, .. } => self.bans.put(*user, until.map(Timestamp), at),
            Event::ParticipantUnbanned { user, .. } => self.bans.lift(*user),
            Event::ChatMuted { user, until, .. } => self.quiet.mutes.put(*user, until.map(Timestamp), at),
            Event::ChatUnmuted { user, .. } => self.quiet.mutes.lift(*user),
            Event::ChatRulesChanged { rules, .. } => self.quiet.set(*rules),
            Event::OwnershipChanged { owner, offer, .. } => self.evolve_ownership(owner, offer.as_ref()),
            Event::SeatModeChanged { mode, .. } => self.seat_mode = *mode,
            Event::LayoutChanged { seats, version, .. } => self.evolve_layout(seats, *version),
            Event::HandRaised { hand } => self.hands.raise(hand),
            Event::HandSettled { user, settled } => self.hands.settle(*user, *settled),
            Event::InvitationSent { invitation } => self.invitations.send(invitation),
            Event::InvitationEnded { user, .. } => self.invitations.end(*user),
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
