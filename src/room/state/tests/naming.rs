//! Tests of people who have another name or picture.

use parlor_protocol::command::Recipients;

use super::*;

fn renamed(number: i64) -> Person {
    Person { name: format!("new {number}"), picture: Some(7), ..person(number) }
}

fn change(world: &mut World, person: Person) {
    world.ask(&Request::Changed { person }).expect("never refused");
}

#[test]
fn a_changed_name_is_one_event_and_is_on_the_seat_in_the_list_and_on_the_card() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(1))).expect("free");
    world.pass(1_000);
    let (told, version) = (world.told.len(), world.state.seats.version());
    for number in [1, 2] {
        change(&mut world, renamed(number));
    }
    let events: Vec<_> = [1, 2].map(|number| Event::PersonChanged { person: renamed(number) }).into();
    assert_eq!(world.told[told..], events);
    let snapshot = world.state.snapshot(user(2));
    assert_eq!((snapshot.room.owner, snapshot.people), (renamed(1), vec![renamed(1), renamed(2)]));
    assert_eq!(snapshot.seats[1].user, Some(renamed(2)));
    assert_eq!(world.state.seats.version(), version, "nobody has moved, so a command on that version is good");
    // The same once more is no news.
    change(&mut world, renamed(2));
    assert_eq!(world.told.len(), told + 2);
}

#[test]
fn what_a_user_says_has_the_name_of_their_seat_and_what_was_said_keeps_its_own() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, say("before")).expect("in the room");
    world.pass(1_000);
    change(&mut world, renamed(2));
    // The socket of `caller` still has the old name.
    world.command(2, say("after")).expect("in the room");
    world.command(2, take(None)).expect("free");
    let names: Vec<_> = world.state.chat.lines().map(|line| line.from.clone()).collect();
    assert_eq!(names, [person(2), renamed(2)]);
    assert_eq!(world.state.seats.all()[1].user, Some(renamed(2)));
    let order = world.order(2, Recipients::Users(vec![user(1)])).expect("in the room");
    assert_eq!(order.sender, renamed(2));
}

#[test]
fn an_owner_who_is_not_in_the_room_is_renamed_on_its_card() {
    let mut world = World::with_people(&[2]);
    change(&mut world, renamed(1));
    assert_eq!(world.told.last(), Some(&Event::PersonChanged { person: renamed(1) }));
    assert_eq!(world.state.card().owner, renamed(1));
}

#[test]
fn a_user_who_was_never_here_is_no_news() {
    let mut world = World::with_people(&[1]);
    let before = (world.state.seq(), world.state.revision());
    change(&mut world, renamed(3));
    assert_eq!((world.state.seq(), world.state.revision()), before);
}

#[test]
fn a_user_who_comes_back_with_another_name_has_it_everywhere() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(1))).expect("free");
    world.pass(1_000);
    world.drop_socket(2);
    let caller = Caller { user: renamed(2), ..caller(2) };
    world.ask(&Request::Join { caller, position: None }).expect("may come in");
    assert_eq!(world.told.last(), Some(&Event::PersonChanged { person: renamed(2) }));
    assert_eq!(world.state.seats.all()[1].user, Some(renamed(2)));
}

#[test]
fn a_user_who_has_left_is_given_a_gift_under_the_name_they_have_now() {
    let mut world = World::with_people(&[1, 2]);
    let receiver = |world: &mut World| {
        let order = world.order(1, Recipients::Users(vec![user(2)])).expect("in the room");
        order.receivers.expect("they left lately")[0].clone()
    };
    world.pass(1_000);
    world.ask(&Request::Leave { user: user(2) }).expect("never refused");
    world.pass(1_000);
    let told = world.told.len();
    change(&mut world, renamed(2));
    assert_eq!((receiver(&mut world), world.told.len()), (renamed(2), told), "nobody sees them any more");
    // They come back under a third name, and leave again.
    let third = Person { name: "third".into(), ..person(2) };
    world
        .ask(&Request::Join { caller: Caller { user: third.clone(), ..caller(2) }, position: None })
        .expect("comes in");
    assert_eq!(receiver(&mut world), third);
    world.ask(&Request::Leave { user: user(2) }).expect("never refused");
    assert_eq!(receiver(&mut world), third, "the newest of what is kept counts");
}

#[test]
fn while_people_are_only_counted_a_user_without_a_seat_is_renamed_without_an_event() {
    let mut world = World::new(Settings { named_people: 2, ..Settings::default() });
    for number in [1, 2, 3, 4] {
        world.join(number).expect("may come in");
    }
    world.command(2, take(Some(1))).expect("free");
    world.pass(10_000);
    let told = world.told.len();
    change(&mut world, renamed(3));
    assert_eq!(world.told.len(), told);
    assert!(world.state.snapshot(user(1)).people.contains(&renamed(3)), "newcomers see the new name");
    change(&mut world, renamed(2));
    assert_eq!(world.told.last(), Some(&Event::PersonChanged { person: renamed(2) }), "who sits is seen by all");
    // When people are named again, the new name comes with them.
    for number in [2, 4] {
        world.ask(&Request::Leave { user: user(number) }).expect("never refused");
    }
    world.pass(10_000);
    let Some(Event::ParticipantsChanged { joined, .. }) = world.told.last() else { panic!("named again") };
    assert!(joined.contains(&renamed(3)), "{joined:?}");
}

#[test]
fn the_checkpoint_has_the_new_name() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(1))).expect("free");
    change(&mut world, renamed(2));
    assert_eq!(world.state.checkpoint(world.now).seats, [(1, renamed(2))]);
}
