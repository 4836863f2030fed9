//! Tests of recalls and images in the actor: when they are told, and what a client that comes back is given.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_recall_is_told_when_the_store_has_it_and_no_resume_brings_the_text() {
    let mut room = Room::with_people(&[1, 2]).await;
    room.settle().await;
    let here = room.join(2, None).await.position;
    let line = room.done(1, 1, say::say("secret")).await;
    room.done(1, 2, say::say("kept")).await;
    let recall = room.ask(1, 3, say::recall(line.epoch, line.seq));
    let (write, answer) = room.writes.recv().await.expect("written");
    let from = Some(say::user(1));
    assert_eq!(write.verdict, Ok(Fact::LineRecalled { epoch: line.epoch, seq: line.seq, from, image: None }));
    let texts = |joined: &JoinAnswer| -> String {
        let frames = joined.missed.iter().flatten();
        frames
            .map(|frame| frame.payload().to_owned())
            .chain(joined.snapshot.iter().map(|text| text.as_str().to_owned()))
            .collect()
    };
    assert!(texts(&room.join(2, Some(here)).await).contains("secret"), "nothing is told before the store has it");
    answer.send(stored(1, &write)).expect("awaited");
    recall.await.expect("answered").expect("done");
    let back = room.join(2, Some(here)).await;
    let missed = back.missed.as_ref().expect("recovered");
    let numbers: Vec<u64> =
        missed.iter().map(|frame| serde_json::from_str::<EventFrame>(frame.payload()).expect("an event").seq).collect();
    assert_eq!(numbers, (here.seq + 1..=back.position.seq).collect::<Vec<_>>());
    let all = texts(&back) + &texts(&room.join(2, None).await);
    assert!(!all.contains("secret") && all.contains("kept") && all.contains(r#""recalled":true"#), "{all}");
}

#[tokio::test(start_paused = true)]
async fn a_line_whose_image_the_store_refuses_is_not_posted_and_one_whose_answer_was_lost_is_posted_once() {
    let mut room = Room::with_people(&[1, 2]).await;
    room.settle().await;
    room.events();
    let refused = room.ask(2, 1, say::show(9, "look"));
    let (_, answer) = room.writes.recv().await.expect("written");
    let refusal = ErrorBody::new(ErrorCode::BadRequest).field("image", "not one's own");
    answer.send(Err(WriteError::Refused(Box::new(refusal.clone())))).expect("awaited");
    assert_eq!(refused.await.expect("answered").expect_err("refused"), refusal);
    assert!(room.events().is_empty());
    let lost = room.ask(2, 2, say::show(10, "look"));
    let (_, answer) = room.writes.recv().await.expect("written");
    drop(answer);
    let (again, answer) = room.writes.recv().await.expect("asked again");
    let written = Written { replayed: true, ..stored(1, &again).expect("stored").expect("a fact") };
    answer.send(Ok(Some(written))).expect("awaited");
    lost.await.expect("answered").expect("done");
    let events = room.events();
    let [Event::ChatPosted { text, image, .. }] = &events[..] else { panic!("one line: {events:?}") };
    assert_eq!((&**text, image.map(|image| image.as_u128())), ("look", Some(10)));
    assert_eq!(room.handle.depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn signals_come_at_most_every_half_second_and_a_silent_room_sends_none() {
    let mut room = Room::with_people(&[1, 2]).await;
    // Until it was told who came.
    tokio::time::sleep(Duration::from_secs(1)).await;
    room.events();
    let typing = |number| {
        let command = Command::ChatTyping(parlor_protocol::command::InRoom { room: say::room_id() });
        Request::Signal { caller: say::caller(number), command }
    };
    for round in 0..20 {
        room.handle.call(typing(1 + round % 2)).await.expect("may chat");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let signals = |room: &mut Room| {
        let mut signals = 0;
        while let Ok(told) = room.told.try_recv() {
            assert!(!matches!(told, Told::Event(_)), "{told:?}");
            signals += usize::from(matches!(told, Told::Signal(_)));
        }
        signals
    };
    let told = signals(&mut room);
    assert!((4..=5).contains(&told), "{told} in two seconds");
    tokio::time::sleep(Duration::from_secs(10)).await;
    // The last of it, if that was not told yet; then one ends, and half a second later the other.
    assert_eq!(told + signals(&mut room), 7);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(signals(&mut room), 0);
}
