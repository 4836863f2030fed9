//! Tests of the rules of the seat map.

use parlor_protocol::command::{MoveSeat, OnAllSeats, OnMap};

use super::*;

#[test]
fn a_user_who_moves_is_on_the_other_seat_by_one_event_with_one_version() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(1))).expect("free");
    let version = world.state.seats.version();
    let done = world.command(2, move_to(3)).expect("free");
    assert_eq!(world.seats(), [None, None, None, Some(2), None]);
    let (left, taken) = (Seat::empty(1), Seat { user: Some(person(2)), ..Seat::empty(3) });
    let event =
        Event::SeatsChanged { seats: vec![left, taken], version: version + 1, cause: SeatCause::Moved, by: None };
    assert_eq!((world.told.last(), done.seq), (Some(&event), world.state.seq()));
}

#[test]
fn a_refused_move_leaves_the_user_on_the_old_seat() {
    let mut world = World::with_people(&[1, 2, 3]);
    assert_eq!(world.command(2, move_to(3)), Err(ErrorCode::NotSeated));
    world.command(2, take(Some(1))).expect("free");
    world.command(3, take(Some(2))).expect("free");
    world.command(1, lock(3)).expect("the owner may");
    let (told, version) = (world.told.len(), world.state.seats.version());
    for (seat, code) in [
        (0, ErrorCode::Forbidden),
        (1, ErrorCode::AlreadySeated),
        (2, ErrorCode::SeatTaken),
        (3, ErrorCode::SeatLocked),
        (5, ErrorCode::SeatNotFound),
    ] {
        assert_eq!(world.command(2, move_to(seat)), Err(code), "{seat}");
    }
    let stale = Command::SeatMove(MoveSeat { room: room_id(), seat: 4, version: Some(version - 1) });
    assert_eq!(world.command(2, stale), Err(ErrorCode::SeatsChanged));
    assert_eq!(world.command(4, move_to(4)), Err(ErrorCode::NotInRoom));
    assert_eq!((world.told.len(), world.state.seats.version()), (told, version), "nothing has changed");
    assert_eq!(world.seats(), [None, Some(2), Some(3), None, None]);
}

#[test]
fn the_owner_moves_to_the_hosts_seat_and_back() {
    let mut world = World::with_people(&[1]);
    world.command(1, take(Some(4))).expect("free");
    world.command(1, move_to(0)).expect("the owner is the host");
    assert_eq!(world.seats(), [Some(1), None, None, None, None]);
    world.command(1, move_to(4)).expect("free");
    assert_eq!(world.seats(), [None, None, None, None, Some(1)]);
}

#[test]
fn all_seats_but_the_hosts_are_locked_by_one_event_and_whoever_sits_there_loses_the_seat() {
    let mut world = World::with_people(&[1, 2, 3]);
    world.command(1, take(Some(0))).expect("the owner is the host");
    world.command(2, take(Some(2))).expect("free");
    world.command(1, lock(3)).expect("the owner may");
    let version = world.state.seats.version();
    world.command(1, lock_all()).expect("the owner may");
    assert_eq!(world.seats(), [Some(1), None, None, None, None]);
    let seats = [1, 2, 4].map(|no| Seat { locked: true, ..Seat::empty(no) }).to_vec();
    let (cause, by) = (SeatCause::Locked, Some(user(1)));
    assert_eq!(world.told.last(), Some(&Event::SeatsChanged { seats, version: version + 1, cause, by }));
    assert_eq!(world.command(2, take(None)), Err(ErrorCode::SeatTaken), "no seat is free");
    let told = world.told.len();
    world.command(1, lock_all()).expect("nothing is left to do");
    assert_eq!(world.told.len(), told);
}

#[test]
fn all_seats_are_unlocked_by_one_event_the_hosts_too() {
    let mut world = World::with_people(&[1, 2]);
    world.command(1, lock(0)).expect("the owner may");
    world.command(1, lock(4)).expect("the owner may");
    world.command(2, take(Some(1))).expect("free");
    world.command(1, unlock_all()).expect("the owner may");
    let seats = [0, 4].map(Seat::empty).to_vec();
    let Some(Event::SeatsChanged { seats: told, cause, .. }) = world.told.last() else { panic!("seats changed") };
    assert_eq!((told, *cause, world.seats()[1]), (&seats, SeatCause::Unlocked, Some(2)));
}

#[test]
fn no_listener_locks_all_seats_and_the_owner_only_on_the_map_they_saw() {
    let mut world = World::with_people(&[2]);
    let stale = Some(world.state.seats.version() + 100);
    for (all, on) in [
        (lock_all(), Command::SeatLockAll(OnAllSeats { room: room_id(), version: stale })),
        (unlock_all(), Command::SeatUnlockAll(OnAllSeats { room: room_id(), version: stale })),
    ] {
        assert_eq!(world.command(2, all.clone()), Err(ErrorCode::Forbidden));
        assert_eq!(world.command(3, all.clone()), Err(ErrorCode::NotInRoom));
        assert_eq!(world.command(1, on), Err(ErrorCode::SeatsChanged));
        world.command(1, all).expect("the owner may, from outside too");
    }
}

#[test]
fn a_seat_is_left_on_the_map_that_was_seen() {
    let mut world = World::with_people(&[1, 2]);
    world.command(2, take(Some(3))).expect("free");
    let leave = |version| Command::SeatLeave(OnMap { room: room_id(), version: Some(version) });
    let version = world.state.seats.version();
    assert_eq!(world.command(2, leave(version - 1)), Err(ErrorCode::SeatsChanged));
    assert_eq!(world.seats()[3], Some(2));
    world.command(2, leave(version)).expect("the map that was seen");
    assert_eq!(world.seats(), [None; 5]);
    assert_eq!(world.command(2, leave(version + 1)), Err(ErrorCode::NotSeated));
}

#[test]
fn regression_a_lock_that_comes_late_puts_out_whom_it_could_have_put_out_and_nobody_else() {
    for (by, command) in [(2, lock(3)), (1, lock(3)), (2, lock_all())] {
        for (sitting, stays) in [(1, by == 2), (3, by == 2), (4, false)] {
            let mut world = World::with_people(&[1, 2, 3, 4]);
            world.command(1, promote(2)).expect("the owner may");
            world.command(1, promote(3)).expect("the owner may");
            let decided = world.state.decide(&request(by, 900, command.clone()), world.now).expect("may");
            let Outcome::Write(write) = decided.outcome else { panic!("a hard command: {:?}", decided.outcome) };
            world.command(sitting, take(Some(3))).expect("it is not locked yet");
            world.written(write);
            let seat = world.state.seats.seat(3).expect("a seat").clone();
            let expected = stays.then_some(sitting);
            assert_eq!((seat.locked, seat.user.map(|user| user.id.number())), (true, expected), "{sitting} by {by}");
            assert_eq!(world.command(4, take(Some(3))), Err(ErrorCode::SeatLocked), "for everybody else it is locked");

            let checkpoint = Some(world.state.checkpoint(world.now));
            let admins = vec![user(2), user(3)];
            let woken = Woken { locks: vec![3], admins, epoch: 8, checkpoint, ..woken() };
            let next_op = world.next_op;
            let mut world = World { next_op, ..World::waking(woken, Settings::default()) };
            assert_eq!(world.seats()[3], expected, "and so after a restart");
            world.command(1, lock(3)).expect("the owner may");
            assert_eq!(world.seats()[3], None, "a lock by somebody above frees it");
        }
    }
}
