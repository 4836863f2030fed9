//! Tests of a room's rules, one by one; `against_a_model` tests them in random order.

mod admins;
mod against_a_model;
mod bans;
mod devices;
mod hands;
mod lines;
mod naming;
mod ownership;
mod quiet;
mod record;
mod searching;
mod seating;
mod seats;
mod signals;
mod staff;
mod voice;
mod words;
mod world;

use parlor_protocol::command::{ChangeRoom, CloseRoom, InRoom, Recipients, TakeSeat};
use parlor_protocol::record::{Closed, ClosedBy, Privacy, Who};
use parlor_protocol::room::{Person, RoomRole, Seat};
use parlor_protocol::{Op, Signal, limit};

use super::*;
use crate::room::door::PasswordHash;
use crate::room::facts::Written;
use crate::room::port::CommittedGifts;
use crate::room::request::{PrivacyChange, StaffAct};

pub(in crate::room) use world::*;

#[test]
fn a_user_takes_the_first_free_seat_but_never_the_hosts() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(2, take(None)).expect("free");
    world.command(3, take(None)).expect("free");
    assert_eq!(world.seats(), [None, Some(2), Some(3), None, None]);
    assert_eq!(world.command(2, take(Some(4))), Err(ErrorCode::AlreadySeated));
    world.command(2, leave_seat()).expect("sits");
    assert_eq!(world.command(2, leave_seat()), Err(ErrorCode::NotSeated));
    assert_eq!(world.command(2, take(Some(0))), Err(ErrorCode::Forbidden));
    assert_eq!(world.command(2, take(Some(2))), Err(ErrorCode::SeatTaken));
    assert_eq!(world.command(2, take(Some(5))), Err(ErrorCode::SeatNotFound));
    world.command(1, take(Some(0))).expect("the owner is the host");
}

#[test]
fn a_command_that_names_another_version_of_the_seat_map_is_refused() {
    let mut world = World::with_people(&[1, 2]);
    let version = world.state.seats.version();
    let on = |version| Command::SeatTake(TakeSeat { room: room_id(), seat: Some(1), version: Some(version) });
    assert_eq!(world.command(2, on(version + 1)), Err(ErrorCode::SeatsChanged));
    world.command(2, on(version)).expect("the same map");
}

#[test]
fn a_lock_removes_the_user_who_has_sat_down_before_it_is_committed() {
    let mut world = World::with_people(&[1, 2]);
    let command = lock(1);
    let Outcome::Write(write) = world.state.decide(&request(1, 9, command), world.now).expect("the owner may").outcome
    else {
        panic!("a lock is a hard command")
    };
    // A user sits down while the store writes.
    world.command(2, take(Some(1))).expect("not locked yet");
    let done = Done { epoch: write.epoch, seq: write.seq, replayed: false };
    let written = Written { id: 1, fact: write.verdict.expect("allowed"), done, replayed: false };
    world.apply(world.state.decide_fact(&write.operation, &written));
    assert_eq!(world.seats(), [None; 5]);
    let Some(Event::SeatsChanged { seats, cause, by, .. }) = world.told.last() else { panic!("seats changed") };
    assert_eq!(seats[..], [Seat { locked: true, ..Seat::empty(1) }]);
    assert_eq!((*cause, *by), (SeatCause::Locked, Some(user(1))));
    assert_eq!(world.command(2, take(Some(1))), Err(ErrorCode::SeatLocked));
    assert_eq!(world.command(2, lock(2)), Err(ErrorCode::Forbidden));
}

#[test]
fn a_fact_that_was_undone_is_not_done_again_by_a_late_retry() {
    let mut world = World::with_people(&[1]);
    let first = world.retry(1, 101, lock(2)).expect("the owner may");
    world.command(1, unlock(2)).expect("the owner may");
    world.state.memory = memory::Memory::default();
    let again = world.retry(1, 101, lock(2)).expect("known to the store");
    assert_eq!(again, Done { replayed: true, ..first });
    assert!(!world.state.seats.all()[2].locked);
}

#[test]
fn a_refused_retry_of_a_committed_kick_gets_the_first_answer() {
    let mut world = World::with_people(&[1, 2]);
    world.retry(1, 101, kick(2)).expect("the owner may");
    world.state.memory = memory::Memory::default();
    assert!(world.retry(1, 101, kick(2)).expect("known to the store").replayed);
    assert_eq!(world.command(1, kick(2)), Err(ErrorCode::UserNotFound));
}

#[test]
fn only_the_owner_may_lock_and_kick_from_outside_the_room() {
    let mut world = World::with_people(&[2]);
    world.command(2, take(Some(1))).expect("free");
    let seq = world.state.seq();
    let done = world.command(1, lock(1)).expect("whose room it is");
    assert_eq!((done.seq, world.state.seq(), world.seats()), (seq, seq + 1, vec![None; 5]));
    world.command(1, unlock(1)).expect("whose room it is");
    assert_eq!(world.command(3, lock(1)), Err(ErrorCode::NotInRoom));
    assert_eq!(world.command(3, kick(2)), Err(ErrorCode::NotInRoom));
    world.command(1, kick(2)).expect("whose room it is");
    assert_eq!(world.command(1, kick(2)), Err(ErrorCode::UserNotFound));
    // The owner too must be in the room to take part in it.
    for command in [take(Some(0)), leave_seat(), say("hello")] {
        assert_eq!(world.command(1, command), Err(ErrorCode::NotInRoom));
    }
}

#[test]
fn members_and_the_owner_may_see_the_seats_and_the_people() {
    let mut world = World::with_people(&[2]);
    world.command(2, take(Some(1))).expect("free");
    for number in [1, 2] {
        let seats = world.ask(&Request::Seats { user: user(number) }).expect("may look");
        let Outcome::Answer(Ok(Answer::Seats(map))) = seats else { panic!("no map: {seats:?}") };
        assert_eq!((map.version, map.seats[1].user.clone()), (world.state.seats.version(), Some(person(2))));
        world.ask(&Request::People { user: user(number), after: None, search: String::new() }).expect("may look");
    }
    assert_eq!(world.ask(&Request::Seats { user: user(3) }).expect_err("outside").code, ErrorCode::NotInRoom);
    assert_eq!(
        world.ask(&Request::People { user: user(3), after: None, search: String::new() }).expect_err("outside").code,
        ErrorCode::NotInRoom
    );
}

#[test]
fn a_kicked_user_is_out_and_may_not_join_for_ten_minutes() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(3))).expect("free");
    assert_eq!(world.command(2, kick(1)), Err(ErrorCode::Forbidden));
    assert_eq!(world.command(1, kick(1)), Err(ErrorCode::Forbidden));
    let seq = world.state.seq();
    let done = world.command(1, kick(2)).expect("the owner may");
    assert_eq!((done.seq, world.state.seq()), (seq, seq + 2), "the seat first, then the kick");
    let until = world.now.plus_ms(600_000).0;
    let kicked = Event::ParticipantKicked { user: user(2), by: user(1), until, reason: "noise".into() };
    assert_eq!(world.told.last(), Some(&kicked));
    assert_eq!(world.seats(), [None; 5]);
    world.pass(599_999);
    let error = world.join(2).expect_err("still out");
    assert_eq!((error.code, error.until), (ErrorCode::Kicked, Some(until)));
    world.pass(1);
    world.join(2).expect("ten minutes are over");
}

#[test]
fn place_and_seat_are_kept_through_the_grace_period() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(None)).expect("free");
    world.drop_socket(2);
    world.pass(29_999);
    assert_eq!(world.seats()[1], Some(2));
    world.join(2).expect("comes back");
    world.pass(60_000);
    assert_eq!(world.seats()[1], Some(2));
    world.drop_socket(2);
    world.pass(30_000);
    assert_eq!(world.seats()[1], None);
    assert_eq!(world.command(2, say("still here?")), Err(ErrorCode::NotInRoom));
}

#[test]
fn a_second_device_keeps_the_place_until_both_are_gone_or_one_leaves() {
    let mut world = World::with_people(&[1, 2]);
    let second = Caller { connection: ConnectionId(99), ..caller(2) };
    world.ask(&Request::Join { caller: second.clone(), position: None }).expect("may come in");
    world.command(2, take(None)).expect("free");
    world.drop_socket(2);
    world.pass(100_000);
    assert_eq!(world.seats()[1], Some(2));
    world.join(2).expect("may come in");
    let decision = world.state.decide(&Request::Leave { user: user(2) }, world.now).expect("never refused");
    assert_eq!(decision.removals[0].connections, [second.connection, caller(2).connection]);
    world.apply(decision);
    assert_eq!(world.seats(), [None; 5]);
}

#[test]
fn a_full_room_admits_only_users_who_are_in_it_already() {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    assert_eq!(world.join(5).expect_err("full").code, ErrorCode::RoomFull);
    world.drop_socket(4);
    world.join(4).expect("still in it");
}

#[test]
fn a_retried_operation_gets_its_first_answer_and_is_done_once() {
    let mut world = World::with_people(&[1, 2]);
    let first = world.retry(2, 101, say("hello")).expect("in the room");
    assert_eq!(world.retry(2, 101, say("hello")), Ok(Done { replayed: true, ..first }));
    assert_eq!(world.state.chat.lines().len(), 1);
    assert_eq!(world.retry(2, 101, say("other")), Err(ErrorCode::OperationConflict));
    world.command(1, take(Some(1))).expect("free");
    assert_eq!(world.retry(2, 102, take(Some(1))), Err(ErrorCode::SeatTaken));
    world.command(1, leave_seat()).expect("sits");
    let again = world.ask(&request(2, 102, take(Some(1)))).expect_err("the first answer");
    assert!(again.code == ErrorCode::SeatTaken && again.replayed);
    // So it does after the grace period and by the next owner.
    let woken = Woken { checkpoint: Some(world.state.checkpoint(world.now)), epoch: 8, ..woken() };
    let mut next = World::waking(woken, Settings::default());
    next.now = world.now.plus_ms(60_000);
    assert_eq!(next.retry(2, 101, say("hello")), Ok(Done { replayed: true, ..first }));
}

#[test]
fn an_operation_is_remembered_over_a_restart_at_which_the_clock_is_another() {
    const DAY_MS: i64 = 86_400_000;
    for step in [-DAY_MS, -3_600_000, -90_000, 90_000, 3_600_000, DAY_MS] {
        let mut world = World::with_people(&[1, 2]);
        let first = world.retry(2, 101, say("hello")).expect("in the room");
        world.pass(50_000);
        let woken = Woken { checkpoint: Some(world.state.checkpoint(world.now)), epoch: 8, ..woken() };
        let mut next = World::waking(woken.clone(), Settings::default());
        next.now = world.now.plus_ms(step);
        next.state = RoomState::wake(woken, Settings::default(), next.now);
        next.pass(70_000);
        assert_eq!(next.retry(2, 101, say("hello")), Ok(Done { replayed: true, ..first }), "{step} ms");
        next.pass(1);
        assert_eq!(next.retry(2, 101, say("hello")), Err(ErrorCode::NotInRoom), "its two minutes are over: {step} ms");
    }
}

#[test]
fn a_kick_lasts_no_longer_over_a_restart_than_the_longest_new_one_would() {
    let woken = Woken { kicks: vec![(user(2), 2 * 86_400_000), (user(3), 1_000)], ..woken() };
    let mut world = World::waking(woken, Settings::default());
    world.pass(1_000);
    world.join(3).expect("its time is over");
    assert_eq!(world.join(2).expect_err("kicked").code, ErrorCode::Kicked);
    world.pass(86_399_000);
    world.join(2).expect("the longest kick is over, however far the database's clock was set back since");
}

#[test]
fn the_answer_to_a_hard_command_is_the_one_that_was_stored_with_it() {
    let mut world = World::with_people(&[1, 2]);
    let seq = world.state.seq();
    let first = world.retry(1, 101, lock(3)).expect("the owner may");
    assert_eq!((first.epoch, first.seq, world.state.seq()), (world.state.epoch(), seq, seq + 1));
    world.command(2, say("meanwhile")).expect("in the room");
    // The room restarts and has forgotten the operation; the store has not.
    let facts = world.facts.clone();
    let mut next = World::waking(Woken { epoch: 8, last_fact: 1, locks: vec![3], ..woken() }, Settings::default());
    next.facts = facts;
    next.join(1).expect("may come in");
    assert_eq!(next.retry(1, 101, lock(3)), Ok(Done { replayed: true, ..first }));
}

#[test]
fn while_people_are_counted_the_snapshot_changes_only_with_its_page_of_people() {
    let settings = Settings { named_people: 2, ..Settings::default() };
    let mut world = World::waking(Woken { capacity: Some(1_000), ..woken() }, settings);
    let page = i64::try_from(limit::PEOPLE_PAGE).expect("small");
    for number in (0..page).map(|number| 10 + 10 * number) {
        world.join(number).expect("may come in");
    }
    world.pass(1_000);
    let last = 10 * page;
    let leave = |number| Request::Leave { user: user(number) };
    // One user joins after the page's end; one joins within the page, which moves its last user out; then users leave.
    let steps = [(last + 5, true, false), (15, true, true), (last, false, false), (15, false, true), (10, false, true)];
    for (number, comes, shows) in steps {
        let (revision, snapshot) = (world.state.revision(), world.state.snapshot(user(1)));
        match comes {
            true => world.join(number).expect("may come in"),
            false => world.ask(&leave(number)).expect("never refused"),
        };
        assert_eq!(world.state.revision() != revision, shows, "{number}");
        assert_eq!(world.state.snapshot(user(1)) != snapshot, shows, "{number}");
    }
}

#[test]
fn who_came_and_left_is_announced_at_most_four_times_a_second() {
    let mut world = World::new(Settings { named_people: 2, ..Settings::default() });
    world.join(1).expect("may come in");
    world.pass(0);
    world.join(2).expect("may come in");
    world.pass(100);
    assert_eq!(world.state.snapshot(user(2)).people, [person(1)], "a snapshot shows what was announced");
    world.pass(150);
    let joined = |number, count| Event::ParticipantsChanged { joined: vec![person(number)], left: vec![], count };
    assert_eq!(world.told, [joined(1, 1), joined(2, 2)]);
    // With a third user in the room, people are no longer named.
    world.pass(1_000);
    world.join(3).expect("may come in");
    world.pass(1_000);
    assert_eq!((world.told.len(), &world.counts[..]), (2, &[3][..]));
    assert_eq!(
        world.state.snapshot(user(3)).people.len(),
        3,
        "while people are counted, a snapshot shows who is there"
    );
    for number in [3, 2] {
        world.ask(&Request::Leave { user: user(number) }).expect("never refused");
    }
    world.pass(1_000);
    let left = Event::ParticipantsChanged { joined: vec![], left: vec![user(2), user(3)], count: 1 };
    assert_eq!(world.told.last(), Some(&left), "users whom a snapshot may have shown are named as gone");
}

#[test]
fn the_larger_a_crowd_is_the_less_often_its_count_is_sent() {
    let settings = Settings { named_people: 2, ..Settings::default() };
    let mut world = World::waking(Woken { capacity: Some(10_000), ..woken() }, settings);
    for number in 1..=8_000 {
        world.join(number).expect("may come in");
    }
    world.pass(0);
    let told = world.counts.len();
    assert_eq!(world.counts.last(), Some(&8_000));
    world.join(8_001).expect("may come in");
    world.pass(1_999);
    assert_eq!(world.counts.len(), told);
    world.pass(2);
    assert_eq!((world.counts.len(), world.counts.last()), (told + 1, Some(&8_001)));
}

#[test]
fn regression_a_user_who_left_and_came_back_while_people_were_counted_is_named() {
    let mut world = World::new(Settings { named_people: 2, ..Settings::default() });
    for number in 1..=2 {
        world.join(number).expect("may come in");
    }
    world.pass(1_000);
    for number in 3..=4 {
        world.join(number).expect("may come in");
    }
    world.pass(1_000);
    world.ask(&Request::Leave { user: user(2) }).expect("never refused");
    assert!(
        !world.state.snapshot(user(1)).people.contains(&person(2)),
        "a client may have been shown the room without them"
    );
    world.join(2).expect("may come in");
    for number in 3..=4 {
        world.ask(&Request::Leave { user: user(number) }).expect("never refused");
    }
    world.pass(1_000);
    let Some(Event::ParticipantsChanged { joined, left, .. }) = world.told.last() else { panic!("named again") };
    assert_eq!((&joined[..], &left[..]), (&[person(2)][..], &[user(3), user(4)][..]));
}

#[test]
fn a_gift_reaches_users_who_are_in_the_room_or_have_just_left() {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    let users = |numbers: &[i64]| Recipients::Users(numbers.iter().map(|number| user(*number)).collect());
    assert_eq!(world.receivers(1, users(&[3, 2, 3])), Ok(vec![3, 2]));
    assert_eq!(world.receivers(1, users(&[2, 1])), Err(ErrorCode::GiftToSelf));
    assert_eq!(world.receivers(1, users(&[9])), Err(ErrorCode::UserNotFound));
    world.ask(&Request::Leave { user: user(4) }).expect("never refused");
    world.pass(60_000);
    assert_eq!(world.receivers(1, users(&[4])), Ok(vec![4]));
    world.pass(1);
    assert_eq!(world.receivers(1, users(&[4])), Err(ErrorCode::UserNotFound));
}

#[test]
fn a_gift_to_seats_reaches_everybody_who_sits_except_the_sender() {
    let mut world = World::with_people(&[1, 2, 3]);
    assert_eq!(world.receivers(1, Recipients::AllSeats), Err(ErrorCode::NoReceivers));
    for (number, seat) in [(1, 0), (2, 2), (3, 4)] {
        world.command(number, take(Some(seat))).expect("free");
    }
    assert_eq!(world.receivers(1, Recipients::AllSeats), Ok(vec![2, 3]));
    assert_eq!(world.receivers(1, Recipients::Seats(vec![4, 1, 4])), Ok(vec![3]));
    assert_eq!(world.receivers(1, Recipients::Seats(vec![1])), Err(ErrorCode::NoReceivers));
    assert_eq!(world.receivers(1, Recipients::Seats(vec![0])), Err(ErrorCode::GiftToSelf));
    assert_eq!(world.receivers(1, Recipients::Seats(vec![7])), Err(ErrorCode::SeatNotFound));
}

#[test]
fn the_refusal_of_a_sender_who_has_just_left_goes_through_the_ledger() {
    let mut world = World::with_people(&[1, 2]);
    world.ask(&Request::Leave { user: user(2) }).expect("never refused");
    let order = world.order(2, Recipients::AllSeats).expect("the ledger knows whether it was paid");
    assert_eq!(order.receivers.expect_err("not in the room").code, ErrorCode::NotInRoom);
}

#[test]
fn regression_a_gift_from_outside_the_room_is_asked_of_the_ledger() {
    let mut world = World::with_people(&[1, 2]);
    let order = world.order(9, Recipients::AllSeats).expect("it may be the retry of one that was paid");
    assert_eq!(order.receivers.expect_err("not in the room").code, ErrorCode::NotInRoom);
}

#[test]
fn regression_just_after_waking_a_gift_to_an_absent_user_is_not_refused_for_good() {
    let checkpoint = Some(World::with_people(&[1, 2]).state.checkpoint(Timestamp(1_000_000)));
    let mut world = World::waking(Woken { checkpoint, ..woken() }, Settings::default());
    world.join(1).expect("the owner is back first");
    assert_eq!(world.receivers(1, Recipients::Users(vec![user(2)])), Err(ErrorCode::RoomPaused));
    world.pass(30_000);
    assert_eq!(world.receivers(1, Recipients::Users(vec![user(3)])), Err(ErrorCode::UserNotFound));
}

#[test]
fn regression_a_user_who_is_in_another_room_by_now_is_no_longer_awaited() {
    let mut before = World::with_people(&[1, 2, 3]);
    for number in 2..=3 {
        before.command(number, take(None)).expect("free");
    }
    let checkpoint = Some(before.state.checkpoint(before.now));
    let mut world = World::waking(Woken { checkpoint, ..woken() }, Settings::default());
    assert_eq!(world.state.awaited().collect::<Vec<_>>(), [user(2), user(3)]);
    world.join(3).expect("back");
    for number in 2..=4 {
        world.ask(&Request::Elsewhere { user: user(number) }).expect("never refused");
    }
    assert_eq!(world.seats(), [None, None, Some(3), None, None], "a user who has come back stays");
    assert_eq!(world.state.awaited().count(), 0);
}

#[test]
fn regression_a_kick_right_after_waking_is_not_refused_for_good() {
    let checkpoint = Some(World::with_people(&[1, 2]).state.checkpoint(Timestamp(1_000_000)));
    let mut world = World::waking(Woken { checkpoint, ..woken() }, Settings::default());
    world.join(1).expect("the owner is back first");
    let error = world.ask(&request(1, 101, kick(2))).expect_err("on the way back");
    assert_eq!((error.code, error.retry), (ErrorCode::RoomPaused, Retry::Later));
    world.join(2).expect("back too");
    assert!(!world.retry(1, 101, kick(2)).expect("the same tap").replayed);
    assert_eq!(world.join(2).expect_err("out").code, ErrorCode::Kicked);
    world.pass(30_000);
    assert_eq!(world.command(1, kick(3)), Err(ErrorCode::UserNotFound));
}

#[test]
fn regression_a_snapshot_is_bounded_in_bytes_and_keeps_the_newest_lines() {
    let mut world = World::waking(Woken { capacity: Some(200), ..woken() }, Settings::default());
    let longest =
        |number: i64| Person { id: user(number), name: "\u{1F600}".repeat(40), picture: Some(i32::MAX.unsigned_abs()) };
    for number in 1..=200 {
        let caller = Caller { user: longest(number), ..caller(number) };
        world.ask(&Request::Join { caller, position: None }).expect("may come in");
    }
    world.pass(1_000);
    let line = |number: u32| format!("{number:02}{}", "\u{1F600}".repeat(1_900));
    for number in 0..50 {
        world.command(1, say(&line(number))).expect("said");
    }
    let snapshot = world.state.snapshot(user(1));
    assert_eq!(snapshot.chat.len(), 4, "{} lines", snapshot.chat.len());
    assert_eq!(snapshot.chat[3].text, line(49));
    let bytes = serde_json::to_string(&snapshot).expect("serializes").len();
    assert!(bytes <= limit::CHAT_BYTES + 32 * 1024, "{bytes} bytes");
    world.command(1, say("short")).expect("said");
    assert_eq!(world.state.snapshot(user(1)).chat.last().map(|line| line.text.as_str()), Some("short"));
}

#[test]
fn regression_the_operation_of_a_chat_line_cannot_be_used_for_a_gift() {
    let mut world = World::with_people(&[1, 2]);
    world.retry(1, 55, say("hello")).expect("said");
    let gift = request(1, 55, give(Recipients::Users(vec![user(2)])));
    assert_eq!(world.ask(&gift).expect_err("another content").code, ErrorCode::OperationConflict);
}

#[test]
fn gifts_are_announced_in_order_and_each_once() {
    let mut world = World::with_people(&[1, 2]);
    world.told.clear();
    let mut hint = |batch: CommittedGifts| world.ask(&Request::GiftsCommitted(batch)).expect("never refused");
    assert_eq!(hint(gifts(1..=2, 1_000_000)), Outcome::Answer(Ok(Answer::Nothing)));
    assert_eq!(hint(gifts(1..=2, 1_000_000)), Outcome::Answer(Ok(Answer::Nothing)));
    assert_eq!(hint(gifts(5..=5, 1_000_000)), Outcome::ReadGifts, "3 and 4 are missing");
    assert_eq!(hint(gifts(2..=4, 1_000_000)), Outcome::ReadGifts, "5 is known to be there");
    assert_eq!(hint(gifts(5..=5, 1_000_000)), Outcome::Answer(Ok(Answer::Nothing)));
    let announced = world.told.iter().map(|event| match event {
        Event::GiftsSent { gifts, coins } => (gifts.iter().map(|gift| gift.gift_no).collect::<Vec<_>>(), coins.0),
        other => panic!("no gifts: {other:?}"),
    });
    assert_eq!(announced.collect::<Vec<_>>(), [(vec![1, 2], 10), (vec![3, 4], 20), (vec![5], 25)]);
}

#[test]
fn an_event_of_gifts_is_split_at_16_kib_with_the_coins_after_each() {
    let mut world = World::with_people(&[1]);
    world.told.clear();
    world.ask(&Request::GiftsCommitted(gifts(1..=400, 1_000_000))).expect("never refused");
    let mut last = 0;
    for event in &world.told {
        let Event::GiftsSent { gifts, coins } = event else { panic!("gifts") };
        assert!(serde_json::to_string(event).expect("serializes").len() <= 16 * 1024);
        assert_eq!(gifts[0].gift_no, last + 1);
        last = gifts.last().expect("never empty").gift_no;
        assert_eq!(coins.0, last * 5);
    }
    assert!(last == 400 && world.told.len() > 1);
}

#[test]
fn what_was_committed_before_a_room_woke_is_history_and_what_came_since_is_shown_whatever_its_time_says() {
    let woken = Woken { committed: 6, coins: Coins(30), ..woken() };
    let mut world = World::waking(woken, Settings::default());
    world.ask(&Request::GiftsCommitted(gifts(3..=6, world.now.0))).expect("never refused");
    assert_eq!(world.told, [], "whoever joins reads them from the table");
    for (number, at) in (7..).zip([i64::MIN, 0, world.now.0 - 86_400_000, world.now.0 - 90_000, world.now.0, i64::MAX])
    {
        world.ask(&Request::GiftsCommitted(gifts(number..=number, at))).expect("never refused");
        let Some(Event::GiftsSent { gifts, .. }) = world.told.last() else { panic!("an event of gifts") };
        assert_eq!((gifts.len(), gifts[0].gift_no), (1, number), "committed at {at}");
    }
}

#[test]
fn a_client_is_told_up_to_which_gift_it_has_been_served() {
    let woken = Woken { committed: 4, ..woken() };
    let mut state = RoomState::wake(woken, Settings::default(), Timestamp(1_000_000));
    state.evolve(&Change::GiftsKnown { gift_no: 9 }, Timestamp(1_000_000));
    let stands = |gift_no, recovered| state.position(Some(&Position { epoch: 1, seq: 1, gift_no }), recovered).gift_no;
    assert_eq!(state.position(None, false).gift_no, Some(9));
    assert_eq!(stands(None, true), Some(9));
    assert_eq!(stands(Some(2), true), Some(4));
    assert_eq!(stands(Some(7), true), Some(7), "it was read to the client from the table");
    assert_eq!(stands(Some(i64::MAX), true), Some(9));
    assert_eq!(stands(Some(2), false), Some(9), "gifts that are not announced yet are read from the table");
}

#[test]
fn hard_facts_correct_the_seats_of_a_checkpoint() {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    for (number, seat) in [(2, 1), (3, 2), (4, 3)] {
        world.command(number, take(Some(seat))).expect("free");
    }
    let checkpoint = Some(world.state.checkpoint(world.now));
    let kicks = vec![(user(3), 1_000)];
    let woken = Woken { locks: vec![3], kicks, checkpoint, ..woken() };
    let mut next = World::waking(woken, Settings::default());
    assert_eq!(next.seats(), [None, Some(2), None, None, None]);
    assert_eq!(next.state.snapshot(user(1)).people, [person(2)]);
    next.pass(30_000);
    assert_eq!(next.seats(), [None; 5], "users who do not come back leave");
}
