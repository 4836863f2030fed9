//! Random commands against a simple reference model, and clients that replay events over a snapshot.

mod client;
mod model;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use parlor_loadtests::proof;
use parlor_protocol::chat::Reaction;
use parlor_protocol::command::React;
use parlor_protocol::room::{ChatRules, Snapshot};
use parlor_protocol::seating::MovePolicy;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use self::client::Client;
use self::model::{Model, RECALL_MS, Said};
use super::*;

const PEOPLE: i64 = 6;
/// The numbers of seats between which the layout changes; it begins with the first.
const LAYOUTS: [u8; 2] = [5, 8];

#[derive(Clone, Debug)]
enum Step {
    Join(i64),
    Leave(i64),
    Drop(i64),
    Take(i64, Option<u8>),
    Move(i64, u8),
    LeaveSeat(i64),
    Claim(i64),
    Say(i64),
    /// By whom, and which of the lines so far.
    Recall(i64, usize),
    /// Posts an image; by whom.
    Show(i64),
    /// By whom, to which of the lines so far, and whether the reaction is put or taken away.
    React(i64, usize, bool),
    Type(i64),
    Lock(i64, u8),
    Unlock(i64, u8),
    /// A seat is locked by the first user, and while the store writes that, the second one takes it.
    LateLock(i64, u8, i64),
    LockAll(i64),
    UnlockAll(i64),
    Mic(i64, bool),
    MuteSeat(i64, u8),
    UnmuteSeat(i64, u8),
    Mode(i64, bool),
    Layout(i64, usize),
    MoveUser(i64, i64, u8, MovePolicy),
    RemoveUser(i64, i64),
    Raise(i64, Option<u8>),
    Lower(i64),
    Approve(i64, i64, Option<u8>),
    RefuseHand(i64, i64),
    Invite(i64, i64, Option<u8>),
    Accept(i64),
    Decline(i64),
    Kick(i64, i64),
    Offer(i64, i64),
    WithdrawOffer(i64),
    AcceptOffer(i64),
    RefuseOffer(i64),
    Promote(i64, i64),
    Demote(i64, i64),
    /// Of whom, by whom, and for how long.
    Ban(i64, i64, Option<u64>),
    Unban(i64, i64),
    /// Of whom, by whom, and for how long.
    Mute(i64, i64, Option<u64>),
    Unmute(i64, i64),
    /// By whom; whether everybody is muted; and the seconds of slow mode.
    Rules(i64, Option<bool>, Option<u32>),
    /// A user changes the record, decided on a version that is so much older: the name of this number, who may chat and sit.
    Change(i64, u64, u8, Who, Who),
    /// Retries one of the operations so far.
    Retry(usize),
    Gift,
    /// A user has the name of this number from now on.
    Rename(i64, u8),
    Pass(i64),
    /// A client takes a snapshot, and from then on follows the events.
    Watch(i64),
    /// The room restarts from its checkpoint and its facts.
    Restart,
}

/// The checkpoint after it was written to the store and read back.
fn stored(checkpoint: &Checkpoint) -> Checkpoint {
    let state: Checkpoint =
        serde_json::from_str(&serde_json::to_string(checkpoint).expect("serializes")).expect("reads back");
    Checkpoint { memory: PackedMemory::read(checkpoint.memory.0.clone()).expect("reads back"), ..state }
}

fn whom() -> impl Strategy<Value = Who> {
    proptest::sample::select(Who::ALL.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let who = 1..=PEOPLE;
    let seat = 0..=LAYOUTS[1];
    let some_seat = proptest::option::of(seat.clone());
    let policy = prop_oneof![Just(MovePolicy::GiveUp), Just(MovePolicy::Kick), Just(MovePolicy::Swap)];
    prop_oneof![
        6 => who.clone().prop_map(Step::Join),
        1 => who.clone().prop_map(Step::Leave),
        2 => who.clone().prop_map(Step::Drop),
        6 => (who.clone(), proptest::option::of(seat.clone())).prop_map(|(who, seat)| Step::Take(who, seat)),
        3 => (who.clone(), seat.clone()).prop_map(|(who, seat)| Step::Move(who, seat)),
        2 => who.clone().prop_map(Step::LeaveSeat),
        1 => who.clone().prop_map(Step::Claim),
        4 => who.clone().prop_map(Step::Say),
        3 => lines(),
        2 => (1..=3_i64, seat.clone()).prop_map(|(who, seat)| Step::Lock(who, seat)),
        2 => (1..=3_i64, seat.clone()).prop_map(|(who, seat)| Step::Unlock(who, seat)),
        1 => (1..=3_i64, seat.clone(), who.clone()).prop_map(|(by, seat, who)| Step::LateLock(by, seat, who)),
        2 => seating(some_seat, seat, policy),
        1 => (1..=2_i64).prop_map(Step::LockAll),
        2 => (1..=2_i64).prop_map(Step::UnlockAll),
        1 => (1..=3_i64, who.clone()).prop_map(|(by, who)| Step::Kick(by, who)),
        2 => (1..=2_i64, who.clone()).prop_map(|(by, who)| Step::Promote(by, who)),
        1 => (1..=3_i64, who.clone()).prop_map(|(by, who)| Step::Demote(by, who)),
        1 => (1..=3_i64, who.clone(), proptest::option::of(1_000..3_000_u64))
            .prop_map(|(by, who, ms)| Step::Ban(by, who, ms)),
        1 => (1..=3_i64, who.clone()).prop_map(|(by, who)| Step::Unban(by, who)),
        1 => (1..=3_i64, who.clone(), proptest::option::of(1_000..3_000_u64))
            .prop_map(|(by, who, ms)| Step::Mute(by, who, ms)),
        1 => (1..=3_i64, who.clone()).prop_map(|(by, who)| Step::Unmute(by, who)),
        1 => (1..=3_i64, proptest::option::of(any::<bool>()), proptest::option::of(0..3_u32))
            .prop_map(|(by, muted, slow)| Step::Rules(by, muted, slow)),
        2 => (1..=2_i64, 0..2_u64, 0..3_u8, whom(), whom())
            .prop_map(|(by, behind, name, chat, sit)| Step::Change(by, behind, name, chat, sit)),
        2 => any::<usize>().prop_map(Step::Retry),
        1 => Just(Step::Gift),
        3 => (who.clone(), 0..3_u8).prop_map(|(who, name)| Step::Rename(who, name)),
        4 => (0..2_000_i64).prop_map(Step::Pass),
        2 => who.prop_map(Step::Watch),
        1 => Just(Step::Restart),
    ]
}

/// The steps about lines that were posted.
fn lines() -> impl Strategy<Value = Step> {
    let who = 1..=PEOPLE;
    prop_oneof![
        3 => (who.clone(), any::<usize>()).prop_map(|(who, line)| Step::Recall(who, line)),
        1 => who.clone().prop_map(Step::Show),
        2 => (who.clone(), any::<usize>(), any::<bool>()).prop_map(|(who, line, on)| Step::React(who, line, on)),
        1 => who.prop_map(Step::Type),
    ]
}

/// The steps about mutes, the mode, the layout, moved users, hands and invitations.
fn seating(
    some_seat: impl Strategy<Value = Option<u8>> + Clone + 'static,
    seat: std::ops::RangeInclusive<u8>,
    policy: impl Strategy<Value = MovePolicy> + 'static,
) -> impl Strategy<Value = Step> {
    let (by, who) = (1..=3_i64, 1..=PEOPLE);
    prop_oneof![
        2 => (who.clone(), any::<bool>()).prop_map(|(who, mutes)| Step::Mic(who, mutes)),
        1 => (by.clone(), seat.clone()).prop_map(|(by, seat)| Step::MuteSeat(by, seat)),
        1 => (by.clone(), seat.clone()).prop_map(|(by, seat)| Step::UnmuteSeat(by, seat)),
        1 => (by.clone(), any::<bool>()).prop_map(|(by, apply)| Step::Mode(by, apply)),
        1 => (1..=2_i64, 0..2_usize).prop_map(|(by, layout)| Step::Layout(by, layout)),
        3 => (by.clone(), who.clone(), seat, policy)
            .prop_map(|(by, who, seat, policy)| Step::MoveUser(by, who, seat, policy)),
        1 => (by.clone(), who.clone()).prop_map(|(by, who)| Step::RemoveUser(by, who)),
        4 => (who.clone(), some_seat.clone()).prop_map(|(who, seat)| Step::Raise(who, seat)),
        1 => who.clone().prop_map(Step::Lower),
        3 => (by.clone(), who.clone(), some_seat.clone()).prop_map(|(by, who, seat)| Step::Approve(by, who, seat)),
        1 => (by.clone(), who.clone()).prop_map(|(by, who)| Step::RefuseHand(by, who)),
        3 => (by, who.clone(), some_seat).prop_map(|(by, who, seat)| Step::Invite(by, who, seat)),
        2 => who.clone().prop_map(Step::Accept),
        1 => who.prop_map(Step::Decline),
        2 => (1..=3_i64, 1..=3_i64).prop_map(|(by, who)| Step::Offer(by, who)),
        1 => (1..=3_i64).prop_map(Step::WithdrawOffer),
        2 => (1..=3_i64).prop_map(Step::AcceptOffer),
        1 => (1..=3_i64).prop_map(Step::RefuseOffer),
    ]
}

struct Run {
    world: World,
    model: Model,
    clients: Vec<Client>,
    /// The snapshot that a user who is not in the room would be shown, by epoch and revision.
    shown: HashMap<(i64, u64), Snapshot>,
    answers: HashMap<u128, (i64, Command, Result<Done, ErrorCode>)>,
    heard: usize,
    counted: usize,
    signalled: usize,
    seq: u64,
    gift_no: i64,
}

impl Run {
    fn settings() -> Settings {
        // The values are small so that every bound is reached: the grace period is shorter than a kick, and above 3
        // people the room only counts.
        Settings {
            grace_ms: 1_000,
            kick_ms: 3_000,
            named_people: 3,
            hand_ms: 1_500,
            invitation_ms: 2_500,
            offer_ms: 4_000,
            hands: 2,
            recall_ms: RECALL_MS as u64,
            ..Settings::default()
        }
    }

    fn new() -> Self {
        let world = World::new(Self::settings());
        let (model, clients, answers) = (Model::new(), Vec::new(), HashMap::new());
        Self {
            world,
            model,
            clients,
            shown: HashMap::new(),
            answers,
            heard: 0,
            counted: 0,
            signalled: 0,
            seq: 0,
            gift_no: 0,
        }
    }

    /// Gives every client what was announced since the last call, and checks that the numbers have no gap.
    fn hear(&mut self) {
        let told = &self.world.told[self.heard..];
        for client in &mut self.clients {
            for (event, seq) in told.iter().zip(self.seq + 1..) {
                client.hear(event, self.world.now.0, (self.world.state.epoch(), seq));
            }
            self.world.signals[self.signalled..].iter().for_each(|signal| client.see(signal));
            // An event and a count of people are at least a quarter of a second apart, so they never come in one step.
            if let Some(count) = self.world.counts[self.counted..].last() {
                client.picture.count = *count;
            }
        }
        self.seq += told.len() as u64;
        assert_eq!(self.world.state.seq(), self.seq, "each event has a number, and there is no gap");
        self.heard = self.world.told.len();
        self.counted = self.world.counts.len();
        self.signalled = self.world.signals.len();
    }

    fn command(&mut self, who: i64, command: Command, expected: impl FnOnce(&mut Model) -> Option<ErrorCode>) {
        let answer = self.world.command(who, command.clone());
        // The owner may decide about the room from outside.
        let from_outside = command.weight() == Weight::Hard && !matches!(command, Command::ChatImage(_))
            || matches!(
                command,
                Command::SeatMoveUser(_)
                    | Command::SeatRemoveUser(_)
                    | Command::HandApprove(_)
                    | Command::HandRefuse(_)
                    | Command::InvitationSend(_)
                    | Command::OwnershipOffer(_)
                    | Command::OwnershipWithdraw(_)
            );
        let may = self.model.present.contains_key(&who) || (who == self.model.owner && from_outside);
        let expected = if may {
            expected(&mut self.model)
        } else if self.model.is_banned(who, self.world.now.0) {
            Some(ErrorCode::Banned)
        } else {
            Some(ErrorCode::NotInRoom)
        };
        assert_eq!(answer.err(), expected, "{command:?} of {who}");
        if !matches!(
            expected,
            Some(
                ErrorCode::NotInRoom
                    | ErrorCode::Banned
                    | ErrorCode::RoomPaused
                    | ErrorCode::SlowMode
                    | ErrorCode::QueueFull
            )
        ) {
            if let Ok(done) = answer {
                assert!(done.seq <= self.world.state.seq() && done.epoch == self.world.state.epoch());
            }
            self.answers.insert(self.world.next_op, (who, command, answer));
        }
    }

    fn take_step(&mut self, step: &Step) {
        let now = self.world.now.0;
        match step.clone() {
            Step::Join(who) => {
                let kicked = self.model.kicks.get(&who).is_some_and(|until| *until > now);
                let full = !self.model.present.contains_key(&who) && self.model.present.len() >= 4;
                let expected = match (self.model.is_banned(who, now), kicked, full) {
                    (true, ..) => Some(ErrorCode::Banned),
                    (_, true, _) => Some(ErrorCode::Kicked),
                    (_, _, true) => Some(ErrorCode::RoomFull),
                    _ => None,
                };
                let user = self.model.name(who);
                let caller = Caller { user, ..caller(who) };
                let joined = self.world.ask(&Request::Join { caller, position: None });
                assert_eq!(joined.err().map(|error| error.code), expected);
                if expected.is_none() {
                    self.model.present.insert(who, None);
                }
            }
            Step::Leave(who) => {
                self.world.ask(&Request::Leave { user: user(who) }).expect("never refused");
                self.model.out(who);
            }
            Step::Drop(who) => {
                self.world.drop_socket(who);
                if let Some(place) = self.model.present.get_mut(&who) {
                    *place = place.or(Some(now + 1_000));
                }
            }
            Step::Take(who, seat) => self.command(who, take(seat), |model| model.take(who, seat)),
            Step::Move(who, seat) => self.command(who, move_to(seat), |model| model.move_to(who, seat)),
            Step::LeaveSeat(who) => self.command(who, leave_seat(), |model| {
                let sat = model.sits(who);
                model.seats.retain(|_, sitting| *sitting != who);
                (!sat).then_some(ErrorCode::NotSeated)
            }),
            Step::Claim(who) => {
                self.command(who, claim(), |model| (!model.sits(who)).then_some(ErrorCode::NotSeated));
            }
            Step::Say(who) => {
                let told = self.world.told.len();
                self.command(who, say("hello"), |model| {
                    if model.is_one_of(who, model.may_chat) {
                        model.say(who, now)
                    } else {
                        Some(ErrorCode::NotPermitted)
                    }
                });
                self.said(who, told);
            }
            Step::Show(who) => {
                let told = self.world.told.len();
                self.command(who, show(told as u128 + 1, ""), |model| {
                    if model.is_one_of(who, model.may_chat) {
                        model.say(who, now)
                    } else {
                        Some(ErrorCode::NotPermitted)
                    }
                });
                self.said(who, told);
            }
            Step::Recall(who, which) => {
                let Some(which) = which.checked_rem(self.model.lines.len()) else { return };
                let ((epoch, seq), recalled) = (self.model.lines[which].number, self.model.lines[which].recalled);
                let told = self.world.told.len();
                self.command(who, recall(epoch, seq), |model| model.recall(who, which, now));
                let is_told = self.world.told.len() > told;
                assert!(!(is_told && recalled), "a recall is told once");
                assert!(is_told || recalled == self.model.lines[which].recalled, "and the first time it is told");
            }
            Step::React(who, which, on) => {
                let Some(which) = which.checked_rem(self.model.lines.len()) else { return };
                let (epoch, seq) = self.model.lines[which].number;
                let command =
                    Command::ChatReact(React { room: room_id(), epoch, seq, reaction: Reaction::Love, on: Some(on) });
                let answer = self.world.signal(who, command);
                let is_shown = self.world.state.chat.line(epoch, seq).is_some();
                let expected = self.may_signal(who, now);
                let expected =
                    expected.or((self.model.lines[which].recalled || !is_shown).then_some(ErrorCode::NotFound));
                assert_eq!(answer.err(), expected, "a reaction of {who}");
                if expected.is_none() {
                    let reacted = &mut self.model.lines[which].reacted;
                    if on {
                        reacted.insert(who)
                    } else {
                        reacted.remove(&who)
                    };
                }
            }
            Step::Type(who) => {
                let answer = self.world.signal(who, Command::ChatTyping(InRoom { room: room_id() }));
                assert_eq!(answer.err(), self.may_signal(who, now), "typing of {who}");
            }
            Step::Change(who, behind, name, chat, sit) => {
                let name = format!("room {name}");
                let version = self.world.state.card.version.saturating_sub(behind);
                let change = ChangeRoom {
                    name: Some(name.clone()),
                    may_chat: Some(chat),
                    may_sit: Some(sit),
                    ..ChangeRoom::of(room_id(), version)
                };
                self.command(who, Command::RoomChange(change), |model| match behind {
                    _ if who != 1 => Some(ErrorCode::Forbidden),
                    1 => Some(ErrorCode::RoomChanged),
                    _ => {
                        model.changes += 1;
                        (model.room_name, model.may_chat, model.may_sit) = (Some(name), chat, sit);
                        None
                    }
                });
            }
            Step::Lock(who, seat) => self.command(who, lock(seat), |model| match seat {
                _ if !model.decides(who) => Some(ErrorCode::Forbidden),
                _ if seat >= model.count => Some(ErrorCode::SeatNotFound),
                _ if !model.disposes(who, seat) => Some(ErrorCode::Forbidden),
                _ => {
                    model.locks.insert(seat);
                    model.seats.remove(&seat);
                    None
                }
            }),
            Step::LateLock(by, seat, who) => {
                self.world.next_op += 1;
                let op = self.world.next_op;
                let decided = self.world.state.decide(&request(by, op, lock(seat)), self.world.now);
                self.take_step(&Step::Take(who, Some(seat)));
                let Ok(Decision { outcome: Outcome::Write(write), .. }) = decided else { return };
                if write.verdict.is_ok() {
                    let done = self.world.written(write);
                    self.answers.insert(op, (by, lock(seat), Ok(done)));
                    self.model.locks.insert(seat);
                    if self.model.disposes(by, seat) {
                        self.model.seats.remove(&seat);
                    }
                }
            }
            Step::Unlock(who, seat) => self.command(who, unlock(seat), |model| match seat {
                _ if !model.decides(who) => Some(ErrorCode::Forbidden),
                _ if seat >= model.count => Some(ErrorCode::SeatNotFound),
                _ => {
                    model.locks.remove(&seat);
                    None
                }
            }),
            Step::LockAll(who) => self.command(who, lock_all(), |model| {
                if !model.decides(who) {
                    return Some(ErrorCode::Forbidden);
                }
                let seats: BTreeSet<u8> = (1..model.count).filter(|seat| model.disposes(who, *seat)).collect();
                model.seats.retain(|seat, _| !seats.contains(seat));
                model.locks.extend(seats);
                None
            }),
            Step::UnlockAll(who) => self.command(who, unlock_all(), |model| {
                if !model.decides(who) {
                    return Some(ErrorCode::Forbidden);
                }
                model.locks.clear();
                None
            }),
            Step::Kick(by, who) => self.command(by, kick(who), |model| match who {
                _ if !model.decides(by) => Some(ErrorCode::Forbidden),
                _ if !model.is_above(by, who) => Some(ErrorCode::Forbidden),
                _ if !model.present.contains_key(&who) && now < model.settled_at => Some(ErrorCode::RoomPaused),
                _ if !model.present.contains_key(&who) => Some(ErrorCode::UserNotFound),
                _ => {
                    model.out(who);
                    model.kicks.insert(who, now + 3_000);
                    None
                }
            }),
            Step::Mic(who, mutes) => self.command(who, mic(mutes), |model| {
                let sits = model.sits(who);
                if mutes && sits {
                    model.self_muted.insert(who);
                } else {
                    model.self_muted.remove(&who);
                }
                (!sits).then_some(ErrorCode::NotSeated)
            }),
            Step::MuteSeat(by, seat) => self.command(by, mute_seat(seat), |model| match seat {
                _ if !model.decides(by) => Some(ErrorCode::Forbidden),
                _ if seat >= model.count => Some(ErrorCode::SeatNotFound),
                _ if !model.disposes(by, seat) => Some(ErrorCode::Forbidden),
                _ => {
                    model.seat_mutes.insert(seat);
                    None
                }
            }),
            Step::UnmuteSeat(by, seat) => self.command(by, unmute_seat(seat), |model| match seat {
                _ if !model.decides(by) => Some(ErrorCode::Forbidden),
                _ if seat >= model.count => Some(ErrorCode::SeatNotFound),
                _ => {
                    model.seat_mutes.remove(&seat);
                    None
                }
            }),
            Step::Mode(by, applies) => {
                let mode = mode(if applies { SeatMode::Apply } else { SeatMode::Free });
                self.command(by, mode, |model| {
                    let decides = model.decides(by);
                    model.applies = if decides { applies } else { model.applies };
                    (!decides).then_some(ErrorCode::Forbidden)
                });
            }
            Step::Layout(by, which) => {
                self.command(by, layout(LAYOUTS[which]), |model| model.layout(by, LAYOUTS[which]));
            }
            Step::MoveUser(by, who, seat, policy) => {
                self.command(by, move_user(who, seat, policy), |model| model.move_user(by, who, seat, policy, now));
            }
            Step::RemoveUser(by, who) => self.command(by, remove_user(who), |model| model.remove_user(by, who, now)),
            Step::Raise(who, seat) => self.command(who, raise(seat), |model| model.raise(who, seat, now)),
            Step::Lower(who) => self.command(who, lower(), |model| {
                let before = model.hands.len();
                model.hands.retain(|(whose, ..)| *whose != who);
                (model.hands.len() == before).then_some(ErrorCode::HandSettled)
            }),
            Step::Approve(by, who, seat) => {
                self.command(by, approve(who, seat), |model| model.approve(by, who, seat));
            }
            Step::RefuseHand(by, who) => self.command(by, refuse_hand(who), |model| {
                if !model.settles(by) {
                    return Some(ErrorCode::Forbidden);
                }
                let before = model.hands.len();
                model.hands.retain(|(whose, ..)| *whose != who);
                (model.hands.len() == before).then_some(ErrorCode::HandSettled)
            }),
            Step::Invite(by, who, seat) => {
                self.command(by, invite(who, seat), |model| model.invite(by, who, seat, now));
            }
            Step::Accept(who) => self.command(who, accept(), |model| model.accept(who)),
            Step::Decline(who) => self.command(who, decline(), |model| {
                model.invitations.remove(&who).is_none().then_some(ErrorCode::InvitationOver)
            }),
            Step::Offer(by, who) => self.command(by, offer(who), |model| match who {
                _ if by != model.owner => Some(ErrorCode::Forbidden),
                _ if who == model.owner => Some(ErrorCode::BadRequest),
                _ if !model.present.contains_key(&who) => Some(model.unknown(now)),
                _ => {
                    model.offer = Some((who, now + 4_000));
                    None
                }
            }),
            Step::WithdrawOffer(by) => self.command(by, withdraw_offer(), |model| {
                if by != model.owner {
                    return Some(ErrorCode::Forbidden);
                }
                model.offer.take().is_none().then_some(ErrorCode::InvitationOver)
            }),
            Step::AcceptOffer(who) => {
                let may = self.model.present.contains_key(&who);
                self.command(who, accept_offer(), |model| match model.offer {
                    _ if !may => Some(ErrorCode::NotInRoom),
                    _ if who == model.owner => Some(ErrorCode::Forbidden),
                    Some((whose, _)) if whose == who => {
                        (model.owner, model.offer) = (who, None);
                        model.admins.remove(&who);
                        None
                    }
                    _ => Some(ErrorCode::InvitationOver),
                });
            }
            Step::RefuseOffer(who) => self.command(who, refuse_offer(), |model| match model.offer {
                _ if who == model.owner => Some(ErrorCode::Forbidden),
                Some((whose, _)) if whose == who => {
                    model.offer = None;
                    None
                }
                _ => Some(ErrorCode::InvitationOver),
            }),
            Step::Promote(by, who) => self.command(by, promote(who), |model| match who {
                _ if by != model.owner => Some(ErrorCode::Forbidden),
                _ if who == model.owner => Some(ErrorCode::Forbidden),
                _ if model.admins.contains(&who) => None,
                _ if !model.present.contains_key(&who) && now < model.settled_at => Some(ErrorCode::RoomPaused),
                _ if !model.present.contains_key(&who) => Some(ErrorCode::UserNotFound),
                _ if model.admins.len() == 2 => Some(ErrorCode::TooManyAdmins),
                _ => {
                    model.admins.insert(who);
                    None
                }
            }),
            Step::Demote(by, who) => self.command(by, demote(who), |model| match who {
                // Nobody steps down who is no admin, and nobody from outside.
                _ if who == by && by == model.owner && !model.present.contains_key(&by) => Some(ErrorCode::NotInRoom),
                _ if who == model.owner => Some(ErrorCode::Forbidden),
                _ if by != model.owner && !(who == by && model.admins.contains(&who)) => Some(ErrorCode::Forbidden),
                _ => (!model.admins.remove(&who)).then_some(ErrorCode::UserNotFound),
            }),
            Step::Ban(by, who, duration_ms) => self.command(by, ban(who, duration_ms), |model| {
                if !model.is_above(by, who) {
                    return Some(ErrorCode::Forbidden);
                }
                model.out(who);
                model.admins.remove(&who);
                model.bans.insert(who, duration_ms.map(|ms| now + ms as i64));
                None
            }),
            Step::Unban(by, who) => self.command(by, unban(who), |model| {
                if !model.decides(by) {
                    return Some(ErrorCode::Forbidden);
                }
                model.bans.remove(&who);
                None
            }),
            Step::Mute(by, who, duration_ms) => self.command(by, mute(who, duration_ms), |model| {
                if !model.is_above(by, who) {
                    return Some(ErrorCode::Forbidden);
                }
                model.mutes.insert(who, duration_ms.map(|ms| now + ms as i64));
                None
            }),
            Step::Unmute(by, who) => self.command(by, unmute(who), |model| {
                if !model.decides(by) {
                    return Some(ErrorCode::Forbidden);
                }
                model.mutes.remove(&who);
                None
            }),
            Step::Rules(by, muted, slow) => self.command(by, chat_rules(muted, slow), |model| {
                if !model.decides(by) {
                    return Some(ErrorCode::Forbidden);
                }
                if slow.is_some_and(|slow| slow != model.rules.slow_mode_s) {
                    model.spoken.clear();
                }
                let slow_mode_s = slow.unwrap_or(model.rules.slow_mode_s);
                model.rules = ChatRules { muted: muted.unwrap_or(model.rules.muted), slow_mode_s };
                None
            }),
            Step::Retry(which) => {
                let mut ops: Vec<u128> = self.answers.keys().copied().collect();
                ops.sort_unstable();
                let Some(op) = ops.get(which % ops.len().max(1)) else { return };
                let (who, command, first) = self.answers[op].clone();
                let again = self.world.retry(who, *op, command.clone());
                assert_eq!(again, first.map(|done| Done { replayed: true, ..done }), "{command:?} of {who}, again");
            }
            Step::Gift => {
                self.gift_no += 1;
                let batch = gifts(self.gift_no..=self.gift_no, now);
                self.world.ask(&Request::GiftsCommitted(batch)).expect("never refused");
            }
            Step::Rename(who, name) => {
                let person = Person { name: format!("name {name}"), ..person(who) };
                self.world.ask(&Request::Changed { person: person.clone() }).expect("never refused");
                self.model.names.insert(who, person);
            }
            Step::Pass(ms) => {
                // Time passes from deadline to deadline, so that each count and event is heard in its turn.
                let end = now + ms;
                while let Some(at) = self.world.state.next_deadline().filter(|at| at.0 <= end) {
                    let ms = at.0.saturating_sub(self.world.now.0).max(0);
                    self.world.pass(ms);
                    self.hear();
                }
                self.world.pass(end - self.world.now.0);
                self.model.pass(end);
            }
            Step::Watch(who) => {
                let picture = self.world.state.snapshot(user(who));
                let people = picture.people.iter().map(|person| (person.id, person.clone())).collect();
                let may = may(self.world.state.role(user(who)), Act::SettleHands);
                let hands = may.then(|| picture.hands.clone());
                self.clients.push(Client { who, picture, people, hands });
            }
            Step::Restart => self.restart(),
        }
        self.model.tidy();
    }

    /// Notes a line that was posted behind so many events.
    fn said(&mut self, who: i64, told: usize) {
        let posted = self.world.told[told..].iter().any(|event| matches!(event, Event::ChatPosted { .. }));
        if posted {
            let number = (self.world.state.epoch(), self.world.state.seq());
            let at = self.world.now.0;
            self.model.lines.push(Said { number, by: who, at, recalled: false, reacted: BTreeSet::new() });
        }
    }

    /// The error that is expected of a user who types or reacts, if there is one.
    fn may_signal(&self, who: i64, now: i64) -> Option<ErrorCode> {
        let model = &self.model;
        let is_muted = model.mutes.get(&who).is_some_and(|until| until.is_none_or(|until| until > now));
        match who {
            _ if model.is_banned(who, now) && !model.present.contains_key(&who) => Some(ErrorCode::Banned),
            _ if !model.present.contains_key(&who) => Some(ErrorCode::NotInRoom),
            _ if !model.is_one_of(who, model.may_chat) => Some(ErrorCode::NotPermitted),
            _ if !model.decides(who) && (model.rules.muted || is_muted) => Some(ErrorCode::Muted),
            _ => None,
        }
    }

    fn restart(&mut self) {
        let last = &self.world.state;
        let left = |terms: &super::terms::Terms| -> Vec<(UserId, Option<i64>)> {
            let left = terms.iter().map(|(user, until)| (user, until.map(|until| until.0 - self.world.now.0)));
            left.filter(|(_, left_ms)| left_ms.is_none_or(|left_ms| left_ms > 0)).collect()
        };
        let woken = Woken {
            epoch: last.epoch() + 1,
            locks: last.seats.all().iter().filter(|seat| seat.locked).map(|seat| seat.no).collect(),
            kicks: last
                .kicks
                .iter()
                .map(|(user, until)| (*user, until.0 - self.world.now.0))
                .filter(|(_, left_ms)| *left_ms > 0)
                .collect(),
            admins: last.admins.iter().copied().collect(),
            bans: left(&last.bans),
            mutes: left(&last.quiet.mutes),
            chat_rules: last.quiet.rules,
            last_fact: last.last_fact,
            committed: self.gift_no,
            coins: Coins(self.gift_no * 5),
            checkpoint: Some(stored(&last.checkpoint(self.world.now))),
            seat_mutes: last.seats.all().iter().filter(|seat| seat.muted).map(|seat| seat.no).collect(),
            seat_mode: last.seat_mode,
            card: RoomCard { owner: self.model.name(self.model.owner), ..(*last.card).clone() },
            ..woken()
        };
        self.world.state = RoomState::wake(woken, Self::settings(), self.world.now);
        self.clients.clear();
        // The room does not know any more which lines it has told to be recalled.
        self.model.lines.iter_mut().for_each(|line| line.recalled = false);
        self.seq = 0;
        let until = self.world.now.0 + 1_000;
        self.model.settled_at = until;
        let sitting = self.model.seats.values().copied();
        let waiting = self.model.hands.iter().map(|(who, ..)| *who).chain(self.model.invitations.keys().copied());
        let waiting = waiting.chain(self.model.offer.map(|(who, _)| who));
        let awaited: BTreeSet<i64> = sitting.chain(waiting).collect();
        self.model.present = awaited.into_iter().map(|who| (who, Some(until))).collect();
    }

    /// Checks that the snapshot is the same as long as the revision is, because it is then sent again.
    fn shows(&mut self) {
        let state = &self.world.state;
        let (revision, now) = ((state.epoch(), state.revision()), state.snapshot(user(99)));
        assert_eq!(self.shown.entry(revision).or_insert_with(|| now.clone()), &now, "{revision:?}");
    }

    /// Checks the room and every client against the model.
    fn holds(&self) {
        let state = &self.world.state;
        let mut seats = BTreeMap::new();
        for seat in state.seats.all() {
            assert_eq!(seat.locked, self.model.locks.contains(&seat.no));
            assert_eq!(seat.muted, self.model.seat_mutes.contains(&seat.no));
            let sitting = seat.user.as_ref().map(|person| person.id.number());
            assert_eq!(seat.self_muted, sitting.is_some_and(|who| self.model.self_muted.contains(&who)));
            if let Some(person) = &seat.user {
                assert!(state.presence.person(person.id).is_some());
                assert!(seats.values().all(|sitting| *sitting != person.id.number()), "one user, one seat");
                assert_eq!(*person, self.model.name(person.id.number()), "one name");
                seats.insert(seat.no, person.id.number());
            }
        }
        assert_eq!(seats, self.model.seats);
        assert_eq!(state.seats.all().len(), usize::from(self.model.count));
        assert_eq!(state.seat_mode == SeatMode::Apply, self.model.applies);
        let hands = state.hands.all().iter().map(|hand| (hand.user.id.number(), hand.seat, hand.until));
        assert_eq!(hands.collect::<Vec<_>>(), self.model.hands);
        let open = state.invitations.all().iter();
        let open = open.map(|invitation| (invitation.user.id.number(), (invitation.seat, invitation.until)));
        assert_eq!(open.collect::<BTreeMap<_, _>>(), self.model.invitations);
        let admins: Vec<i64> = state.admins.iter().map(|admin| admin.number()).collect();
        assert_eq!(admins, self.model.admins.iter().copied().collect::<Vec<_>>());
        for there in state.presence.participants() {
            assert_eq!(there.person, self.model.name(there.person.id.number()), "one name");
        }
        assert_eq!(state.card.owner, self.model.name(self.model.owner));
        for line in state.chat.lines() {
            let number = line.epoch.zip(line.seq);
            let said = self.model.lines.iter().find(|said| Some(said.number) == number).expect("it was said");
            assert_eq!((line.recalled, line.from.id.number()), (said.recalled, said.by));
            let reacted: u32 = line.reactions.iter().map(|reaction| reaction.count).sum();
            assert_eq!(reacted as usize, if said.recalled { 0 } else { said.reacted.len() });
            assert!(!said.recalled || (line.text.is_empty() && line.image.is_none()));
        }
        let open = state.offer.as_ref().map(|offer| (offer.user.id.number(), offer.until));
        assert_eq!(open, self.model.offer);
        assert_eq!(state.card.version, 1 + self.model.changes);
        assert_eq!(state.card.name, self.model.room_name.as_deref().unwrap_or("a room"));
        assert_eq!((state.card.may_chat, state.card.may_sit), (self.model.may_chat, self.model.may_sit));
        let present: Vec<i64> = state.presence.participants().map(|there| there.person.id.number()).collect();
        assert_eq!(present, self.model.present.keys().copied().collect::<Vec<_>>());
        self.clients.iter().for_each(|client| client.agrees(state));
    }
}

#[test]
fn a_room_does_what_the_model_does() {
    let proof = proof::Run::of("rooms");
    proof.passes_at_once(|cases| {
        let (cases, source_file) = (u32::try_from(cases).expect("a number of cases"), Some(file!()));
        let mut runner = TestRunner::new(ProptestConfig { cases, source_file, ..ProptestConfig::default() });
        let done = Cell::new(0);
        let held = runner.run(&proptest::collection::vec(step(), 1..120), |steps| {
            done.set(done.get() + 1);
            proof.done(done.get());
            let mut run = Run::new();
            for step in &steps {
                run.take_step(step);
                run.hear();
                run.holds();
                run.world.replays();
                run.shows();
            }
            Ok(())
        });
        held.unwrap_or_else(|failure| panic!("{failure}"));
    });
}
