//! Tests of kicks with a time, and of bans.

use parlor_protocol::command::Kick;

use super::*;
use crate::room::facts::Fact;

#[test]
fn a_banned_user_is_put_out_and_may_not_join_until_the_ban_ends() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(3))).expect("free");
    let seq = world.state.seq();
    let done = world.command(1, ban(2, Some(60_000))).expect("the owner may");
    assert_eq!((done.seq, world.state.seq()), (seq, seq + 2), "the seat first, then the ban");
    let until = world.now.plus_ms(60_000).0;
    let banned = Event::ParticipantBanned { user: user(2), by: user(1), until: Some(until), reason: "spam".into() };
    assert_eq!(world.told.last(), Some(&banned));
    assert_eq!(world.seats(), [None; 5]);
    world.pass(59_999);
    let error = world.join(2).expect_err("banned");
    assert_eq!((error.code, error.until), (ErrorCode::Banned, Some(until)));
    world.pass(1);
    world.join(2).expect("the ban is over");
}

#[test]
fn whoever_is_banned_is_told_with_the_end_and_the_reason() {
    let world = World::with_people(&[1, 2]);
    let Outcome::Write(write) = world.state.decide(&request(1, 9, ban(2, None)), world.now).expect("may").outcome
    else {
        panic!("a ban is a hard command")
    };
    let done = Done { epoch: write.epoch, seq: write.seq, replayed: false };
    let written = Written { id: 1, fact: write.verdict.expect("allowed"), done, replayed: false };
    let decision = world.state.decide_fact(&write.operation, &written);
    let [removal] = &decision.removals[..] else { panic!("one user") };
    let cause = RemovalCause::Banned;
    let frame = parlor_protocol::UserFrame::RoomRemoved { room: room_id(), cause, until: None, reason: "spam".into() };
    assert_eq!((removal.user, &removal.frame), (user(2), &frame));
}

#[test]
fn a_ban_without_an_end_holds_over_a_restart_until_it_is_lifted() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(3))).expect("free");
    let checkpoint = Some(world.state.checkpoint(world.now));
    let woken = Woken { bans: vec![(user(2), None), (user(3), Some(5_000))], epoch: 8, checkpoint, ..woken() };
    let mut world = World::waking(woken, Settings::default());
    assert_eq!(world.seats(), [None; 5], "the checkpoint is older than the ban");
    world.pass(5_000);
    world.join(3).expect("the ban is over");
    world.pass(2 * 366 * 86_400_000);
    assert_eq!(world.join(2).expect_err("banned").code, ErrorCode::Banned);
    world.command(1, unban(2)).expect("the owner may, from outside too");
    assert_eq!(world.told.last(), Some(&Event::ParticipantUnbanned { user: user(2), by: user(1) }));
    world.join(2).expect("not banned any more");
    let told = world.told.len();
    world.command(1, unban(2)).expect("nothing is left to do");
    assert_eq!(world.told.len(), told);
}

#[test]
fn a_banned_user_is_told_so_whatever_they_ask() {
    let mut world = World::with_people(&[1, 2]);
    world.command(1, ban(2, None)).expect("the owner may");
    for command in [say("hello"), take(None), leave_seat(), lock(1), kick(1), ban(1, None)] {
        assert_eq!(world.command(2, command), Err(ErrorCode::Banned));
    }
    let order = world.order(2, Recipients::Users(vec![user(1)])).expect("the ledger answers");
    assert_eq!(order.receivers.expect_err("banned").code, ErrorCode::Banned);
    for request in [
        Request::Seats { user: user(2) },
        Request::People { user: user(2), after: None, search: String::new() },
        Request::Present { user: user(2), act: Act::Look },
        Request::Permitted { user: user(2), act: Act::ReadConduct },
    ] {
        assert_eq!(world.ask(&request).expect_err("banned").code, ErrorCode::Banned);
    }
    assert_eq!(world.command(3, say("hello")), Err(ErrorCode::NotInRoom), "nobody else is told that");
}

#[test]
fn the_owner_bans_users_who_are_not_in_the_room_but_nobody_bans_the_owner() {
    let mut world = World::with_people(&[1, 2]);
    assert_eq!(world.command(1, ban(1, None)), Err(ErrorCode::Forbidden));
    assert_eq!(world.command(2, ban(3, None)), Err(ErrorCode::Forbidden));
    assert_eq!(world.command(2, unban(3)), Err(ErrorCode::Forbidden));
    assert_eq!(world.command(3, ban(2, None)), Err(ErrorCode::NotInRoom));
    let seq = world.state.seq();
    world.command(1, ban(3, None)).expect("the owner may");
    assert_eq!(world.state.seq(), seq + 1, "one event, and nobody has left");
    assert_eq!(world.join(3).expect_err("banned").code, ErrorCode::Banned);
    // A later ban replaces an earlier one.
    world.command(1, ban(3, Some(1_000))).expect("the owner may");
    world.pass(1_000);
    world.join(3).expect("the ban is over");
}

#[test]
fn a_user_who_joins_while_a_ban_is_stored_is_put_out_by_it() {
    let mut world = World::with_people(&[1]);
    let Outcome::Write(write) = world.state.decide(&request(1, 9, ban(2, None)), world.now).expect("may").outcome
    else {
        panic!("a ban is a hard command")
    };
    world.join(2).expect("not banned yet");
    world.command(2, take(Some(1))).expect("free");
    let done = Done { epoch: write.epoch, seq: write.seq, replayed: false };
    let written = Written { id: 1, fact: write.verdict.expect("allowed"), done, replayed: false };
    let decision = world.state.decide_fact(&write.operation, &written);
    assert_eq!(decision.removals[0].connections, [caller(2).connection]);
    world.apply(decision);
    assert_eq!((world.seats(), world.state.people()), (vec![None; 5], 1));
}

#[test]
fn a_room_has_at_most_so_many_bans_and_kicks_that_hold() {
    let many = i64::try_from(limit::MEASURES).expect("small");
    let bans = (10..10 + many).map(|number| (user(number), (number == 10).then_some(1_000))).collect();
    let kicks = (10..10 + many).map(|number| (user(number), 1_000)).collect();
    let mut world = World::waking(Woken { bans, kicks, ..woken() }, Settings::default());
    world.join(2).expect("may come in");
    assert_eq!(world.command(1, ban(2, None)), Err(ErrorCode::RoomListFull));
    assert_eq!(world.command(1, kick(2)), Err(ErrorCode::RoomListFull));
    world.command(1, ban(11, Some(60_000))).expect("it replaces another one");
    world.pass(1_000);
    world.command(1, kick(2)).expect("the others are over");
    world.command(1, ban(2, None)).expect("one of the others is over");
    assert_eq!(world.command(1, ban(3, None)), Err(ErrorCode::RoomListFull));
    world.command(1, unban(11)).expect("the owner may");
    world.command(1, ban(3, None)).expect("one was lifted");
}

#[test]
fn a_kick_lasts_as_long_as_it_says() {
    let mut world = World::with_people(&[1, 2]);
    let kick =
        Command::RoomKick(Kick { room: room_id(), user: user(2), duration_ms: Some(5_000), reason: String::new() });
    world.command(1, kick).expect("the owner may");
    world.pass(4_999);
    assert_eq!(world.join(2).expect_err("kicked").code, ErrorCode::Kicked);
    world.pass(1);
    world.join(2).expect("five seconds are over");
}

#[test]
fn facts_of_older_programs_are_read() {
    let kicked: Fact =
        serde_json::from_str(r#"{"type":"kicked","user":901233872,"until":5,"reason":""}"#).expect("a fact");
    assert!(matches!(kicked, Fact::Kicked { until: 5, .. }));
    let banned = Fact::Banned { user: user(2), until: None, reason: "spam".into() };
    let text = serde_json::to_string(&banned).expect("a fact is JSON");
    assert_eq!(serde_json::from_str::<Fact>(&text).expect("reads back"), banned);
}

#[test]
fn a_banned_admin_is_no_admin_any_more_whatever_becomes_of_the_ban() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, promote(2)).expect("the owner may");
    world.command(2, take(Some(3))).expect("free");
    let told = world.told.len();
    world.command(1, ban(2, None)).expect("the owner may");
    let events = world.told[told..].to_vec();
    let demoted = Event::AdminsChanged { admins: vec![], user: user(2), by: user(1) };
    assert_eq!((events.len(), &events[0]), (3, &demoted), "no admin first, then the seat, then the ban: {events:?}");
    world.command(1, unban(2)).expect("the owner may");
    world.join(2).expect("not banned any more");
    assert_eq!(world.state.role(user(2)), Role::Listener);
    // An older program left a banned admin in the table.
    let woken = Woken { admins: vec![user(2), user(3)], bans: vec![(user(2), None)], ..woken() };
    let world = World::waking(woken, Settings::default());
    assert_eq!(world.state.snapshot(user(1)).admins, [user(3)]);
}
