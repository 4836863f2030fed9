//! Tests of a room whose node cannot prove its lease.

use parlor_protocol::room::Person;

use super::*;

impl Room {
    fn lose_lease(&self) {
        self.proof.renew(self.clock.now());
    }

    fn prove_lease(&self) {
        self.proof.renew(self.clock.now().plus(Duration::from_secs(3_600)));
    }

    async fn error(&self, number: i64, op: u128, command: Command) -> ErrorCode {
        self.ask(number, op, command).await.expect("answered").expect_err("refused").code
    }
}

#[tokio::test(start_paused = true)]
async fn regression_a_paused_room_decides_and_publishes_nothing_and_goes_on_where_it_stood() {
    let mut room = Room::with_people(&[1, 2, 3]).await;
    room.done(2, 1, say::take(Some(2))).await;
    room.settle().await;
    room.events();
    room.lose_lease();
    assert_eq!(room.error(2, 2, say::say("hello")).await, ErrorCode::RoomPaused);
    assert_eq!(room.error(1, 3, say::lock(1)).await, ErrorCode::RoomPaused);
    let join = Request::Join { caller: say::caller(4), position: None };
    assert_eq!(room.handle.call(join).await.expect_err("paused").code, ErrorCode::RoomPaused);
    // Meanwhile the socket of one user is lost, and another user leaves for good.
    let dropped = Request::Dropped { user: say::user(2), connection: say::caller(2).connection };
    room.handle.call(dropped).await.expect("never refused");
    room.handle.call(Request::Leave { user: say::user(3) }).await.expect("never refused");
    room.handle.hint(say::gifts(1..=1, 1_000_000));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(room.told.try_recv().is_err(), "nothing is published");

    *room.ledger.table.lock().expect("no panic") = say::gifts(1..=1, 1_000_000).gifts;
    room.prove_lease();
    assert_eq!(room.announced().await, [1]);
    assert!(
        !room.done(2, 2, say::say("hello")).await.replayed,
        "the operation that was refused by the pause is done when the room goes on"
    );
    let joined = room.join(1, None).await;
    let snapshot = joined.snapshot.expect("nothing brought").read();
    assert_eq!(
        snapshot.seats[2].user,
        Some(say::person(2)),
        "a user who could not come back has the whole grace period again"
    );
    assert_eq!(snapshot.people.iter().map(|person| person.id).collect::<Vec<_>>(), [say::user(1), say::user(2)]);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(room.join(1, None).await.snapshot.expect("nothing brought").read().seats[2].user, None);
}

#[tokio::test(start_paused = true)]
async fn regression_a_user_who_takes_a_former_name_again_during_a_pause_has_it_afterwards() {
    let room = Room::with_people(&[1, 2]).await;
    // Both are announced by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    room.lose_lease();
    let named = |name: &str| Person { name: name.into(), ..say::person(2) };
    for name in ["first", "second", "first"] {
        room.handle.call(Request::Changed { person: named(name) }).await.expect("never refused");
    }
    room.prove_lease();
    room.settle().await;
    let joined = room.join(1, None).await;
    let people = joined.snapshot.expect("nothing brought").read().people;
    assert_eq!(people, [say::person(1), named("first")]);
}

#[tokio::test(start_paused = true)]
async fn a_room_pauses_when_the_machine_has_slept_over_its_lease() {
    let mut room = Room::with_people(&[1, 2]).await;
    room.prove_lease();
    room.settle().await;
    room.events();
    let awake = Instant::now();
    room.clock.sleep(Duration::from_secs(3_600));
    assert_eq!(room.error(2, 1, say::say("hello")).await, ErrorCode::RoomPaused);
    assert_eq!(room.error(1, 2, say::lock(1)).await, ErrorCode::RoomPaused);
    assert!(room.events().is_empty(), "nothing is published");
    assert_eq!(awake.elapsed(), Duration::ZERO, "no time has passed by the clock that stops while the machine sleeps");
    room.prove_lease();
    room.settle().await;
    room.done(2, 1, say::say("hello")).await;
    assert_eq!(room.events().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_is_committed_during_a_pause_is_announced_after_it() {
    let mut room = Room::with_people(&[1]).await;
    let locked = room.ask(1, 1, say::lock(1));
    let (write, answer) = room.writes.recv().await.expect("written");
    room.lose_lease();
    answer.send(stored(1, &write)).expect("awaited");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(room.events().is_empty());
    room.prove_lease();
    assert!(matches!(locked.await, Ok(Ok(Answer::Done(_)))));
    assert_eq!(room.events().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_room_that_another_node_has_claimed_never_goes_on() {
    let room = Room::with_people(&[1]).await;
    room.settle().await;
    room.lose_lease();
    assert_eq!(room.error(1, 1, say::say("hello")).await, ErrorCode::RoomPaused);
    *room.store.fenced.lock().expect("no panic") = true;
    room.prove_lease();
    assert_eq!(room.task.await.expect("no panic").1, Ended::Fenced);
}
