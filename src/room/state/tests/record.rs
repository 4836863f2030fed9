//! Tests of the room's record: its changes, and what it lets people do.

use super::*;

fn change(version: u64) -> ChangeRoom {
    ChangeRoom::of(room_id(), version)
}

fn ask(world: &mut World, who: i64, change: ChangeRoom) -> Result<Done, ErrorCode> {
    world.command(who, Command::RoomChange(change))
}

#[test]
fn a_change_is_one_event_with_the_whole_record_and_the_next_version() {
    let mut world = World::with_people(&[1, 2]);
    let told = world.told.len();
    let named = ChangeRoom {
        name: Some("Majlis".into()),
        announcement: Some("Poetry at nine\nBring a poem".into()),
        tags: Some(vec!["Oud".into(), "oud".into()]),
        ..change(1)
    };
    ask(&mut world, 1, named).expect("the owner's");
    let card = world.state.card().clone();
    assert_eq!((card.version, &*card.name, card.tags.as_slice()), (2, "Majlis", &["oud".to_owned()][..]));
    assert_eq!(world.told[told..], [Event::RoomChanged { room: Box::new(card.clone()), by: user(1) }]);
    assert_eq!(world.state.snapshot(user(2)).room, card);
    assert_eq!(ask(&mut world, 2, change(2)), Err(ErrorCode::Forbidden));
}

#[test]
fn of_two_changes_on_one_version_the_later_is_told_so_and_a_retry_gets_its_first_answer() {
    let mut world = World::with_people(&[1, 2]);
    let (first, second) = (ChangeRoom { name: Some("One".into()), ..change(1) }, change(1));
    let done = world.retry(1, 100, Command::RoomChange(first.clone())).expect("on the present version");
    assert_eq!(ask(&mut world, 1, second), Err(ErrorCode::RoomChanged));
    let again = world.retry(1, 100, Command::RoomChange(first)).expect("done before");
    assert_eq!(again, Done { replayed: true, ..done });
    assert_eq!((world.state.card().version, &*world.state.card().name), (2, "One"));
}

#[test]
fn a_lower_capacity_puts_nobody_out_and_lets_nobody_in() {
    let mut world = World::with_people(&[1, 2, 3]);
    ask(&mut world, 1, ChangeRoom { capacity: Some(2), ..change(1) }).expect("the owner's");
    assert_eq!(world.join(4).expect_err("full").code, ErrorCode::RoomFull);
    assert!(world.join(3).is_ok(), "who is in stays");
    let beyond = u32::try_from(Settings::default().capacity).expect("small") + 1;
    assert_eq!(ask(&mut world, 1, ChangeRoom { capacity: Some(beyond), ..change(2) }), Err(ErrorCode::BadRequest));
    ask(&mut world, 1, ChangeRoom { capacity: Some(0), ..change(2) }).expect("the server's own");
    for number in 4..=9 {
        world.join(number).expect("there is room");
    }
}

#[test]
fn who_may_chat_and_sit_is_what_the_record_says() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(2, take(Some(1))).expect("free");
    let seated = ChangeRoom { may_chat: Some(Who::Seated), may_sit: Some(Who::Admins), ..change(1) };
    ask(&mut world, 1, seated).expect("the owner's");
    world.command(2, say("seated")).expect("they sit");
    world.command(1, say("the owner")).expect("the owner's room");
    assert_eq!(world.command(3, say("standing")), Err(ErrorCode::NotPermitted));
    assert_eq!(world.command(3, take(Some(2))), Err(ErrorCode::NotPermitted));
    world.command(2, move_to(2)).expect("moving takes no seat from the room");
    world.command(1, take(Some(0))).expect("the owner's seat");
    ask(&mut world, 1, ChangeRoom { may_chat: Some(Who::Admins), may_sit: Some(Who::All), ..change(2) })
        .expect("again");
    assert_eq!(world.command(2, say("seated")), Err(ErrorCode::NotPermitted));
    world.command(1, say("the owner")).expect("the owner's room");
    world.command(3, take(Some(3))).expect("free");
}

#[test]
fn an_owner_changes_the_record_from_outside_and_a_stranger_does_not() {
    let mut world = World::with_people(&[2]);
    ask(&mut world, 1, ChangeRoom { name: Some("Away".into()), ..change(1) }).expect("the owner's");
    assert_eq!(&*world.state.card().name, "Away");
    assert_eq!(ask(&mut world, 3, change(2)), Err(ErrorCode::NotInRoom));
}

fn close(reason: &str) -> Command {
    Command::RoomClose(CloseRoom { room: room_id(), reason: reason.into() })
}

fn open() -> Command {
    Command::RoomOpen(InRoom { room: room_id() })
}

#[test]
fn a_closed_room_is_empty_and_its_owner_opens_it_from_outside() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(1))).expect("free");
    assert_eq!(world.command(2, close("")), Err(ErrorCode::Forbidden));
    world.command(1, close("until Friday")).expect("the owner's");
    assert_eq!((world.state.people(), world.seats()[1]), (0, None));
    let closed = Some(Closed { by: ClosedBy::Owner, reason: "until Friday".into() });
    assert_eq!((&world.state.card().closed, world.state.card().version), (&closed, 2));
    for number in [1, 2] {
        let refused = world.join(number).expect_err("closed");
        assert!(refused.code == ErrorCode::RoomClosed && refused.message.contains("until Friday"), "{refused}");
    }
    // Over a restart nobody is on a seat, whatever the checkpoint says.
    let seats = vec![(1, person(2))];
    let checkpoint = Some(Checkpoint { seats, ..Checkpoint::default() });
    let card = world.state.card().clone();
    let mut world = World::waking(Woken { card, checkpoint, ..woken() }, Settings::default());
    assert_eq!((world.state.people(), world.seats()[1]), (0, None));
    assert_eq!(world.command(2, open()), Err(ErrorCode::NotInRoom));
    world.command(1, open()).expect("from outside");
    world.join(2).expect("open");
}

#[test]
fn what_staff_has_closed_its_owner_neither_closes_nor_opens() {
    let mut world = World::with_people(&[2]);
    let staff = |world: &mut World, op: u128, act| {
        let operation = Operation::of_words(Op(uuid::Uuid::from_u128(op)), user(9), "an act of staff");
        world.ask(&Request::Staff { operation, request: String::new(), act }).expect("done")
    };
    staff(&mut world, 500, StaffAct::Suspend { reason: "spam".into() });
    assert_eq!(world.state.people(), 0);
    assert_eq!(world.command(1, open()), Err(ErrorCode::NotPermitted));
    assert_eq!(world.command(1, close("mine")), Err(ErrorCode::NotPermitted));
    staff(&mut world, 501, StaffAct::Restore);
    assert_eq!(world.state.card().closed, None);
    world.join(2).expect("open");
}

#[test]
fn privacy_is_changed_on_the_present_version_and_a_password_is_needed_once() {
    let mut world = World::with_people(&[1, 2]);
    let ask = |world: &mut World, who: i64, op: u128, version, privacy: Privacy, password: Option<&str>| {
        let password = password.map(|hash| PasswordHash(hash.to_owned()));
        let operation = Operation::of_words(Op(uuid::Uuid::from_u128(op)), user(who), "privacy");
        let change = PrivacyChange { version, privacy, password };
        world.ask(&Request::Privacy { user: user(who), operation, change }).map_err(|error| error.code)
    };
    assert_eq!(ask(&mut world, 2, 900, 1, Privacy::Hidden, None), Err(ErrorCode::Forbidden));
    assert_eq!(ask(&mut world, 1, 901, 1, Privacy::Password, None), Err(ErrorCode::BadRequest));
    ask(&mut world, 1, 902, 1, Privacy::Password, Some("hash")).expect("the owner's");
    assert_eq!(ask(&mut world, 1, 903, 1, Privacy::Public, None), Err(ErrorCode::RoomChanged));
    ask(&mut world, 1, 904, 2, Privacy::Password, None).expect("the password stays");
    assert_eq!((world.state.card().privacy, world.state.card().version), (Privacy::Password, 3));
    let stored = serde_json::to_string(&world.facts[0].1).expect("JSON");
    assert!(!stored.contains("hash"), "{stored}");
    assert_eq!(world.state.people(), 2, "nobody is put out");
}
