//! Short forms of requests for the tests of a room, and a room whose store answers at once.

use parlor_protocol::RoomId;
use parlor_protocol::command::{
    Ban, InRoom, Kick, MoveSeat, MoveUser, MuteChat, OfferSeat, OnAllSeats, OnMap, OnSeat, OnUser, OnUserOnMap,
    RaiseHand, RecallLine, Recipients, SendChat, SendGift, SendImage, SetChatRules, SetLayout, SetSeatMode, TakeSeat,
};
use parlor_protocol::seating::MovePolicy;
use parlor_protocol::{GiftId, room::GiftLine};
use uuid::Uuid;

use super::*;
use crate::room::facts::{Fact, HardWrite, Written};
use crate::room::port::{CommittedGifts, GiftOrder};

pub(in crate::room) fn user(number: i64) -> UserId {
    UserId::new(number).expect("in range")
}

pub(in crate::room) fn person(number: i64) -> Person {
    Person::named(user(number), format!("user {number}"))
}

/// The caller of this number, on the socket of the same number.
pub(in crate::room) fn caller(number: i64) -> Caller {
    let (connection, session) =
        (ConnectionId(number.unsigned_abs()), uuid::Uuid::from_u128(number.unsigned_abs().into()));
    Caller { user: person(number), connection, session }
}

pub(in crate::room) fn room_id() -> RoomId {
    RoomId::new(104_233_871).expect("in range")
}

pub(in crate::room) fn woken() -> Woken {
    Woken {
        card: RoomCard { capacity: Some(4), ..RoomCard::named(room_id(), "a room".into(), person(1), 5) },
        capacity: Some(4),
        epoch: 7,
        locks: Vec::new(),
        kicks: Vec::new(),
        admins: Vec::new(),
        bans: Vec::new(),
        mutes: Vec::new(),
        chat_rules: parlor_protocol::room::ChatRules::default(),
        seat_mutes: Vec::new(),
        seat_mode: SeatMode::Free,
        last_fact: 0,
        committed: 0,
        coins: Coins(0),
        checkpoint: None,
    }
}

pub(in crate::room) fn gift(gift_no: i64, at: i64) -> GiftLine {
    GiftLine {
        gift_no,
        receipt: gift_no * 10,
        at,
        from: person(1),
        to: vec![person(2)],
        gift: GiftId::new(1).expect("in range"),
        count: 1,
        total: Coins(5),
        banner: None,
    }
}

/// Gifts of five coins each, from the first number to the last.
pub(in crate::room) fn gifts(numbers: std::ops::RangeInclusive<i64>, at: i64) -> CommittedGifts {
    let coins = Coins(numbers.end() * 5);
    CommittedGifts { gifts: numbers.map(|gift_no| gift(gift_no, at)).collect(), coins }
}

pub(in crate::room) fn operation(actor: i64, op: u128, command: &Command) -> Operation {
    Operation::of_command(Op(Uuid::from_u128(op)), user(actor), command)
}

pub(in crate::room) fn request(actor: i64, op: u128, command: Command) -> Request {
    Request::Command { caller: caller(actor), operation: operation(actor, op, &command), command }
}

pub(in crate::room) fn take(seat: Option<u8>) -> Command {
    Command::SeatTake(TakeSeat { room: room_id(), seat, version: None })
}

pub(in crate::room) fn move_to(seat: u8) -> Command {
    Command::SeatMove(MoveSeat { room: room_id(), seat, version: None })
}

pub(in crate::room) fn lock(seat: u8) -> Command {
    Command::SeatLock(OnSeat { room: room_id(), seat, version: None })
}

pub(in crate::room) fn unlock(seat: u8) -> Command {
    Command::SeatUnlock(OnSeat { room: room_id(), seat, version: None })
}

pub(in crate::room) fn lock_all() -> Command {
    Command::SeatLockAll(OnAllSeats { room: room_id(), version: None })
}

pub(in crate::room) fn unlock_all() -> Command {
    Command::SeatUnlockAll(OnAllSeats { room: room_id(), version: None })
}

pub(in crate::room) fn leave_seat() -> Command {
    Command::SeatLeave(OnMap { room: room_id(), version: None })
}

pub(in crate::room) fn claim() -> Command {
    Command::SeatClaim(InRoom { room: room_id() })
}

pub(in crate::room) fn say(text: &str) -> Command {
    Command::ChatSend(SendChat::of(room_id(), text.into()))
}

pub(in crate::room) fn kick(number: i64) -> Command {
    Command::RoomKick(Kick { room: room_id(), user: user(number), duration_ms: None, reason: "noise".into() })
}

pub(in crate::room) fn ban(number: i64, duration_ms: Option<u64>) -> Command {
    Command::RoomBan(Ban { room: room_id(), user: user(number), duration_ms, reason: "spam".into() })
}

pub(in crate::room) fn recall(epoch: i64, seq: u64) -> Command {
    Command::ChatRecall(RecallLine { room: room_id(), epoch, seq })
}

pub(in crate::room) fn show(image: u128, text: &str) -> Command {
    let image = Uuid::from_u128(image);
    let (mentions, reply_to) = (Vec::new(), None);
    Command::ChatImage(SendImage { room: room_id(), image, text: text.into(), mentions, reply_to })
}

pub(in crate::room) fn unban(number: i64) -> Command {
    Command::RoomUnban(OnUser { room: room_id(), user: user(number) })
}

pub(in crate::room) fn mute(number: i64, duration_ms: Option<u64>) -> Command {
    Command::ChatMute(MuteChat { room: room_id(), user: user(number), duration_ms })
}

pub(in crate::room) fn unmute(number: i64) -> Command {
    Command::ChatUnmute(OnUser { room: room_id(), user: user(number) })
}

pub(in crate::room) fn chat_rules(muted: Option<bool>, slow_mode_s: Option<u32>) -> Command {
    Command::ChatRules(SetChatRules { room: room_id(), muted, slow_mode_s })
}

pub(in crate::room) fn promote(number: i64) -> Command {
    Command::AdminPromote(OnUser { room: room_id(), user: user(number) })
}

pub(in crate::room) fn demote(number: i64) -> Command {
    Command::AdminDemote(OnUser { room: room_id(), user: user(number) })
}

pub(in crate::room) fn mic(mutes: bool) -> Command {
    let on = OnMap { room: room_id(), version: None };
    if mutes { Command::MicMute(on) } else { Command::MicUnmute(on) }
}

pub(in crate::room) fn mute_seat(seat: u8) -> Command {
    Command::SeatMute(OnSeat { room: room_id(), seat, version: None })
}

pub(in crate::room) fn unmute_seat(seat: u8) -> Command {
    Command::SeatUnmute(OnSeat { room: room_id(), seat, version: None })
}

pub(in crate::room) fn mode(mode: SeatMode) -> Command {
    Command::SeatMode(SetSeatMode { room: room_id(), mode, version: None })
}

pub(in crate::room) fn layout(seats: u8) -> Command {
    Command::SeatLayout(SetLayout { room: room_id(), seats, version: None })
}

pub(in crate::room) fn move_user(number: i64, seat: u8, policy: MovePolicy) -> Command {
    Command::SeatMoveUser(MoveUser { room: room_id(), user: user(number), seat, policy, version: None })
}

pub(in crate::room) fn remove_user(number: i64) -> Command {
    Command::SeatRemoveUser(OnUserOnMap { room: room_id(), user: user(number), version: None })
}

pub(in crate::room) fn raise(seat: Option<u8>) -> Command {
    Command::HandRaise(RaiseHand { room: room_id(), seat, version: None })
}

pub(in crate::room) fn lower() -> Command {
    Command::HandLower(OnMap { room: room_id(), version: None })
}

pub(in crate::room) fn approve(number: i64, seat: Option<u8>) -> Command {
    Command::HandApprove(OfferSeat { room: room_id(), user: user(number), seat, version: None })
}

pub(in crate::room) fn refuse_hand(number: i64) -> Command {
    Command::HandRefuse(OnUserOnMap { room: room_id(), user: user(number), version: None })
}

pub(in crate::room) fn invite(number: i64, seat: Option<u8>) -> Command {
    Command::InvitationSend(OfferSeat { room: room_id(), user: user(number), seat, version: None })
}

pub(in crate::room) fn accept() -> Command {
    Command::InvitationAccept(OnMap { room: room_id(), version: None })
}

pub(in crate::room) fn decline() -> Command {
    Command::InvitationRefuse(OnMap { room: room_id(), version: None })
}

pub(in crate::room) fn offer(number: i64) -> Command {
    Command::OwnershipOffer(OnUser { room: room_id(), user: user(number) })
}

pub(in crate::room) fn withdraw_offer() -> Command {
    Command::OwnershipWithdraw(InRoom { room: room_id() })
}

pub(in crate::room) fn accept_offer() -> Command {
    Command::OwnershipAccept(InRoom { room: room_id() })
}

pub(in crate::room) fn refuse_offer() -> Command {
    Command::OwnershipRefuse(InRoom { room: room_id() })
}

pub(in crate::room) fn give(to: Recipients) -> Command {
    Command::GiftSend(SendGift { room: room_id(), gift: GiftId::new(1).expect("in range"), count: 1, to })
}

/// A room with a store that always answers at once.
pub(super) struct World {
    pub(super) state: RoomState,
    pub(super) now: Timestamp,
    pub(super) next_op: u128,
    pub(super) facts: Vec<(Operation, Fact, Done)>,
    pub(super) told: Vec<Event>,
    pub(super) counts: Vec<u32>,
    pub(super) signals: Vec<Signal>,
    /// The room as the timeline makes it again: from a keyframe, by events alone.
    pub(super) mirror: RoomState,
}

/// The room of a keyframe that was stored and read again.
fn mirror_of(state: &RoomState) -> RoomState {
    let stored = serde_json::to_string(&state.scene()).expect("a scene is JSON");
    let scene: Scene = serde_json::from_str(&stored).expect("it was written from a scene");
    RoomState::of_scene(scene, state.settings.clone(), state.epoch(), state.seq())
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self::waking(woken(), settings)
    }

    pub(super) fn waking(woken: Woken, settings: Settings) -> Self {
        let now = Timestamp(1_000_000);
        let state = RoomState::wake(woken, settings, now);
        let mirror = mirror_of(&state);
        let (facts, told, counts, signals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { state, now, next_op: 0, facts, told, counts, signals, mirror }
    }

    pub(super) fn with_people(numbers: &[i64]) -> Self {
        let mut world = Self::new(Settings::default());
        for number in numbers {
            world.join(*number).expect("may come in");
        }
        world
    }

    /// Checks that events alone make the room again, and now and then begins anew from a keyframe.
    pub(super) fn replays(&mut self) {
        if self.mirror.epoch() == self.state.epoch() {
            let (mut live, mut replayed) = (self.state.scene(), self.mirror.scene());
            if self.state.presence.is_counting() {
                (live.people, replayed.people) = (Vec::new(), Vec::new());
            }
            assert_eq!(replayed, live);
        }
        if self.state.seq().is_multiple_of(7) {
            self.mirror = mirror_of(&self.state);
        }
    }

    pub(super) fn apply(&mut self, decision: Decision) -> Outcome {
        if self.mirror.epoch() != self.state.epoch() {
            self.mirror = mirror_of(&self.state);
        }
        for change in decision.changes {
            self.state.evolve(&change, self.now);
            match change {
                Change::Event(event) => {
                    self.mirror.replay(self.state.seq(), event.clone(), self.now);
                    self.told.push(event);
                }
                Change::Counted(count) => self.counts.push(count),
                Change::Signalled(signal) => self.signals.push(signal),
                _ => {}
            }
        }
        decision.outcome
    }

    /// Decides a request and applies the decision. A hard command is stored first.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Outcome, ErrorBody> {
        let decision = self.state.decide(request, self.now)?;
        match self.apply(decision) {
            Outcome::Write(write) => {
                let before = self.facts.iter().position(|(known, ..)| *known == write.operation);
                let after = match (before, write.verdict) {
                    (None, Err(error)) => self.state.decide_refused(&write.operation, error),
                    (None, Ok(fact)) => {
                        let done = Done { epoch: write.epoch, seq: write.seq, replayed: false };
                        self.facts.push((write.operation, fact.clone(), done));
                        let written = Written { id: self.facts.len() as i64, fact, done, replayed: false };
                        self.state.decide_fact(&write.operation, &written)
                    }
                    (Some(at), _) => {
                        let (_, fact, done) = self.facts[at].clone();
                        let written = Written { id: at as i64 + 1, fact, done, replayed: true };
                        self.state.decide_fact(&write.operation, &written)
                    }
                };
                self.outcome(after)
            }
            Outcome::Answer(Err(error)) => Err(error),
            outcome => Ok(outcome),
        }
    }

    /// The store has written what was decided before.
    pub(super) fn written(&mut self, write: HardWrite) -> Done {
        let fact = write.verdict.expect("nothing is written for a refusal");
        let done = Done { epoch: write.epoch, seq: write.seq, replayed: false };
        self.facts.push((write.operation, fact.clone(), done));
        let written = Written { id: self.facts.len() as i64, fact, done, replayed: false };
        let decision = self.state.decide_fact(&write.operation, &written);
        self.outcome(decision).expect("a fact is not refused");
        done
    }

    pub(super) fn outcome(&mut self, decision: Decision) -> Result<Outcome, ErrorBody> {
        match self.apply(decision) {
            Outcome::Answer(Err(error)) => Err(error),
            outcome => Ok(outcome),
        }
    }

    pub(super) fn join(&mut self, number: i64) -> Result<Outcome, ErrorBody> {
        self.ask(&Request::Join { caller: caller(number), position: None })
    }

    /// Gives a command as a new operation of this user.
    pub(super) fn command(&mut self, number: i64, command: Command) -> Result<Done, ErrorCode> {
        self.next_op += 1;
        self.retry(number, self.next_op, command)
    }

    pub(super) fn retry(&mut self, number: i64, op: u128, command: Command) -> Result<Done, ErrorCode> {
        match self.ask(&request(number, op, command)) {
            Ok(Outcome::Answer(Ok(Answer::Done(done)))) => Ok(done),
            Ok(other) => panic!("no answer of a command: {other:?}"),
            Err(error) => Err(error.code),
        }
    }

    pub(super) fn drop_socket(&mut self, number: i64) {
        let connection = caller(number).connection;
        self.ask(&Request::Dropped { user: user(number), connection }).expect("never refused");
    }

    pub(super) fn pass(&mut self, ms: i64) {
        let end = self.now.plus_ms(ms);
        while let Some(at) = self.state.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let decision = self.state.decide_time(self.now);
            assert!(!decision.changes.is_empty(), "a deadline that has passed changes something");
            self.apply(decision);
        }
        self.now = end;
    }

    /// Gives a command that is told by a signal, and what is due then passes.
    pub(super) fn signal(&mut self, number: i64, command: Command) -> Result<(), ErrorCode> {
        let answer = self.ask(&Request::Signal { caller: caller(number), command }).map_err(|error| error.code);
        self.pass(0);
        answer.map(drop)
    }

    /// The room after a restart from this checkpoint.
    pub(super) fn restart(&mut self, checkpoint: Checkpoint) {
        let woken = Woken {
            epoch: self.state.epoch() + 1,
            last_fact: self.state.last_fact,
            checkpoint: Some(checkpoint),
            ..woken()
        };
        self.state = RoomState::wake(woken, (*self.state.settings).clone(), self.now);
    }

    pub(super) fn seats(&self) -> Vec<Option<i64>> {
        self.state.seats.all().iter().map(|seat| seat.user.as_ref().map(|user| user.id.number())).collect()
    }

    pub(super) fn order(&mut self, number: i64, to: Recipients) -> Result<GiftOrder, ErrorCode> {
        self.next_op += 1;
        match self.ask(&request(number, self.next_op, give(to))) {
            Ok(Outcome::Order(order)) => Ok(order),
            Ok(other) => panic!("no order: {other:?}"),
            Err(error) => Err(error.code),
        }
    }

    pub(super) fn receivers(&mut self, number: i64, to: Recipients) -> Result<Vec<i64>, ErrorCode> {
        let receivers = self.order(number, to)?.receivers.map_err(|error| error.code)?;
        Ok(receivers.iter().map(|person| person.id.number()).collect())
    }
}
