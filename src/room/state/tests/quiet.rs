//! Tests of mutes in the chat and of its rules.

use parlor_protocol::room::ChatRules;

use super::*;

fn refused(world: &mut World, number: i64) -> ErrorBody {
    world.next_op += 1;
    world.ask(&request(number, world.next_op, say("hello"))).expect_err("refused")
}

#[test]
fn a_muted_user_may_not_write_until_the_mute_ends_or_is_lifted() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, mute(2, Some(60_000))).expect("the owner may");
    let until = world.now.plus_ms(60_000).0;
    assert_eq!(world.told.last(), Some(&Event::ChatMuted { user: user(2), by: user(1), until: Some(until) }));
    let own = world.state.snapshot(user(2)).own;
    assert_eq!((own.chat_muted, own.chat_muted_until), (true, Some(until)));
    assert!(!world.state.snapshot(user(3)).own.chat_muted);
    let error = refused(&mut world, 2);
    assert_eq!((error.code, error.until), (ErrorCode::Muted, Some(until)));
    world.command(3, say("hello")).expect("not muted");
    world.command(2, take(None)).expect("a mute in the chat is no mute on a seat");
    world.pass(60_000);
    world.command(2, say("hello")).expect("the mute is over");
    world.command(1, mute(2, None)).expect("the owner may");
    world.pass(400 * 86_400_000);
    world.join(2).expect("not banned");
    assert_eq!(refused(&mut world, 2).until, None);
    world.command(1, unmute(2)).expect("the owner may");
    assert_eq!(world.told.last(), Some(&Event::ChatUnmuted { user: user(2), by: user(1) }));
    world.command(2, say("hello")).expect("not muted any more");
    let told = world.told.len();
    world.command(1, unmute(2)).expect("nothing is left to do");
    assert_eq!(world.told.len(), told);
}

#[test]
fn everybody_but_the_owner_may_be_muted_and_the_rest_of_the_rules_stays() {
    let mut world = World::with_people(&[1, 2]);
    world.command(1, chat_rules(Some(true), Some(10))).expect("the owner may");
    world.command(1, chat_rules(None, Some(3))).expect("the owner may");
    let rules = ChatRules { muted: true, slow_mode_s: 3 };
    assert_eq!(world.told.last(), Some(&Event::ChatRulesChanged { rules, by: user(1) }));
    assert_eq!(world.state.snapshot(user(2)).chat_rules, Some(rules));
    let told = world.told.len();
    world.command(1, chat_rules(Some(true), None)).expect("nothing is left to do");
    assert_eq!(world.told.len(), told);
    assert_eq!((refused(&mut world, 2).code, refused(&mut world, 2).until), (ErrorCode::Muted, None));
    for _ in 0..2 {
        world.command(1, say("hello")).expect("the owner is bound by no rule");
    }
    world.command(1, chat_rules(Some(false), Some(0))).expect("the owner may");
    world.command(2, say("hello")).expect("not muted any more");
}

#[test]
fn a_slow_chat_takes_one_line_of_a_user_in_its_time_and_says_how_long_to_wait() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(2, say("before")).expect("not slow yet");
    world.command(1, chat_rules(None, Some(10))).expect("the owner may");
    world.command(2, say("first")).expect("lines before slow mode do not count");
    world.pass(4_000);
    world.command(3, say("another's")).expect("each user has their own time");
    let error = refused(&mut world, 2);
    assert_eq!((error.code, error.retry, error.retry_after_ms), (ErrorCode::SlowMode, Retry::Later, Some(6_000)));
    // The refusal is not the operation's answer: the same line may be sent again.
    let op = world.next_op;
    world.pass(5_999);
    assert_eq!(world.retry(2, op, say("hello")), Err(ErrorCode::SlowMode));
    world.pass(1);
    let first = world.retry(2, op, say("hello")).expect("ten seconds are over");
    assert_eq!(world.retry(2, op, say("hello")), Ok(Done { replayed: true, ..first }));
    for _ in 0..3 {
        world.command(1, say("hello")).expect("the owner is bound by no rule");
    }
    world.command(1, chat_rules(None, Some(0))).expect("the owner may");
    world.command(2, say("hello")).expect("not slow any more");
}

#[test]
fn the_rules_and_mutes_are_there_after_a_restart() {
    let chat_rules = ChatRules { muted: false, slow_mode_s: 10 };
    let mutes = vec![(user(2), Some(5_000)), (user(4), None)];
    let mut world = World::waking(Woken { chat_rules, mutes, ..woken() }, Settings::default());
    for number in 2..=4 {
        world.join(number).expect("may come in");
    }
    assert_eq!(refused(&mut world, 2).code, ErrorCode::Muted);
    assert_eq!(refused(&mut world, 4).code, ErrorCode::Muted);
    world.command(3, say("hello")).expect("the room does not know when they wrote last");
    assert_eq!(refused(&mut world, 3).code, ErrorCode::SlowMode);
    world.pass(5_000);
    world.command(2, say("hello")).expect("the mute is over");
}

#[test]
fn slow_mode_is_not_escaped_by_a_restart() {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    world.command(1, chat_rules(None, Some(10))).expect("the owner may");
    world.command(3, say("early")).expect("the first line");
    world.pass(4_000);
    world.command(2, say("late")).expect("the first line");
    world.pass(6_000);
    let checkpoint = world.state.checkpoint(world.now);
    assert_eq!(checkpoint.spoken, [(user(2), 6_000)], "the other's wait is over");
    let chat_rules = ChatRules { muted: false, slow_mode_s: 10 };
    let woken = Woken { chat_rules, checkpoint: Some(checkpoint), epoch: 8, ..woken() };
    let next_op = world.next_op;
    let mut world = World { next_op, ..World::waking(woken, Settings::default()) };
    for number in 2..=4 {
        world.join(number).expect("may come in");
    }
    assert_eq!(refused(&mut world, 2).retry_after_ms, Some(4_000), "no shorter and no longer than it was");
    world.command(3, say("hello")).expect("the wait was over");
    world.command(4, say("hello")).expect("the first line");
    world.pass(4_000);
    world.command(2, say("hello")).expect("the wait is over");
}

#[test]
fn only_the_owner_mutes_and_nobody_mutes_the_owner() {
    let mut world = World::with_people(&[1, 2, 3]);
    for command in [mute(3, None), unmute(3), chat_rules(Some(true), None)] {
        assert_eq!(world.command(2, command.clone()), Err(ErrorCode::Forbidden));
        assert_eq!(world.command(4, command), Err(ErrorCode::NotInRoom));
    }
    assert_eq!(world.command(1, mute(1, None)), Err(ErrorCode::Forbidden));
    let many = i64::try_from(limit::MEASURES).expect("small");
    let mutes = (10..10 + many).map(|number| (user(number), None)).collect();
    let mut full = World::waking(Woken { mutes, ..woken() }, Settings::default());
    assert_eq!(full.command(1, mute(2, None)), Err(ErrorCode::RoomListFull));
    full.command(1, mute(10, Some(1_000))).expect("it replaces another one");
}

#[test]
fn a_slow_chat_knows_a_bounded_number_of_last_lines() {
    let settings = Settings::default();
    let mut world = World::waking(Woken { capacity: Some(100_000), ..woken() }, settings);
    world.command(1, chat_rules(None, Some(3_600))).expect("the owner may");
    for number in 2..20_002 {
        world.join(number).expect("may come in");
        world.command(number, say("hello")).expect("the first line");
    }
    assert_eq!(refused(&mut world, 20_001).code, ErrorCode::SlowMode);
    world.command(2, say("hello")).expect("the oldest line was forgotten");
    let kept = world.state.checkpoint(world.now).spoken;
    assert_eq!((kept.len(), kept.last().map(|(who, _)| *who)), (1_000, Some(user(2))), "those who wrote last");
}
