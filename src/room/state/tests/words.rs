//! Tests of the filter of words in a room.

use std::sync::Arc;

use super::*;
use crate::room::words::{Entry, GENERAL, Lists, NoWords, WordAct};

fn filter(words: &[(&str, WordAct)]) -> crate::room::words::Words {
    let entry = |(word, act): &(&str, WordAct)| in_language(GENERAL, word, *act);
    of(&words.iter().map(entry).collect::<Vec<_>>())
}

fn in_language(language: &str, word: &str, act: WordAct) -> Entry {
    Entry { language: language.to_owned(), word: word.to_owned(), act }
}

fn of(entries: &[Entry]) -> crate::room::words::Words {
    Arc::new(Lists::of(entries).expect("a filter").expect("words"))
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

#[test]
fn a_room_has_the_words_of_its_language_from_the_change_of_its_record_on() {
    let mut world = World::with_people(&[1, 2]);
    world.state.use_words(of(&[in_language("ar", "darn", WordAct::Mask), in_language("de", "gift", WordAct::Refuse)]));
    assert_eq!(world.command(2, say("gift")), Err(ErrorCode::TextRefused), "a room without a language has all words");
    let version = world.state.card().version;
    let change = ChangeRoom { language: Some("ar".into()), ..ChangeRoom::of(room_id(), version) };
    world.command(1, Command::RoomChange(change)).expect("the owner may");
    world.command(2, say("gift darn")).expect("a word of another language");
    assert_eq!(world.state.chat.lines().last().map(|line| line.text.as_str()), Some("gift ****"));
}
