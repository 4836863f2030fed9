//! Tests of single lines of chat: what they mention and reply to, images, and recalls.

use parlor_protocol::chat::{LineNumber, Quote};
use parlor_protocol::command::SendChat;
use parlor_protocol::room::ChatLine;
use uuid::Uuid;

use super::*;

/// Posts a line, and returns its `seq`.
fn line(world: &mut World, number: i64, text: &str) -> u64 {
    world.command(number, say(text)).expect("may chat").seq
}

fn last(world: &World) -> ChatLine {
    world.state.snapshot(user(1)).chat.last().expect("a line").clone()
}

fn recalls(world: &World) -> Vec<(u64, i64)> {
    let recalled = |event: &Event| match event {
        Event::ChatRecalled { seq, by, .. } => Some((*seq, by.number())),
        _ => None,
    };
    world.told.iter().filter_map(recalled).collect()
}

#[test]
fn a_line_of_a_snapshot_has_the_number_of_its_event() {
    let mut world = World::with_people(&[1, 2]);
    let seq = line(&mut world, 2, "hello");
    assert_eq!((last(&world).epoch, last(&world).seq), (Some(7), Some(seq)));
    let old = r#"{"at":1,"from":{"id":2,"name":"B"},"op":"01990000-0000-7000-8000-000000000005","text":"of an older server"}"#;
    let read: ChatLine = serde_json::from_str(old).expect("a line without a number");
    assert_eq!((read.seq, serde_json::to_string(&read).expect("JSON")), (None, old.to_owned()));
}

#[test]
fn a_line_mentions_those_of_the_named_who_are_in_the_room_each_once() {
    let mut world = World::with_people(&[1, 2, 3]);
    let named = [3, 1, 3, 9].map(user).to_vec();
    let chat = SendChat { mentions: named, ..SendChat::of(room_id(), "you".into()) };
    world.command(2, Command::ChatSend(chat)).expect("may chat");
    assert_eq!(last(&world).mentions, [user(3), user(1)]);
}

#[test]
fn a_reply_names_the_author_while_the_room_has_the_line_and_never_its_text() {
    let mut world = World::with_people(&[1, 2, 3]);
    let first = line(&mut world, 2, "the question");
    let reply = |seq, epoch| {
        Command::ChatSend(SendChat {
            reply_to: Some(LineNumber { epoch, seq }),
            ..SendChat::of(room_id(), "the answer".into())
        })
    };
    world.command(3, reply(first, 7)).expect("may chat");
    assert_eq!(last(&world).reply_to, Some(Quote { epoch: 7, seq: first, user: Some(user(2)) }));
    assert!(!serde_json::to_string(&last(&world)).expect("JSON").contains("question"));
    for _ in 0..limit::CHAT_LINES {
        line(&mut world, 1, "much is said");
    }
    world.command(3, reply(first, 7)).expect("the client has the line still");
    assert_eq!(last(&world).reply_to, Some(Quote { epoch: 7, seq: first, user: None }));
    world.command(3, reply(first, 6)).expect("a line of an earlier epoch");
    let ahead = world.state.seq() + 1;
    assert_eq!(world.command(3, reply(ahead, 7)), Err(ErrorCode::BadRequest));
    assert_eq!(world.command(3, reply(1, 8)), Err(ErrorCode::BadRequest));
}

#[test]
fn a_recalled_line_stays_in_its_place_and_has_nothing_of_what_was_in_it() {
    let mut world = World::with_people(&[1, 2, 3]);
    let first = line(&mut world, 1, "the first");
    let chat = SendChat {
        mentions: vec![user(3)],
        reply_to: Some(LineNumber { epoch: 7, seq: first }),
        ..SendChat::of(room_id(), "secret".into())
    };
    let seq = world.command(2, Command::ChatSend(chat)).expect("may chat").seq;
    let before = (last(&world), world.state.revision());
    world.command(2, recall(7, seq)).expect("their own");
    assert_eq!(world.told.last(), Some(&Event::ChatRecalled { epoch: 7, seq, by: user(2) }));
    let after = last(&world);
    assert!(after.recalled && world.state.revision() > before.1);
    assert_eq!((after.op, after.from, after.at, after.seq), (before.0.op, before.0.from, before.0.at, Some(seq)));
    assert_eq!((&*after.text, after.mentions.len(), after.reply_to), ("", 0, None));
    let facts = serde_json::to_string(&world.facts.iter().map(|(_, fact, _)| fact).collect::<Vec<_>>()).expect("JSON");
    assert!(!facts.contains("secret"), "{facts}");
}

#[test]
fn whoever_wrote_a_line_recalls_it_for_two_minutes() {
    let mut world = World::with_people(&[1, 2, 3]);
    let (first, second) = (line(&mut world, 2, "one"), line(&mut world, 2, "two"));
    world.pass(120_000);
    world.command(2, recall(7, first)).expect("just in time");
    world.pass(1);
    assert_eq!(world.command(2, recall(7, second)), Err(ErrorCode::TooLate));
    assert_eq!(world.command(3, recall(7, second)), Err(ErrorCode::NotPermitted));
    world.command(1, recall(7, second)).expect("the owner at any time");
    assert_eq!(recalls(&world), [(first, 2), (second, 1)]);
}

#[test]
fn an_admin_recalls_any_line_and_the_owner_from_outside() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, promote(2)).expect("the owner may");
    let lines = [line(&mut world, 1, "the owner's"), line(&mut world, 3, "another's")];
    world.pass(400_000);
    world.command(2, recall(7, lines[0])).expect("an admin");
    world.ask(&Request::Leave { user: user(1) }).expect("never refused");
    world.command(1, recall(7, lines[1])).expect("the owner, from outside");
    world.ask(&Request::Leave { user: user(2) }).expect("never refused");
    assert_eq!(world.command(2, recall(7, lines[1])), Err(ErrorCode::NotInRoom), "an admin outside");
    let froms: Vec<_> = world
        .facts
        .iter()
        .filter_map(|(_, fact, _)| match fact {
            Fact::LineRecalled { from, .. } => Some(from.map(UserId::number)),
            _ => None,
        })
        .collect();
    assert_eq!(froms, [Some(1), Some(3)], "the fact names whose line it was");
}

#[test]
fn staff_recalls_any_line_and_a_line_that_is_not_there_is_not_found() {
    let mut world = World::with_people(&[1, 2]);
    let seq = line(&mut world, 1, "the owner's");
    world.next_op += 1;
    let operation = Operation::of_words(Op(Uuid::from_u128(world.next_op)), user(99), "an act of staff");
    let act = |seq| Request::Staff { operation, request: String::new(), act: StaffAct::Recall { epoch: 7, seq } };
    assert_eq!(world.ask(&act(seq + 9)).expect_err("ahead").code, ErrorCode::NotFound);
    world.ask(&act(seq)).expect("staff may");
    assert_eq!(recalls(&world), [(seq, 99)]);
    for number in [1, 2] {
        assert_eq!(world.command(number, recall(7, seq + 9)), Err(ErrorCode::NotFound));
        assert_eq!(world.command(number, recall(8, 1)), Err(ErrorCode::NotFound));
    }
}

#[test]
fn a_line_that_is_recalled_twice_is_told_once_and_answered_alike() {
    let mut world = World::with_people(&[1, 2]);
    let seq = line(&mut world, 2, "secret");
    let first = world.retry(2, 500, recall(7, seq)).expect("their own");
    assert_eq!(world.retry(2, 500, recall(7, seq)), Ok(Done { replayed: true, ..first }));
    world.command(2, recall(7, seq)).expect("again");
    world.command(1, recall(7, seq)).expect("and by the owner");
    world.pass(300_000);
    world.join(2).expect("may come in");
    world.command(2, recall(7, seq)).expect("it is recalled, whatever the time");
    assert_eq!(recalls(&world), [(seq, 2)]);
}

#[test]
fn an_answer_that_names_a_line_of_somebody_else_gives_no_right_to_it() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(2, take(None)).expect("free");
    world.command(2, mic(true)).expect("sits");
    let seq = line(&mut world, 3, "another's");
    for _ in 0..limit::CHAT_LINES {
        // Nothing is left to do, so the answer names the last event, which is a line of user 3.
        assert_eq!(world.command(2, mic(true)).map(|done| done.seq), Ok(world.state.seq()));
        line(&mut world, 3, "much is said");
    }
    for seq in seq..=world.state.seq() {
        assert_eq!(world.command(2, recall(7, seq)), Err(ErrorCode::NotPermitted));
    }
}

#[test]
fn an_author_recalls_a_line_after_a_restart_as_long_as_before() {
    let mut world = World::with_people(&[1, 2, 3]);
    let seq = line(&mut world, 2, "said before the restart");
    world.pass(60_000);
    world.restart(world.state.checkpoint(world.now));
    for number in [2, 3] {
        world.join(number).expect("may come in");
    }
    assert_eq!(world.command(3, recall(7, seq)), Err(ErrorCode::NotPermitted));
    world.pass(60_000);
    world.command(2, recall(7, seq)).expect("two minutes are not over");
    assert_eq!(world.told.last(), Some(&Event::ChatRecalled { epoch: 7, seq, by: user(2) }));
    world.command(2, recall(7, seq)).expect("told once");
    assert_eq!(recalls(&world).len(), 1);
}

#[test]
fn an_image_is_posted_by_those_whom_the_record_lets_and_leaves_no_text_in_the_store() {
    let mut world = World::with_people(&[1, 2, 3]);
    let images = |who| Command::RoomChange(ChangeRoom { may_post_images: Some(who), ..ChangeRoom::of(room_id(), 1) });
    world.command(1, images(Who::Seated)).expect("the owner's");
    assert_eq!(world.command(2, show(9, "look")), Err(ErrorCode::NotPermitted));
    world.command(2, say("text alone")).expect("everybody may chat");
    world.command(2, take(None)).expect("free");
    world.command(2, show(9, "look")).expect("seated");
    let line = last(&world);
    assert_eq!((line.image, &*line.text, line.from.id), (Some(Uuid::from_u128(9)), "look", user(2)));
    world.command(1, show(10, "")).expect("an image without a text");
    let facts = serde_json::to_string(&world.facts.iter().map(|(_, fact, _)| fact).collect::<Vec<_>>()).expect("JSON");
    assert!(!facts.contains("look"), "{facts}");
    world.command(1, mute(2, None)).expect("the owner may");
    assert_eq!(world.command(2, show(11, "")), Err(ErrorCode::Muted));
}

#[test]
fn only_the_last_images_are_known() {
    let mut world = World::with_people(&[1, 2]);
    for image in 1..=200 {
        world.command(2, show(image, "")).expect("may post");
    }
    assert_eq!(world.state.checkpoint(world.now).images.len(), 128);
    let seq = world.state.seq();
    world.command(1, recall(7, seq - 150)).expect("the owner may");
    world.command(1, recall(7, seq - 100)).expect("the owner may");
    let image = |at: usize| match &world.facts[at].1 {
        Fact::LineRecalled { image, .. } => image.map(|image| image.as_u128()),
        other => panic!("{other:?}"),
    };
    assert_eq!((image(200), image(201)), (None, Some(100)));
}

#[test]
fn recalling_a_line_takes_its_image_back_after_a_restart_too() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, show(9, "look")).expect("may post");
    world.command(2, show(10, "")).expect("may post");
    let seq = world.state.seq();
    world.command(2, recall(7, seq - 1)).expect("their own");
    assert_eq!(world.state.snapshot(user(1)).chat[0].image, None);
    let checkpoint = world.state.checkpoint(world.now);
    let written = serde_json::to_string(&checkpoint).expect("JSON");
    assert!(!written.contains("look"), "{written}");
    world.restart(Checkpoint { memory: checkpoint.memory.clone(), ..serde_json::from_str(&written).expect("JSON") });
    world.join(2).expect("may come in");
    world.command(2, recall(7, seq)).expect("their own");
    let images: Vec<_> = world
        .facts
        .iter()
        .filter_map(|(_, fact, _)| match fact {
            Fact::LineRecalled { image, from, .. } => {
                Some((image.map(|image| image.as_u128()), from.map(UserId::number)))
            }
            _ => None,
        })
        .collect();
    assert_eq!(images, [(Some(9), Some(2)), (Some(10), Some(2))]);
    assert!(world.state.checkpoint(world.now).images.is_empty());
}
