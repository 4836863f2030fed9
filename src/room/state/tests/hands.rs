//! Tests of raised hands and of invitations.

use parlor_protocol::command::OfferSeat;
use parlor_protocol::seating::{Hand, HandOutcome, Invitation, InvitationOutcome, SettledHand};

use super::*;

/// The error of a refused command of this user.
fn refusal(world: &mut World, number: i64, command: Command) -> ErrorBody {
    world.next_op += 1;
    world.ask(&request(number, world.next_op, command)).expect_err("refused")
}

fn settled(number: i64, outcome: HandOutcome, by: Option<i64>) -> Event {
    Event::HandSettled { user: user(number), settled: SettledHand { outcome, by: by.map(user) } }
}

#[test]
fn a_raised_hand_that_is_approved_gets_the_seat_in_one_step() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, raise(Some(3))).expect("may ask");
    let hand = Hand { user: person(2), seat: Some(3), until: world.now.plus_ms(30_000).0 };
    assert_eq!(world.told.last(), Some(&Event::HandRaised { hand: hand.clone() }));
    assert_eq!(world.state.snapshot(user(1)).hands, std::slice::from_ref(&hand));
    let own = world.state.snapshot(user(2));
    assert_eq!((own.own.hand, own.hands), (Some(hand), Vec::new()), "a listener sees their own hand alone");
    let told = world.told.len();
    let done = world.command(1, approve(2, None)).expect("the owner may");
    assert_eq!(world.seats(), [None, None, None, Some(2), None]);
    let seat = Seat { user: Some(person(2)), ..Seat::empty(3) };
    let version = world.state.seats.version();
    let (cause, by) = (SeatCause::Approved, Some(user(1)));
    let changed = Event::SeatsChanged { seats: vec![seat], version, cause, by };
    assert_eq!(world.told[told..], [settled(2, HandOutcome::Approved, Some(1)), changed]);
    assert_eq!(done.seq, world.state.seq(), "the answer names the last of the two");
}

#[test]
fn of_two_admins_at_one_hand_the_later_one_is_told_which_outcome_and_whose() {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    world.command(1, promote(2)).expect("the owner may");
    world.command(1, promote(3)).expect("the owner may");
    world.command(4, raise(None)).expect("may ask");
    let version = Some(world.state.seats.version());
    let on =
        |user: i64| Command::HandApprove(OfferSeat { room: room_id(), user: self::user(user), seat: None, version });
    world.command(2, on(4)).expect("the first");
    for command in [on(4), refuse_hand(4)] {
        let error = refusal(&mut world, 3, command);
        let outcome = SettledHand { outcome: HandOutcome::Approved, by: Some(user(2)) };
        assert_eq!((error.code, error.settled.as_deref()), (ErrorCode::HandSettled, Some(&outcome)));
    }
    world.command(4, leave_seat()).expect("sits");
    world.command(4, raise(None)).expect("may ask again");
    world.command(3, refuse_hand(4)).expect("it is raised");
    let error = refusal(&mut world, 2, approve(4, None));
    let outcome = SettledHand { outcome: HandOutcome::Refused, by: Some(user(3)) };
    assert_eq!((error.code, error.settled.as_deref()), (ErrorCode::HandSettled, Some(&outcome)));
    let error = refusal(&mut world, 2, approve(1, None));
    assert_eq!((error.code, error.settled), (ErrorCode::HandSettled, None), "it was never raised");
}

#[test]
fn a_hand_is_lowered_by_its_user_by_a_seat_by_leaving_and_after_thirty_seconds() {
    let mut world = World::with_people(&[1, 2]);
    for (act, outcome) in [(Some(lower()), HandOutcome::Lowered), (Some(take(Some(1))), HandOutcome::Seated)] {
        world.command(2, raise(None)).expect("may ask");
        let told = world.told.len();
        world.command(2, act.expect("an act")).expect("may");
        assert_eq!(world.told[told], settled(2, outcome, None));
    }
    assert_eq!(world.command(2, raise(None)), Err(ErrorCode::AlreadySeated));
    world.command(2, leave_seat()).expect("sits");
    assert_eq!(world.command(2, lower()), Err(ErrorCode::HandSettled));
    world.command(2, raise(None)).expect("may ask");
    world.pass(29_999);
    assert!(world.state.hands.of(user(2)).is_some());
    world.pass(1);
    assert_eq!(world.told.last(), Some(&settled(2, HandOutcome::Expired, None)));
    world.command(2, raise(None)).expect("may ask");
    world.ask(&Request::Leave { user: user(2) }).expect("never refused");
    assert!(world.told.contains(&settled(2, HandOutcome::Gone, None)));
    assert!(world.state.hands.all().is_empty());
}

#[test]
fn beyond_the_bound_no_hand_is_raised_and_no_invitation_sent_until_there_is_room() {
    let mut world = World::waking(woken(), Settings { hands: 2, ..Settings::default() });
    for number in 1..=4 {
        world.join(number).expect("may come in");
    }
    world.command(2, raise(None)).expect("the first");
    world.command(3, raise(None)).expect("the second");
    assert_eq!(world.command(4, raise(None)), Err(ErrorCode::QueueFull));
    world.command(2, raise(Some(1))).expect("it is raised already: at the end of the queue now");
    let queue: Vec<_> = world.state.hands.all().iter().map(|hand| hand.user.id.number()).collect();
    assert_eq!(queue, [3, 2]);
    world.command(3, lower()).expect("raised");
    world.command(4, raise(None)).expect("there is room");
    world.command(1, invite(2, None)).expect("the first");
    world.command(1, invite(3, None)).expect("the second");
    assert_eq!(world.command(1, invite(4, None)), Err(ErrorCode::QueueFull));
    world.command(1, invite(2, Some(4))).expect("it replaces the first");
}

#[test]
fn only_the_last_outcomes_of_hands_are_known() {
    let settings = Settings { capacity: 1_000, ..Settings::default() };
    let mut world = World::waking(Woken { capacity: Some(1_000), ..woken() }, settings);
    for number in 1..=22 {
        world.join(number).expect("may come in");
        world.command(number, raise(None)).expect("may ask");
        world.command(number, lower()).expect("raised");
    }
    let known = |world: &mut World, number| refusal(world, 1, approve(number, None)).settled.is_some();
    assert!(!known(&mut world, 2) && known(&mut world, 3) && known(&mut world, 22));
    assert_eq!(world.state.checkpoint(world.now).hands.settled.len(), 20);
}

#[test]
fn listeners_and_speakers_settle_no_hands_and_invite_nobody() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(3, raise(None)).expect("may ask");
    world.command(2, take(Some(1))).expect("free");
    for command in [approve(3, None), refuse_hand(3), invite(3, None)] {
        assert_eq!(world.command(2, command), Err(ErrorCode::Forbidden));
    }
    let asked = world.ask(&Request::Hands { user: user(2) }).expect_err("may not look");
    assert_eq!(asked.code, ErrorCode::Forbidden);
    let Ok(Outcome::Answer(Ok(Answer::Hands(hands)))) = world.ask(&Request::Hands { user: user(1) }) else {
        panic!("the owner may look")
    };
    assert_eq!(hands.len(), 1);
}

#[test]
fn the_host_settles_hands_and_gives_no_hosts_seat() {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    world.command(3, raise(Some(2))).expect("may ask");
    world.command(4, raise(None)).expect("may ask");
    assert_eq!(world.command(4, raise(Some(0))), Err(ErrorCode::Forbidden), "nobody asks for the host's seat");
    world.command(1, invite(2, Some(0))).expect("the owner gives it");
    world.command(2, accept()).expect("invited");
    assert_eq!(world.state.own_place(user(2)).role, RoomRole::Host);
    assert_eq!(world.state.snapshot(user(2)).hands.len(), 2);
    world.command(2, approve(3, None)).expect("the host may");
    world.command(2, refuse_hand(4)).expect("the host may");
    world.command(2, invite(4, Some(4))).expect("the host may");
    for command in [lock(1), mute_seat(1), kick(4), mode(SeatMode::Apply), promote(4)] {
        assert_eq!(world.command(2, command), Err(ErrorCode::Forbidden));
    }
    world.command(1, remove_user(2)).expect("the owner may");
    world.command(1, promote(2)).expect("the owner may");
    assert_eq!(world.command(2, invite(4, Some(0))), Err(ErrorCode::Forbidden), "an admin does not give it");
}

#[test]
fn an_invitation_is_accepted_refused_or_over_after_a_minute() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, invite(2, Some(3))).expect("the owner may");
    let invitation = Invitation { user: person(2), seat: Some(3), by: user(1), until: world.now.plus_ms(60_000).0 };
    assert_eq!(world.told.last(), Some(&Event::InvitationSent { invitation: invitation.clone() }));
    assert_eq!(world.state.own_place(user(2)).invitation, Some(invitation));
    world.command(3, take(Some(3))).expect("free");
    assert_eq!(world.command(2, accept()), Err(ErrorCode::SeatTaken), "it stays open");
    world.command(3, leave_seat()).expect("sits");
    world.command(2, accept()).expect("free again");
    assert_eq!(world.seats()[3], Some(2));
    let Some(Event::SeatsChanged { cause, by, .. }) = world.told.last() else { panic!("a seat") };
    assert_eq!((*cause, *by), (SeatCause::Invited, Some(user(1))));
    assert_eq!(world.command(2, accept()), Err(ErrorCode::InvitationOver));
    assert_eq!(world.command(1, invite(2, None)), Err(ErrorCode::AlreadySeated));
    assert_eq!(world.command(1, invite(1, None)), Err(ErrorCode::BadRequest));
    assert_eq!(world.command(1, invite(9, None)), Err(ErrorCode::UserNotFound));
    let ended = |outcome| Event::InvitationEnded { user: user(3), outcome };
    world.command(1, invite(3, None)).expect("the owner may");
    world.command(3, decline()).expect("invited");
    assert_eq!(world.told.last(), Some(&ended(InvitationOutcome::Refused)));
    assert_eq!(world.command(3, decline()), Err(ErrorCode::InvitationOver));
    world.command(1, invite(3, None)).expect("the owner may");
    world.pass(59_999);
    assert!(world.state.invitations.of(user(3)).is_some());
    world.pass(1);
    assert_eq!(world.told.last(), Some(&ended(InvitationOutcome::Expired)));
    assert_eq!(world.command(3, accept()), Err(ErrorCode::InvitationOver));
}

#[test]
fn whoever_is_kicked_has_neither_hand_nor_invitation_any_more() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, raise(None)).expect("may ask");
    world.command(1, invite(2, None)).expect("the owner may");
    world.command(1, kick(2)).expect("the owner may");
    assert!(world.state.hands.all().is_empty() && world.state.invitations.all().is_empty());
    assert!(world.told.contains(&Event::InvitationEnded { user: user(2), outcome: InvitationOutcome::Gone }));
}

#[test]
fn hands_and_invitations_outlive_a_restart_with_the_time_that_was_left_and_their_users_are_awaited() {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    world.command(2, raise(Some(2))).expect("may ask");
    world.command(3, raise(None)).expect("may ask");
    world.command(1, refuse_hand(3)).expect("the owner may");
    world.command(1, invite(4, Some(4))).expect("the owner may");
    world.pass(10_000);
    let checkpoint = Some(world.state.checkpoint(world.now));
    let mut next = World::waking(Woken { epoch: 8, checkpoint, ..woken() }, Settings::default());
    assert_eq!(next.state.awaited().map(|user| user.number()).collect::<Vec<_>>(), [2, 4]);
    next.join(1).expect("may come in");
    let error = refusal(&mut next, 1, approve(3, None));
    let outcome = SettledHand { outcome: HandOutcome::Refused, by: Some(user(1)) };
    assert_eq!(error.settled.as_deref(), Some(&outcome), "what became of a hand is still known");
    next.join(4).expect("may come in");
    next.pass(19_999);
    assert!(next.state.hands.of(user(2)).is_some());
    next.pass(1);
    assert!(next.state.hands.all().is_empty(), "thirty seconds in all");
    next.command(4, accept()).expect("a minute is not over");
    assert_eq!(next.seats()[4], Some(4));
}
