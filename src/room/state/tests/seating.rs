//! Tests of muted seats, the mode, the layout, and users who are moved.

use parlor_protocol::command::{MoveUser, OnMap, OnUserOnMap, SetLayout, SetSeatMode};
use parlor_protocol::seating::MovePolicy;

use super::*;

/// The numbers of the seats that are muted, and of those whose users have muted themselves.
fn mutes(world: &World) -> (Vec<u8>, Vec<u8>) {
    let of =
        |is: fn(&Seat) -> bool| world.state.seats.all().iter().filter(|seat| is(seat)).map(|seat| seat.no).collect();
    (of(|seat| seat.muted), of(|seat| seat.self_muted))
}

#[test]
fn a_self_mute_ends_with_the_stay_and_goes_along_to_another_seat() {
    let mut world = World::with_people(&[1, 2]);
    assert_eq!(world.command(2, mic(true)), Err(ErrorCode::NotSeated));
    world.command(2, take(Some(1))).expect("free");
    world.command(2, mic(true)).expect("sits");
    assert!(matches!(world.told.last(), Some(Event::SeatsChanged { cause: SeatCause::SelfMuted, by: None, .. })));
    let told = world.told.len();
    world.command(2, mic(true)).expect("nothing is left to do");
    assert_eq!((world.told.len(), mutes(&world)), (told, (vec![], vec![1])));
    world.command(2, move_to(3)).expect("free");
    assert_eq!(mutes(&world), (vec![], vec![3]));
    world.command(2, leave_seat()).expect("sits");
    assert_eq!(mutes(&world), (vec![], vec![]));
    world.command(2, take(Some(3))).expect("free");
    assert_eq!(mutes(&world), (vec![], vec![]));
    world.command(2, mic(true)).expect("sits");
    world.command(2, mic(false)).expect("sits");
    assert_eq!(mutes(&world), (vec![], vec![]));
}

#[test]
fn a_mute_belongs_to_the_seat_whoever_sits_there_and_whatever_they_do() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(2, take(Some(1))).expect("free");
    assert_eq!(world.command(2, mute_seat(1)), Err(ErrorCode::Forbidden));
    world.command(1, mute_seat(1)).expect("the owner may");
    assert!(matches!(world.told.last(), Some(Event::SeatsChanged { cause: SeatCause::Muted, by: Some(_), .. })));
    world.command(2, mic(true)).expect("sits");
    world.command(2, mic(false)).expect("sits");
    assert_eq!(mutes(&world), (vec![1], vec![]), "one's own mute is another thing");
    world.command(2, leave_seat()).expect("sits");
    world.command(3, take(Some(1))).expect("free");
    world.command(1, lock(1)).expect("the owner may");
    world.command(1, unlock(1)).expect("the owner may");
    assert_eq!(mutes(&world), (vec![1], vec![]));
    assert_eq!(world.command(1, mute_seat(5)), Err(ErrorCode::SeatNotFound));
    let checkpoint = Some(world.state.checkpoint(world.now));
    let mut next = World::waking(Woken { epoch: 8, seat_mutes: vec![1], checkpoint, ..woken() }, Settings::default());
    assert_eq!(mutes(&next), (vec![1], vec![]), "after a restart too");
    next.command(1, unmute_seat(1)).expect("the owner may, from outside");
    assert_eq!(mutes(&next), (vec![], vec![]));
}

#[test]
fn a_self_mute_outlives_a_restart_with_the_seat() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(1))).expect("free");
    world.command(2, mic(true)).expect("sits");
    let checkpoint = Some(world.state.checkpoint(world.now));
    let locked = Woken { epoch: 8, locks: vec![1], checkpoint: checkpoint.clone(), ..woken() };
    let next = World::waking(Woken { epoch: 8, checkpoint, ..woken() }, Settings::default());
    assert_eq!(mutes(&next), (vec![], vec![1]));
    assert_eq!(mutes(&World::waking(locked, Settings::default())), (vec![], vec![]), "nobody sits there");
}

#[test]
fn an_admin_mutes_no_seat_of_the_owner_or_of_another_admin_and_unmutes_any() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, promote(2)).expect("the owner may");
    world.command(1, promote(3)).expect("the owner may");
    world.command(1, take(Some(0))).expect("the host's");
    world.command(3, take(Some(1))).expect("free");
    world.command(2, take(Some(2))).expect("free");
    assert_eq!(world.command(2, mute_seat(0)), Err(ErrorCode::Forbidden));
    assert_eq!(world.command(2, mute_seat(1)), Err(ErrorCode::Forbidden));
    world.command(2, mute_seat(2)).expect("their own");
    world.command(2, mute_seat(3)).expect("nobody sits there");
    world.command(1, mute_seat(1)).expect("the owner may");
    world.command(2, unmute_seat(1)).expect("an admin may");
    assert_eq!(mutes(&world), (vec![2, 3], vec![]));
}

#[test]
fn where_seats_are_applied_for_only_the_owner_and_admins_take_one_by_themselves() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, promote(3)).expect("the owner may");
    assert_eq!(world.command(2, mode(SeatMode::Apply)), Err(ErrorCode::Forbidden));
    world.command(3, mode(SeatMode::Apply)).expect("an admin may");
    let changed = Event::SeatModeChanged { mode: SeatMode::Apply, by: user(3) };
    assert_eq!((world.told.last(), world.state.snapshot(user(2)).seat_mode), (Some(&changed), Some(SeatMode::Apply)));
    assert_eq!(world.command(2, take(Some(1))), Err(ErrorCode::NotPermitted));
    assert_eq!(world.command(2, take(None)), Err(ErrorCode::NotPermitted));
    world.command(3, take(Some(1))).expect("an admin may");
    world.command(1, take(Some(0))).expect("the owner may");
    world.command(2, raise(None)).expect("may ask");
    world.command(1, approve(2, None)).expect("the owner may");
    world.command(2, move_to(4)).expect("who has a seat may change it");
    let told = world.told.len();
    world.command(1, mode(SeatMode::Apply)).expect("nothing is left to do");
    assert_eq!(world.told.len(), told);
    let next = World::waking(Woken { epoch: 8, seat_mode: SeatMode::Apply, ..woken() }, Settings::default());
    assert_eq!(next.state.snapshot(user(2)).seat_mode, Some(SeatMode::Apply), "after a restart too");
}

#[test]
fn a_smaller_layout_takes_the_seats_of_those_beyond_it_and_what_was_locked_or_muted_there() {
    let wide = Woken { card: RoomCard { seats: 8, ..woken().card }, locks: vec![6], seat_mutes: vec![7], ..woken() };
    let mut world = World::waking(wide, Settings::default());
    for number in 1..=3 {
        world.join(number).expect("may come in");
    }
    world.command(2, take(Some(7))).expect("free");
    world.command(3, take(Some(2))).expect("free");
    world.command(3, mic(true)).expect("sits");
    let version = world.state.seats.version();
    world.command(1, layout(5)).expect("the owner may");
    let seats = world.state.seats.all().to_vec();
    assert_eq!(world.told.last(), Some(&Event::LayoutChanged { seats, version: version + 1, by: user(1) }));
    assert_eq!((world.seats(), world.state.card().seats), (vec![None, None, Some(3), None, None], 5));
    assert_eq!(mutes(&world), (vec![], vec![2]));
    assert_eq!(world.state.own_place(user(2)).role, RoomRole::Listener, "they stay in the room");
    world.command(1, layout(8)).expect("the owner may");
    assert_eq!(world.seats(), [None, None, Some(3), None, None, None, None, None]);
    assert!(world.state.seats.all()[5..].iter().all(|seat| !seat.locked && !seat.muted), "new seats are open");
    let told = world.told.len();
    world.command(1, layout(8)).expect("nothing is left to do");
    assert_eq!(world.told.len(), told);
}

#[test]
fn only_the_owner_changes_the_layout_and_a_wish_for_a_seat_that_is_gone_is_for_any() {
    let wide = Woken { card: RoomCard { seats: 8, ..woken().card }, ..woken() };
    let mut world = World::waking(wide, Settings::default());
    for number in 1..=4 {
        world.join(number).expect("may come in");
    }
    world.command(1, promote(2)).expect("the owner may");
    assert_eq!(world.command(2, layout(5)), Err(ErrorCode::Forbidden));
    world.command(3, raise(Some(7))).expect("may ask");
    world.command(1, invite(4, Some(6))).expect("the owner may");
    world.command(1, layout(5)).expect("the owner may");
    world.command(2, approve(3, None)).expect("on any seat");
    world.command(4, accept()).expect("on any seat");
    assert_eq!(world.seats(), [None, Some(3), Some(4), None, None]);
}

#[test]
fn a_forced_move_gives_up_kicks_or_swaps() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(2, take(Some(1))).expect("free");
    world.command(2, mic(true)).expect("sits");
    world.command(3, take(Some(2))).expect("free");
    assert_eq!(world.command(1, move_user(2, 2, MovePolicy::GiveUp)), Err(ErrorCode::SeatTaken));
    world.command(1, move_user(2, 2, MovePolicy::Swap)).expect("the owner may");
    assert_eq!((world.seats(), mutes(&world).1), (vec![None, Some(3), Some(2), None, None], vec![2]));
    let Some(Event::SeatsChanged { seats, cause: SeatCause::Swapped, by, .. }) = world.told.last() else {
        panic!("one event: {:?}", world.told.last())
    };
    assert_eq!((seats.len(), *by), (2, Some(user(1))));
    world.command(1, move_user(3, 2, MovePolicy::Kick)).expect("the owner may");
    assert_eq!((world.seats(), mutes(&world).1), (vec![None, None, Some(3), None, None], vec![]));
    assert_eq!(world.state.own_place(user(2)).role, RoomRole::Listener, "they stay in the room");
    world.command(1, move_user(3, 4, MovePolicy::GiveUp)).expect("free");
    assert!(matches!(world.told.last(), Some(Event::SeatsChanged { cause: SeatCause::Placed, .. })));
    assert_eq!(world.seats(), [None, None, None, None, Some(3)]);
}

#[test]
fn a_refused_forced_move_changes_nothing() {
    let mut world = World::with_people(&[1, 2, 3, 4]);
    world.command(1, promote(2)).expect("the owner may");
    world.command(1, promote(3)).expect("the owner may");
    world.command(1, take(Some(0))).expect("the host's");
    world.command(3, take(Some(1))).expect("free");
    world.command(4, take(Some(2))).expect("free");
    world.command(1, lock(3)).expect("the owner may");
    let (seats, version) = (world.seats(), world.state.seats.version());
    let swap = |number, seat| move_user(number, seat, MovePolicy::Swap);
    for (number, command, code) in [
        (4, swap(4, 4), ErrorCode::Forbidden),
        (2, swap(4, 1), ErrorCode::Forbidden),
        (2, swap(3, 2), ErrorCode::Forbidden),
        (2, swap(1, 4), ErrorCode::Forbidden),
        (2, swap(4, 0), ErrorCode::Forbidden),
        (2, swap(4, 3), ErrorCode::SeatLocked),
        (2, swap(4, 2), ErrorCode::AlreadySeated),
        (2, swap(4, 5), ErrorCode::SeatNotFound),
        (2, swap(2, 4), ErrorCode::NotSeated),
        (2, swap(9, 4), ErrorCode::UserNotFound),
        (2, remove_user(3), ErrorCode::Forbidden),
        (2, remove_user(1), ErrorCode::Forbidden),
        (4, remove_user(4), ErrorCode::Forbidden),
    ] {
        assert_eq!(world.command(number, command.clone()), Err(code), "{command:?} of {number}");
    }
    assert_eq!((world.seats(), world.state.seats.version()), (seats, version));
    world.command(2, remove_user(4)).expect("an admin may");
    assert!(matches!(world.told.last(), Some(Event::SeatsChanged { cause: SeatCause::Removed, .. })));
    assert_eq!(world.command(2, remove_user(4)), Err(ErrorCode::NotSeated));
    world.command(1, swap(3, 0)).expect("the owner gives the host's seat");
    assert_eq!(world.seats(), [Some(3), Some(1), None, None, None]);
}

#[test]
fn each_command_about_seats_may_name_the_map_it_was_decided_on() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(2, take(Some(1))).expect("free");
    world.command(3, raise(None)).expect("may ask");
    world.command(1, invite(3, None)).expect("the owner may");
    let (room, version) = (room_id(), Some(world.state.seats.version() + 1));
    let (user, seat) = (user(2), 1);
    let on = |user| OnUserOnMap { room, user, version };
    let offer = |user| parlor_protocol::command::OfferSeat { room, user, seat: None, version };
    let third = self::user(3);
    for (number, command) in [
        (1, Command::SeatMute(parlor_protocol::command::OnSeat { room, seat, version })),
        (1, Command::SeatMode(SetSeatMode { room, mode: SeatMode::Apply, version })),
        (1, Command::SeatLayout(SetLayout { room, seats: 8, version })),
        (1, Command::SeatMoveUser(MoveUser { room, user, seat: 2, policy: MovePolicy::Swap, version })),
        (1, Command::SeatRemoveUser(on(user))),
        (2, Command::MicMute(OnMap { room, version })),
        (3, Command::HandRaise(parlor_protocol::command::RaiseHand { room, seat: None, version })),
        (3, Command::HandLower(OnMap { room, version })),
        (1, Command::HandApprove(offer(third))),
        (1, Command::HandRefuse(on(third))),
        (1, Command::InvitationSend(offer(third))),
        (3, Command::InvitationAccept(OnMap { room, version })),
        (3, Command::InvitationRefuse(OnMap { room, version })),
    ] {
        assert_eq!(world.command(number, command.clone()), Err(ErrorCode::SeatsChanged), "{command:?}");
    }
}
