//! Tests of the filter of words in a room.

use std::sync::Arc;

use super::*;
use crate::room::words::{Entry, Lists, NoWords, WordAct};

fn filter(words: &[(&str, WordAct)]) -> crate::room::words::Words {
    let entries: Vec<_> = words.iter().map(|(word, act)| Entry { word: (*word).to_owned(), act: *act }).collect();
    Arc::new(Lists::of(&entries).expect("a filter").expect("words"))
}

#[test]
fn a_line_is_posted_as_it_is_masked_or_refused() {
    let mut world = World::with_people(&[1, 2]);
    world.state.use_words(filter(&[("darn", WordAct::Mask), ("merde", WordAct::Refuse)]));
    world.command(2, say("good evening")).expect("clean");
    world.command(2, say("Darn it")).expect("masked");
    assert_eq!(world.command(2, say("MÉRDE")), Err(ErrorCode::TextRefused));
    assert_eq!(world.command(1, say("merde")), Err(ErrorCode::TextRefused), "the owner's too");
    let posted: Vec<_> = world.state.chat.lines().map(|line| line.text.clone()).collect();
    assert_eq!(posted, ["good evening", "**** it"]);
}

#[test]
fn an_operation_keeps_its_first_answer_whatever_the_lists_say_later() {
    let mut world = World::with_people(&[1, 2]);
    let first = world.retry(2, 101, say("darn")).expect("no list yet");
    world.state.use_words(filter(&[("darn", WordAct::Refuse)]));
    assert_eq!(world.retry(2, 101, say("darn")), Ok(Done { replayed: true, ..first }));
    assert_eq!(world.retry(2, 102, say("darn")), Err(ErrorCode::TextRefused));
    world.state.use_words(Arc::new(NoWords));
    assert_eq!(world.retry(2, 102, say("darn")), Err(ErrorCode::TextRefused), "a new tap is a new operation");
    world.command(2, say("darn")).expect("no list any more");
    // What was masked is known by what was sent.
    world.state.use_words(filter(&[("darn", WordAct::Mask)]));
    let masked = world.retry(2, 103, say("darn")).expect("masked");
    assert_eq!(world.retry(2, 103, say("darn")), Ok(Done { replayed: true, ..masked }));
    assert_eq!(world.retry(2, 103, say("****")), Err(ErrorCode::OperationConflict));
}
