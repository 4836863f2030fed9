//! Operations over a kill of the server: what was answered, and is asked again.

use std::time::Duration;

use parlor_protocol::command::{InRoom, OnSeat, SendChat};
use parlor_protocol::reply::Done;
use parlor_protocol::{Command, Event};

use crate::support::client::op;
use crate::support::time::until;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hard_command_gets_its_first_answer_after_a_kill_right_behind_it() {
    let mut world = World::dev().roomy().lease(1_000).at_one_address().await;
    let (token, owner) = world.demo(1).await;
    let room = world.made(&token, "A room").await;
    let mut client = world.in_room(owner, room).await;
    for seat in 1..=4 {
        let (op, lock) = (op(), Command::SeatLock(OnSeat { room, seat, version: None }));
        client.chat(room, "so that the numbers of two epochs differ").await.expect("said");
        let first: Done = client.ask_as(op, &lock).await.expect("the owner may");
        assert!(!first.replayed);
        if seat % 2 == 0 {
            world.stop().await
        } else {
            world.kill().await
        }
        world.start_again().await;
        client = world.in_room(owner, room).await;
        for _ in 0..2 {
            let again: Done = client.ask_as(op, &lock).await.expect("it was stored");
            assert_eq!(again, Done { replayed: true, ..first });
        }
        let unlock = Command::SeatUnlock(OnSeat { room, seat, version: None });
        client.ask::<Done>(unlock).await.expect("the owner may");
        let again: Done = client.ask_as(op, &lock).await.expect("it was stored");
        assert_eq!(again, Done { replayed: true, ..first }, "what came since is not undone");
    }
    assert_eq!(world.count("select count(*) from room_facts").await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_known_again_after_a_kill_if_it_was_in_a_checkpoint_and_is_shown_once_in_any_case() {
    let mut world = World::dev().roomy().lease(1_000).at_one_address().await;
    let (token, owner) = world.demo(1).await;
    let room = world.made(&token, "A room").await;
    let mut client = world.in_room(owner, room).await;
    let line = |text: &str| Command::ChatSend(SendChat::of(room, text.to_owned()));

    // Little was said before, so the line is in a checkpoint within a second.
    let (kept, first) = (op(), line("kept"));
    let said: Done = client.ask_as(kept, &first).await.expect("said");
    let checkpoint = "select count(*) from room_checkpoints where length(memory) > 0";
    let within = Duration::from_secs(2);
    until("the line is in a checkpoint", within, async || (world.count(checkpoint).await == 1).then_some(())).await;
    // And one that is not, because the server is killed right behind its answer.
    let (lost, second) = (op(), line("lost"));
    client.ask_as::<Done>(lost, &second).await.expect("said");
    world.kill().await;
    world.start_again().await;
    client = world.in_room(owner, room).await;
    let again: Done = client.ask_as(kept, &first).await.expect("remembered");
    assert_eq!(again, Done { replayed: true, ..said });
    let again: Done = client.ask_as(lost, &second).await.expect("said");
    let posted = |event: &parlor_protocol::envelope::EventFrame| match &event.event {
        Event::ChatPosted { op, .. } => Some((*op, event.seq)),
        _ => None,
    };
    if !again.replayed {
        // The window that `docs/concepts.md` names: the event has the operation, by which clients show it once.
        assert_eq!(client.event_where("the line", posted).await, (lost, again.seq));
    }
    let again: Done = client.ask_as(lost, &second).await.expect("remembered");
    assert!(again.replayed);
    client.ask::<serde_json::Value>(Command::RoomLeave(InRoom { room })).await.expect("left");
}
