//! Tests of what is told by signals that may be lost: who types and speaks, and reactions.

use parlor_protocol::chat::{LineReactions, Reaction, ReactionCount, Speaker};
use parlor_protocol::command::{React, Speak};

use super::*;

fn typing() -> Command {
    Command::ChatTyping(InRoom { room: room_id() })
}

fn speaking(level: u8) -> Command {
    Command::MicSpeaking(Speak { room: room_id(), level: Some(level) })
}

fn react(seq: u64, reaction: Reaction, on: bool) -> Command {
    Command::ChatReact(React { room: room_id(), epoch: 7, seq, reaction, on: Some(on) })
}

fn typed(numbers: &[i64]) -> Signal {
    Signal::ChatTyping { users: numbers.iter().map(|number| user(*number)).collect() }
}

fn counts(world: &World) -> Vec<(Reaction, u32)> {
    let chat = world.state.snapshot(user(1)).chat;
    chat[0].reactions.iter().map(|count| (count.reaction, count.count)).collect()
}

#[test]
fn a_room_in_which_nobody_signals_has_no_deadline_for_it_and_takes_no_event_number() {
    let mut world = World::with_people(&[1, 2]);
    world.pass(10_000);
    world.command(2, say("hello")).expect("may chat");
    assert_eq!(world.state.next_deadline(), None);
    let seq = world.state.seq();
    world.signal(2, typing()).expect("may chat");
    world.pass(60_000);
    assert_eq!((world.state.seq(), world.state.next_deadline()), (seq, None));
    assert_eq!(world.signals, [typed(&[2]), typed(&[])]);
}

#[test]
fn who_types_is_merged_into_one_signal_in_half_a_second_and_ends_by_itself() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.signal(2, typing()).expect("may chat");
    world.signal(3, typing()).expect("may chat");
    world.signal(1, typing()).expect("may chat");
    world.signal(3, typing()).expect("may chat");
    assert_eq!(world.signals, [typed(&[2])], "the first at once");
    world.pass(499);
    assert_eq!(world.signals.len(), 1);
    world.pass(1);
    assert_eq!(world.signals[1..], [typed(&[2, 1, 3])], "the others together");
    // A line ends it, which clients see by the line.
    world.command(1, say("done")).expect("may chat");
    world.pass(5_000);
    assert_eq!(world.signals.last(), Some(&typed(&[])));
    let told = world.signals.len();
    world.pass(60_000);
    assert_eq!(world.signals.len(), told);
}

#[test]
fn whoever_leaves_types_no_more_and_at_most_twenty_are_named() {
    let mut world = World::waking(Woken { capacity: Some(100), ..woken() }, Settings::default());
    for number in 1..=30 {
        world.join(number).expect("may come in");
        world.signal(number, typing()).expect("may chat");
    }
    world.pass(500);
    assert!(matches!(world.signals.last(), Some(Signal::ChatTyping { users }) if users.len() == limit::TYPING));
    world.ask(&Request::Leave { user: user(1) }).expect("never refused");
    world.pass(500);
    assert!(matches!(world.signals.last(), Some(Signal::ChatTyping { users }) if users[0] == user(2)));
}

#[test]
fn only_who_may_write_types_and_reacts() {
    let mut world = World::with_people(&[1, 2, 3]);
    let seq = world.command(2, say("hello")).expect("may chat").seq;
    world.command(1, mute(3, None)).expect("the owner may");
    world.command(1, chat_rules(None, Some(60))).expect("the owner may");
    world.signal(2, typing()).expect("slow mode is no reason");
    for command in [typing(), react(seq, Reaction::Like, true)] {
        assert_eq!(world.signal(3, command.clone()), Err(ErrorCode::Muted));
        assert_eq!(world.signal(9, command), Err(ErrorCode::NotInRoom));
    }
    let seated = ChangeRoom { may_chat: Some(Who::Seated), ..ChangeRoom::of(room_id(), 1) };
    world.command(1, Command::RoomChange(seated)).expect("the owner's");
    assert_eq!(world.signal(2, typing()), Err(ErrorCode::NotPermitted));
}

#[test]
fn who_speaks_sits_on_a_seat_and_is_heard() {
    let mut world = World::with_people(&[1, 2, 3]);
    assert_eq!(world.signal(2, speaking(50)), Err(ErrorCode::NotSeated));
    world.command(2, take(Some(1))).expect("free");
    world.command(3, take(Some(2))).expect("free");
    world.signal(2, speaking(50)).expect("sits");
    let loud = |number, level| Speaker { user: user(number), level: Some(level) };
    assert_eq!(world.signals, [Signal::MicSpeaking { users: vec![loud(2, 50)] }]);
    world.signal(3, speaking(20)).expect("sits");
    world.signal(2, speaking(70)).expect("sits");
    world.command(1, mute_seat(2)).expect("the owner may");
    world.pass(500);
    assert_eq!(world.signals[1..], [Signal::MicSpeaking { users: vec![loud(2, 70)] }], "the muted seat is not heard");
    world.signal(3, speaking(90)).expect("it is of no effect");
    world.pass(2_000);
    assert_eq!(world.signals.last(), Some(&Signal::MicSpeaking { users: Vec::new() }));
    let told = world.signals.len();
    world.pass(10_000);
    assert_eq!(world.signals.len(), told);
}

#[test]
fn each_user_has_each_reaction_once_and_takes_it_away_again() {
    let mut world = World::with_people(&[1, 2, 3]);
    let seq = world.command(2, say("hello")).expect("may chat").seq;
    let revision = world.state.revision();
    for _ in 0..2 {
        world.signal(3, react(seq, Reaction::Love, true)).expect("may");
    }
    assert!(world.state.revision() > revision, "a snapshot shows it");
    world.signal(1, react(seq, Reaction::Like, true)).expect("may");
    world.signal(2, react(seq, Reaction::Love, true)).expect("to one's own line too");
    assert_eq!(counts(&world), [(Reaction::Love, 2), (Reaction::Like, 1)]);
    world.pass(500);
    let line = |counts: &[(Reaction, u32)]| {
        let counts = counts.iter().map(|(reaction, count)| ReactionCount { reaction: *reaction, count: *count });
        Signal::ChatReactions { lines: vec![LineReactions { epoch: 7, seq, counts: counts.collect() }] }
    };
    let merged = line(&[(Reaction::Love, 2), (Reaction::Like, 1)]);
    assert_eq!(world.signals, [line(&[(Reaction::Love, 1)]), merged], "the first at once, the others together");
    for number in 1..=3 {
        world.signal(number, react(seq, Reaction::Love, false)).expect("may");
        world.signal(number, react(seq, Reaction::Like, false)).expect("may");
    }
    world.pass(500);
    assert_eq!((world.signals.last(), counts(&world).len()), (Some(&line(&[])), 0));
}

#[test]
fn reactions_are_bounded_and_only_below_the_last_lines_that_are_there() {
    let mut world = World::waking(Woken { capacity: Some(10_000), ..woken() }, Settings::default());
    world.join(1).expect("may come in");
    let seq = world.command(1, say("hello")).expect("may chat").seq;
    let (mut reacted, mut number) = (0, 1);
    while reacted < limit::REACTIONS {
        number += 1;
        world.join(number).expect("may come in");
        for reaction in Reaction::ALL {
            if reacted < limit::REACTIONS {
                world.signal(number, react(seq, *reaction, true)).expect("may");
                reacted += 1;
            }
        }
    }
    assert_eq!(world.signal(1, react(seq, Reaction::Like, true)), Err(ErrorCode::NotPermitted));
    world.signal(number, react(seq, Reaction::Like, false)).expect("taking away is always possible");
    world.signal(1, react(seq, Reaction::Like, true)).expect("there is a place");
    assert_eq!(world.signal(1, react(seq + 900, Reaction::Like, true)), Err(ErrorCode::NotFound));
    world.command(1, recall(7, seq)).expect("their own");
    assert_eq!(
        world.signal(1, react(seq, Reaction::Like, false)),
        Err(ErrorCode::NotFound),
        "a recalled line has none"
    );
    assert!(world.state.snapshot(user(1)).chat[0].reactions.is_empty());
    let next = world.command(1, say("next")).expect("may chat").seq;
    for _ in 0..limit::CHAT_LINES {
        world.command(1, say("much is said")).expect("may chat");
    }
    assert_eq!(world.signal(1, react(next, Reaction::Like, true)), Err(ErrorCode::NotFound), "no longer kept");
}
